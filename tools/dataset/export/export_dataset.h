#ifndef FAIRLEAD_TOOLS_DATASET_EXPORT_EXPORT_DATASET_H_
#define FAIRLEAD_TOOLS_DATASET_EXPORT_EXPORT_DATASET_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "tools/dataset/export/export_files.h"

namespace fairlead {

// Writes a dataset, or one of its partitions, as plain arrays into `directory`;
// all partitions are put together unless one is named. Cached rows are left
// out. Errors as Dataset::Load and MergeArrays.
absl::Status ExportDataset(const std::string& dataset,
                           std::optional<uint32_t> partition,
                           const ExportOptions& options,
                           const std::string& directory);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_EXPORT_EXPORT_DATASET_H_
