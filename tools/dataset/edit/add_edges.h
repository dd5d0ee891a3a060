#ifndef FAIRLEAD_TOOLS_DATASET_EDIT_ADD_EDGES_H_
#define FAIRLEAD_TOOLS_DATASET_EDIT_ADD_EDGES_H_

#include <string>

#include "absl/status/status.h"
#include "libs/graph/dataset.h"

namespace fairlead {

// Lists the edges of each type by their destination too (kIn), or by their
// source (kOut), where they are not; they keep their ids, weights, timestamps
// and features. In partitions, the new list of an edge lies with the node that
// lists it, which may be in another partition than the edge is now. Each
// partition's files and manifest change at once (folder_edit.h). Errors as
// Dataset::Load; nothing changes then. Memory: 24 to 36 bytes an edge of the
// largest type of a partition.
absl::Status AddEdges(const std::string& directory, EdgeDir direction);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_EDIT_ADD_EDGES_H_
