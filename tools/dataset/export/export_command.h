#ifndef FAIRLEAD_TOOLS_DATASET_EXPORT_EXPORT_COMMAND_H_
#define FAIRLEAD_TOOLS_DATASET_EXPORT_EXPORT_COMMAND_H_

#include <string>

#include "absl/status/status.h"

namespace fairlead {

// `dataset export`: its flags.

// What --help says of it.
extern const char kExportUsage[];

// Writes the dataset `in` as the flags say into `directory`.
absl::Status RunExport(const std::string& in, const std::string& directory);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_EXPORT_EXPORT_COMMAND_H_
