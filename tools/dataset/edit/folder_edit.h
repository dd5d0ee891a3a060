#ifndef FAIRLEAD_TOOLS_DATASET_EDIT_FOLDER_EDIT_H_
#define FAIRLEAD_TOOLS_DATASET_EDIT_FOLDER_EDIT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/graph/dataset_manifest.h"

namespace fairlead {

// Changes to a dataset where it is: new files under names that are free, then
// dataset.json at once. Whoever has the dataset open keeps what it has; a
// change that is broken off leaves files that nothing names.

// `stem`, or else stem.2, stem.3, ...: the first for which there is no
// "STEM.`what`.npy".
std::string FreeStem(const std::string& folder, const std::string& stem,
                     const char* what);

// UNAVAILABLE if it cannot be written.
absl::Status ReplaceManifest(const std::string& folder,
                             const DatasetManifest& manifest);

// The folders that have manifests of their own: a whole dataset's, or those of
// its partitions. Errors as ReadDatasetFolder.
absl::StatusOr<std::vector<std::string>> PartitionFolders(
    const std::string& directory);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_EDIT_FOLDER_EDIT_H_
