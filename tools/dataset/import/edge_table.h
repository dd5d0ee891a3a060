#ifndef FAIRLEAD_TOOLS_DATASET_IMPORT_EDGE_TABLE_H_
#define FAIRLEAD_TOOLS_DATASET_IMPORT_EDGE_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tools/dataset/arrays/graph_arrays.h"

namespace fairlead {

// Appends the edges of a text file to those of its type; ids go on from those.
// `columns` and errors as in csv_import.h, which this is a part of.
absl::Status AppendEdgeTable(const std::string& path,
                             const std::vector<std::string>& columns,
                             EdgeArrays* edges);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_IMPORT_EDGE_TABLE_H_
