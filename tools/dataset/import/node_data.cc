#include "tools/dataset/import/node_data.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/element_type.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/import/array_source.h"

namespace fairlead {
namespace {

absl::Status Bad(const std::string& name, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", why));
}

// The place of an id among ids that ascend, or -1.
int64_t PlaceOf(const std::vector<int64_t>& ids, int64_t id) {
  const auto found = std::lower_bound(ids.begin(), ids.end(), id);
  return found == ids.end() || *found != id ? -1 : found - ids.begin();
}

// For each node, the row of the array that is its own; -1 if there is none.
absl::StatusOr<std::vector<int64_t>> RowsOfNodes(const SourceArray& array,
                                                 const NodeArrays& nodes) {
  if (!array.ids.has_value()) {
    if (array.rows() != static_cast<int64_t>(nodes.ids.size())) {
      return Bad(array.name,
                 absl::StrCat("has ", array.rows(), " rows for the ",
                              nodes.ids.size(), " nodes of type ", nodes.name));
    }
    return Iota(array.rows());
  }
  std::vector<int64_t> rows(nodes.ids.size(), -1);
  for (size_t i = 0; i < array.ids->size(); ++i) {
    const int64_t id = (*array.ids)[i];
    const int64_t place = PlaceOf(nodes.ids, id);
    if (place < 0) {
      return Bad(array.name, absl::StrCat("row ", i, ": id ", id,
                                          " is no node of type ", nodes.name));
    }
    int64_t& row = rows[static_cast<size_t>(place)];
    if (row >= 0) {
      return Bad(array.name, absl::StrCat("row ", i, ": id ", id,
                                          " was in row ", row, " already"));
    }
    row = static_cast<int64_t>(i);
  }
  return rows;
}

absl::Status ExpectAll(const SourceArray& array, const NodeArrays& nodes,
                       const std::vector<int64_t>& rows) {
  const auto missing = std::find(rows.begin(), rows.end(), -1);
  if (missing == rows.end()) return absl::OkStatus();
  return Bad(
      array.name,
      absl::StrCat("has no row for node ",
                   nodes.ids[static_cast<size_t>(missing - rows.begin())],
                   " of type ", nodes.name));
}

// A matrix that features can be, in memory that graph->keep keeps.
absl::StatusOr<SourceArray> FeatureMatrix(const SourceArray& array,
                                          GraphArrays* graph) {
  if (array.shape.empty() || array.shape.size() > 2) {
    return Bad(array.name, absl::StrCat("has ", array.shape.size(),
                                        " dimensions; features have two, "
                                        "[rows, columns]"));
  }
  SourceArray matrix = array;
  matrix.shape = {array.rows(), array.columns()};
  const bool fits =
      array.type == ElementType::kFloat32 ||
      array.type == ElementType::kFloat16 || array.type == ElementType::kInt8 ||
      array.type == ElementType::kUint8 || array.type == ElementType::kInt64;
  if (!fits) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        Elements elements,
        ToFeatureType(array.type, {array.data, array.data + array.bytes()},
                      array.name));
    matrix.type = elements.type;
    const auto bytes =
        std::make_shared<const std::vector<uint8_t>>(std::move(elements.bytes));
    matrix.data = bytes->data();
    matrix.keep = bytes;
  }
  graph->keep.push_back(matrix.keep);
  return matrix;
}

}  // namespace

absl::Status SetFeatures(const SourceArray& array, NodeArrays* nodes,
                         GraphArrays* graph) {
  FAIRLEAD_ASSIGN_OR_RETURN(const SourceArray matrix,
                            FeatureMatrix(array, graph));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int64_t> rows,
                            RowsOfNodes(matrix, *nodes));
  FAIRLEAD_RETURN_IF_ERROR(ExpectAll(matrix, *nodes, rows));
  FeatureArrays& features = nodes->features.emplace();
  features.element_type = matrix.type;
  features.columns = matrix.columns();
  const int64_t row_bytes =
      features.columns * static_cast<int64_t>(ElementBytes(matrix.type));
  features.owned.ids = nodes->ids;
  for (const int64_t row : rows) {
    features.owned.rows.push_back(matrix.data + row * row_bytes);
  }
  return absl::OkStatus();
}

absl::Status SetLabels(const SourceArray& array, NodeArrays* nodes) {
  if (array.shape.empty() || array.shape.size() > 2) {
    return Bad(array.name, absl::StrCat("has ", array.shape.size(),
                                        " dimensions; labels have one, or two "
                                        "if there are several of a node"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int64_t> values,
                            ToIntegers(array, /*nan_is_unknown=*/true));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int64_t> rows,
                            RowsOfNodes(array, *nodes));
  nodes->label_columns = array.columns();
  nodes->labels_are_matrix = nodes->label_columns != 1;
  nodes->labels.emplace();
  for (const int64_t row : rows) {
    for (int64_t column = 0; column < nodes->label_columns; ++column) {
      nodes->labels->push_back(row < 0
                                   ? -1
                                   : values[static_cast<size_t>(
                                         row * nodes->label_columns + column)]);
    }
  }
  nodes->num_classes =
      nodes->labels_are_matrix ? 0 : CountClasses(*nodes->labels);
  return absl::OkStatus();
}

absl::Status SetTimestamps(const SourceArray& array, NodeArrays* nodes) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int64_t> values,
                            ToIntegers(array));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int64_t> rows,
                            RowsOfNodes(array, *nodes));
  FAIRLEAD_RETURN_IF_ERROR(ExpectAll(array, *nodes, rows));
  if (array.columns() != 1) {
    return Bad(array.name, absl::StrCat("has ", array.columns(),
                                        " columns; there is one time a node"));
  }
  nodes->timestamps.emplace();
  for (const int64_t row : rows) {
    nodes->timestamps->push_back(values[static_cast<size_t>(row)]);
  }
  return absl::OkStatus();
}

absl::Status SetSplit(const SourceArray& array, const NodeArrays& nodes,
                      std::optional<std::vector<int64_t>>* split) {
  // A file of ids with a header, as "id", has no other column.
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<int64_t> ids, ToIntegers(array));
  if (array.columns() != 1 || array.shape.size() > 2) {
    return Bad(array.name, absl::StrCat("has ", array.columns(),
                                        " columns; a split is a list of ids"));
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    if (PlaceOf(nodes.ids, ids[i]) >= 0) continue;
    return Bad(array.name,
               absl::StrCat("row ", i, ": is ", ids[i],
                            ", which is no node of type ", nodes.name));
  }
  *split = std::move(ids);
  return absl::OkStatus();
}

absl::Status SetEdgeFeatures(const SourceArray& array, EdgeArrays* edges,
                             GraphArrays* graph) {
  FAIRLEAD_ASSIGN_OR_RETURN(const SourceArray matrix,
                            FeatureMatrix(array, graph));
  if (matrix.rows() != static_cast<int64_t>(edges->ids.size())) {
    return Bad(array.name, absl::StrCat("has ", matrix.rows(), " rows for the ",
                                        edges->ids.size(), " edges of type ",
                                        edges->name.ToString()));
  }
  FeatureArrays& features = edges->features.emplace();
  features.element_type = matrix.type;
  features.columns = matrix.columns();
  features.owned = RowsOf(
      Iota(matrix.rows()), matrix.data,
      features.columns * static_cast<int64_t>(ElementBytes(matrix.type)));
  return absl::OkStatus();
}

}  // namespace fairlead
