#include "tools/fairleadctl/table.h"

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"

namespace fairlead {

void Table::AddRow(std::vector<std::string> fields) {
  for (std::string& field : fields) {
    // One row, one line, whatever somebody calls his trainer.
    field = absl::StrReplaceAll(field, {{"\n", " "}, {"\t", " "}});
    if (field.empty()) field.push_back('-');
  }
  rows_.push_back(std::move(fields));
}

void Table::Print(std::ostream& out, bool aligned) const {
  std::vector<std::string> header;
  std::vector<size_t> widths;
  for (const Column& column : columns_) {
    header.push_back(column.name);
    widths.push_back(column.name.size());
  }
  for (const std::vector<std::string>& row : rows_) {
    for (size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string pad(aligned ? widths[i] - row[i].size() : 0, ' ');
      const bool is_right = columns_[i].align == kRight;
      if (i > 0) line += aligned ? "  " : "\t";
      line += is_right ? pad + row[i] : row[i];
      // Nothing after the last word of a line.
      if (!is_right && i + 1 < columns_.size()) line += pad;
    }
    out << line << "\n";
  };
  print(header);
  for (const std::vector<std::string>& row : rows_) print(row);
}

}  // namespace fairlead
