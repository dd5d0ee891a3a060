#ifndef FAIRLEAD_TOOLS_DATASET_IMPORT_IMPORT_COMMAND_H_
#define FAIRLEAD_TOOLS_DATASET_IMPORT_IMPORT_COMMAND_H_

#include <string>

#include "absl/status/status.h"

namespace fairlead {

// `dataset import`: its flags, and the importers that they choose.

// What --help says of it.
extern const char kImportUsage[];

// Writes what the flags name into `directory`. INVALID_ARGUMENT, naming the
// flag, if one is missing or does not belong to this --from.
absl::Status RunImport(const std::string& in, const std::string& directory);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_IMPORT_IMPORT_COMMAND_H_
