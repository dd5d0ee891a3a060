#ifndef FAIRLEAD_TOOLS_DATASET_PARTITION_PARTITION_COMMAND_H_
#define FAIRLEAD_TOOLS_DATASET_PARTITION_PARTITION_COMMAND_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace fairlead {

// `dataset partition`: its flags.

// What --help says of it.
extern const char kPartitionUsage[];

// Writes the dataset `in` as partitions into `directory`, and a report to
// standard error and --report. INVALID_ARGUMENT, naming it, for a flag that is
// none; else as WritePartitions.
absl::Status RunPartition(const std::string& in, const std::string& directory,
                          uint64_t seed);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_PARTITION_PARTITION_COMMAND_H_
