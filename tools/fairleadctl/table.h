#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_TABLE_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_TABLE_H_

#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace fairlead {

// Rows of text under a header: aligned for people, or with a tab between
// fields for `cut` and `awk`.
//
//   Table table({{"channel", Table::kRight}, {"state"}});
//   table.AddRow({"7", "parked"});
//   table.Print(out, /*aligned=*/true);
class Table {
 public:
  enum Align { kLeft, kRight };
  struct Column {
    std::string name;
    Align align = kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // REQUIRES: a field for each column. An empty one is printed as "-", so that
  // every row has as many words as the header.
  void AddRow(std::vector<std::string> fields);

  void Print(std::ostream& out, bool aligned) const;

  bool empty() const { return rows_.empty(); }

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_TABLE_H_
