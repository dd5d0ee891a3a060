#ifndef FAIRLEAD_TOOLS_DATASET_IMPORT_NODE_DATA_H_
#define FAIRLEAD_TOOLS_DATASET_IMPORT_NODE_DATA_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/import/array_source.h"

namespace fairlead {

// Gives nodes what a file says of them. The rows of an array are those of
// nodes->ids, in that order, unless it names their ids. INVALID_ARGUMENT,
// naming file and row, for other rows than nodes, ids that are none, or twice.

// One row for each node. Keeps the array in graph->keep.
absl::Status SetFeatures(const SourceArray& array, NodeArrays* nodes,
                         GraphArrays* graph);

// One column, or more. Negative or NaN is unknown, and so are nodes that an
// array with ids does not name. Sets num_classes, if there is one column.
absl::Status SetLabels(const SourceArray& array, NodeArrays* nodes);

absl::Status SetTimestamps(const SourceArray& array, NodeArrays* nodes);

// Ids of nodes.
absl::Status SetSplit(const SourceArray& array, const NodeArrays& nodes,
                      std::optional<std::vector<int64_t>>* split);

// Features of edges whose ids count from 0 on.
absl::Status SetEdgeFeatures(const SourceArray& array, EdgeArrays* edges,
                             GraphArrays* graph);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_IMPORT_NODE_DATA_H_
