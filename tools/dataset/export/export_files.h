#ifndef FAIRLEAD_TOOLS_DATASET_EXPORT_EXPORT_FILES_H_
#define FAIRLEAD_TOOLS_DATASET_EXPORT_EXPORT_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/dataset/arrays/graph_arrays.h"

namespace fairlead {

// The folder that `dataset export` writes: plain .npy files, and export.json,
// which says what they are. The README has the names.

struct ExportOptions {
  // Features as float32, multiplied by their scales.
  bool float32 = false;
};

// UNAVAILABLE if a file cannot be written.
absl::Status WriteExport(const GraphArrays& graph, const ExportOptions& options,
                         const std::string& directory);

// Whether a folder is one.
bool IsExport(const std::string& directory);

// The graph that WriteExport was given. NOT_FOUND if a file is missing;
// INVALID_ARGUMENT, naming the file, if export.json or an array is not as it
// must be.
absl::StatusOr<GraphArrays> ReadExport(const std::string& directory);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_EXPORT_EXPORT_FILES_H_
