#ifndef FAIRLEAD_TOOLS_DATASET_IMPORT_TYPE_FILES_H_
#define FAIRLEAD_TOOLS_DATASET_IMPORT_TYPE_FILES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace fairlead {

// The node type of graphs that name none, as in "labels.npy" for
// "node:labels.npy".
inline constexpr char kOnlyNodeType[] = "node";

// Flags of the form FILE or TYPE:FILE, as files by type. INVALID_ARGUMENT,
// naming --`flag`, for a type that is there twice, or an empty part.
absl::StatusOr<std::map<std::string, std::string>> ParseTypeFiles(
    const std::string& flag, const std::vector<std::string>& values);

// The same of numbers: NUMBER or TYPE:NUMBER, 0 or more.
absl::StatusOr<std::map<std::string, int64_t>> ParseTypeCounts(
    const std::string& flag, const std::vector<std::string>& values);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_IMPORT_TYPE_FILES_H_
