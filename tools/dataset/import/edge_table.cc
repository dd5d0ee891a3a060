#include "tools/dataset/import/edge_table.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/edge_list/number_table_reader.h"
#include "libs/edge_list/row_parser.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/arrays/graph_arrays.h"

namespace fairlead {
namespace {

constexpr size_t kRowsAtATime = 65536;

enum Role : size_t { kSrc, kDst, kWeight, kTime, kRoles };

constexpr const char* kRoleNames[kRoles] = {"src", "dst", "weight",
                                            "timestamp"};

std::optional<Role> RoleOf(const std::string& column) {
  const std::string name = absl::AsciiStrToLower(column);
  if (name == "src" || name == "source") return kSrc;
  if (name == "dst" || name == "target" || name == "destination") return kDst;
  if (name == "weight") return kWeight;
  if (name == "time" || name == "timestamp") return kTime;
  return std::nullopt;
}

// What is in which column.
struct Layout {
  std::vector<ColumnKind> kinds;
  // Of each role, its place among the integers or the reals of a row.
  std::array<std::optional<size_t>, kRoles> place;
  size_t integers = 0;  // of a row
};

absl::StatusOr<Layout> MakeLayout(const std::string& path,
                                  const NumberTableReader& table,
                                  const std::vector<std::string>& columns) {
  std::vector<std::string> names = table.header();
  const bool has_header = !names.empty();
  if (!has_header) {
    names = columns.empty() ? std::vector<std::string>{"src", "dst"} : columns;
    if (names.size() != table.columns()) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": has ", table.columns(), " columns and no header; say what ",
          "they are with --columns, such as --columns=src,dst,weight",
          columns.empty()
              ? ""
              : absl::StrCat(" (it is ", absl::StrJoin(columns, ","), ")")));
    }
  }
  Layout layout;
  for (const std::string& name : names) {
    const std::optional<Role> role = RoleOf(name);
    if (!role.has_value()) {
      if (!has_header && name != "-") {
        return absl::InvalidArgumentError(absl::StrCat(
            "--columns: \"", name,
            "\": must be src, dst, weight, timestamp, or - for a column that "
            "is not read"));
      }
      layout.kinds.push_back(ColumnKind::kSkipped);
      continue;
    }
    if (layout.place[*role].has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": two columns are ", kRoleNames[*role]));
    }
    if (*role == kWeight) {
      layout.place[*role] = 0;
      layout.kinds.push_back(ColumnKind::kReal);
    } else {
      layout.place[*role] = layout.integers++;
      layout.kinds.push_back(*role == kTime ? ColumnKind::kInteger
                                            : ColumnKind::kId);
    }
  }
  for (const Role role : {kSrc, kDst}) {
    if (layout.place[role].has_value()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": no column is ", kRoleNames[role],
                     "; the columns are ", absl::StrJoin(names, ", ")));
  }
  return layout;
}

// What one file of a type has, all have.
template <typename T>
absl::Status Expect(bool has, bool is_first, const std::string& path,
                    const char* what, std::optional<std::vector<T>>* values) {
  if (is_first && has) values->emplace();
  if (values->has_value() == has) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": has ", has ? "" : "no ", what,
                   ", unlike the files of its type before it"));
}

}  // namespace

absl::Status AppendEdgeTable(const std::string& path,
                             const std::vector<std::string>& columns,
                             EdgeArrays* edges) {
  NumberTableOptions options;
  options.allow_non_finite = true;  // refused below, by name
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<NumberTableReader> table,
                            NumberTableReader::Open(path, options));
  FAIRLEAD_ASSIGN_OR_RETURN(const Layout layout,
                            MakeLayout(path, *table, columns));
  const bool is_first = edges->src.empty();
  FAIRLEAD_RETURN_IF_ERROR(Expect(layout.place[kWeight].has_value(), is_first,
                                  path, "weights", &edges->weights));
  FAIRLEAD_RETURN_IF_ERROR(Expect(layout.place[kTime].has_value(), is_first,
                                  path, "timestamps", &edges->timestamps));
  std::vector<int64_t> integers;
  std::vector<double> reals;
  size_t row = 0;
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const size_t rows,
        table->ReadColumns(kRowsAtATime, layout.kinds, &integers, &reals));
    if (rows == 0) return absl::OkStatus();
    for (size_t i = 0; i < rows; ++i, ++row) {
      const int64_t* of_row = integers.data() + i * layout.integers;
      edges->src.push_back(of_row[*layout.place[kSrc]]);
      edges->dst.push_back(of_row[*layout.place[kDst]]);
      edges->ids.push_back(static_cast<int64_t>(edges->ids.size()));
      if (edges->timestamps.has_value()) {
        edges->timestamps->push_back(of_row[*layout.place[kTime]]);
      }
      if (!edges->weights.has_value()) continue;
      const auto weight = static_cast<float>(reals[i]);
      if (!std::isfinite(weight) || weight < 0) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": row ", row, ": the weight is ", reals[i],
                         "; weights are 0 or more, and finite"));
      }
      edges->weights->push_back(weight);
    }
  }
}

}  // namespace fairlead
