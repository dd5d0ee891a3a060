#ifndef FAIRLEAD_TOOLS_DATASET_IMPORT_GLT_IMPORT_H_
#define FAIRLEAD_TOOLS_DATASET_IMPORT_GLT_IMPORT_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "libs/graph/dataset.h"

namespace fairlead {

struct GltImportOptions {
  std::string in;    // the root folder of a GLT partitioner
  std::string name;  // of the dataset
  // Label files (GL-024) by node type; of a homogeneous graph by "node".
  std::map<std::string, std::string> labels;
  // With which end edges lie. By default found out: with their sources if all
  // do, else with their destinations.
  std::optional<EdgeDir> edge_dir;
  bool merge = false;  // one whole dataset
};

// Writes the graph of a GLT partition folder (GltFolder; parity 2.6, GL-021) as
// a dataset into `directory`, in the same partitions or as a whole.
//
//   nodes     those that the node book gives to a partition
//   edges     `out` if they lie with their source, else `in`; eids are edge ids
//   features  as they are, but that narrow integers become int64, bool uint8
//             and float64 float32; the feature cache becomes `cached`, without
//             rows that the partition has anyway, and is left out of a whole
//   books     bounds where owners rise with ids, else tables
//   types     of a homogeneous graph: node, and node__to__node
//
// Errors as GltFolder, and INVALID_ARGUMENT, naming file and row, for an edge
// of another partition than the books say, an edge id that is twice or in no
// partition, features of what the partition does not own, or not of all that it
// owns, ids beyond a book, labels that are not as many as nodes. (A partition
// without a folder of features, where others have one, has none.)
// One partition at a time is in memory, unless they are merged.
absl::Status ImportGlt(const GltImportOptions& options,
                       const std::string& directory);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_IMPORT_GLT_IMPORT_H_
