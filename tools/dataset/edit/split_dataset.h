#ifndef FAIRLEAD_TOOLS_DATASET_EDIT_SPLIT_DATASET_H_
#define FAIRLEAD_TOOLS_DATASET_EDIT_SPLIT_DATASET_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "libs/sampling/node_split.h"

namespace fairlead {

struct SplitOptions {
  std::string node_type;  // empty: the only one
  SplitSize val = 0.0;
  SplitSize test = 0.0;
  uint64_t seed = 0;
};

// Gives the nodes of a type new splits, in place of those it may have, by
// RandomNodeSplit of all its nodes by id. A graph in partitions is split as it
// is as a whole, and each partition gets what it has of each split. Each
// partition's files and manifest change at once (folder_edit.h). Errors as
// Dataset::Load, Dataset::FindNodeType and RandomNodeSplit; nothing changes
// then.
absl::Status SplitDataset(const std::string& directory,
                          const SplitOptions& options);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_EDIT_SPLIT_DATASET_H_
