#include "tools/fairleadctl/table.h"

#include <sstream>

#include "gtest/gtest.h"

namespace fairlead {
namespace {

Table ExampleTable() {
  Table table({{"id", Table::kRight}, {"name"}, {"state"}});
  table.AddRow({"7", "pool", "up"});
  table.AddRow({"123", "a", ""});
  return table;
}

TEST(Table, AlignsColumnsForPeople) {
  std::ostringstream out;
  ExampleTable().Print(out, /*aligned=*/true);
  EXPECT_EQ(out.str(),
            " id  name  state\n"
            "  7  pool  up\n"
            "123  a     -\n");
}

TEST(Table, SeparatesFieldsWithTabsForPrograms) {
  std::ostringstream out;
  ExampleTable().Print(out, /*aligned=*/false);
  EXPECT_EQ(out.str(), "id\tname\tstate\n7\tpool\tup\n123\ta\t-\n");
}

TEST(Table, NoNameBreaksALine) {
  Table table({{"name"}});
  table.AddRow({"two\nlines\tand a tab"});
  std::ostringstream out;
  table.Print(out, /*aligned=*/false);
  EXPECT_EQ(out.str(), "name\ntwo lines and a tab\n");
}

}  // namespace
}  // namespace fairlead
