// libs/loader/PARITY.md says what is true of the tree: every id has its place,
// and the names, files and tests that it tells of are there.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Read(absl::string_view file) {
  std::ifstream in(absl::StrCat(std::getenv("TEST_SRCDIR"), "/",
                                std::getenv("TEST_WORKSPACE"), "/", file));
  EXPECT_TRUE(in.good()) << "there is no " << file;
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Row {
  std::string name;
  std::string file;
  std::string test_file;
  std::string suite;
  std::string test;
};

absl::string_view WithoutQuotes(absl::string_view cell) {
  cell = absl::StripAsciiWhitespace(cell);
  absl::ConsumePrefix(&cell, "`");
  absl::ConsumeSuffix(&cell, "`");
  return cell;
}

// The rows of the page's table, by id.
std::map<std::string, Row> Table(const std::string& page) {
  std::map<std::string, Row> rows;
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    const std::vector<absl::string_view> cells = absl::StrSplit(line, '|');
    if (cells.size() != 6) continue;
    const std::string id(absl::StripAsciiWhitespace(cells[1]));
    if (id == "id" || id == "---") continue;
    const std::vector<std::string> proof =
        absl::StrSplit(WithoutQuotes(cells[4]), ": ");
    const std::vector<std::string> test = absl::StrSplit(proof.back(), '.');
    EXPECT_THAT(proof, SizeIs(2)) << line;
    EXPECT_THAT(test, SizeIs(2)) << line;
    const bool is_new =
        rows.emplace(id, Row{std::string(WithoutQuotes(cells[2])),
                             std::string(WithoutQuotes(cells[3])),
                             proof.front(), test.front(), test.back()})
            .second;
    EXPECT_TRUE(is_new) << id << " is there twice";
  }
  return rows;
}

// Every id that the loader answers for.
std::set<std::string> AllIds() {
  std::set<std::string> ids = {"6.2"};
  const auto add = [&ids](const char* prefix, int digits, int first, int last) {
    for (int i = first; i <= last; ++i) {
      ids.insert(absl::StrFormat("%s-%0*d", prefix, digits, i));
    }
  };
  add("RC", 2, 1, 15);
  add("GL", 3, 1, 7);
  add("GL", 3, 10, 17);
  add("GL", 3, 50, 60);
  add("GL", 3, 80, 88);
  add("GL", 3, 90, 97);
  add("GL", 3, 100, 105);
  add("GL", 3, 110, 116);
  add("GL", 3, 120, 133);
  add("GL", 3, 136, 136);
  add("DS", 2, 60, 69);
  add("C", 2, 1, 25);
  return ids;
}

TEST(LoaderParity, EveryIdIsInTheTableOrNamedBelowIt) {
  const std::string page = Read("libs/loader/PARITY.md");
  const std::map<std::string, Row> table = Table(page);
  const std::string below = page.substr(page.find("## Not on this page"));
  const std::set<std::string> ids = AllIds();
  for (const std::string& id : ids) {
    const bool is_below = absl::StrContains(below, absl::StrCat(id, ",")) ||
                          absl::StrContains(below, absl::StrCat(id, "."));
    EXPECT_NE(table.contains(id), is_below) << id;
  }
  for (const auto& [id, row] : table) EXPECT_TRUE(ids.contains(id)) << id;
}

TEST(LoaderParity, NamesAndTestsAreThere) {
  for (const auto& [id, row] : Table(Read("libs/loader/PARITY.md"))) {
    SCOPED_TRACE(id);
    const std::vector<std::string> parts =
        absl::StrSplit(row.name, absl::ByAnyChar(": "), absl::SkipEmpty());
    EXPECT_THAT(Read(row.file), HasSubstr(parts.back()));
    const std::string tests = Read(row.test_file);
    EXPECT_TRUE(absl::StrContains(
                    tests, absl::StrCat("(", row.suite, ", ", row.test, ")")) ||
                absl::StrContains(tests, absl::StrCat("(", row.suite,
                                                      ",\n     ", row.test)) ||
                absl::StrContains(tests, absl::StrCat("(", row.suite,
                                                      ",\n       ", row.test)))
        << row.test_file << " has no test " << row.suite << "." << row.test;
  }
}

}  // namespace
}  // namespace fairlead
