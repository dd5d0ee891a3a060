#ifndef FAIRLEAD_TOOLS_DATASET_EDIT_EDIT_COMMAND_H_
#define FAIRLEAD_TOOLS_DATASET_EDIT_EDIT_COMMAND_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace fairlead {

// `dataset split` and `dataset add_labels`: their flags.

// What --help says of them, and of add_in_edges and add_out_edges.
extern const char kEditUsage[];

// Splits the dataset in `directory`, where it is.
absl::Status RunSplit(const std::string& directory, uint64_t seed);

// Labels the dataset in `directory`, where it is.
absl::Status RunAddLabels(const std::string& directory);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_EDIT_EDIT_COMMAND_H_
