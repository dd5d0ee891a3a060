#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_PARTITION_OPTIONS_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_PARTITION_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fairlead {

// How nodes get their partitions (libs/partitioner). Each type of nodes is
// spread over all partitions.
enum class PartitionMethod {
  kRange,      // ids in order, as many in each
  kRandom,     // as many in each
  kHash,       // by HashOwner, so that no table is needed
  kMetis,      // few edges between partitions
  kFrequency,  // where batches of the partition's train seeds need them
};

// "range", "random", "hash", "metis", "frequency". INVALID_ARGUMENT, naming
// them, for anything else.
absl::StatusOr<PartitionMethod> ParsePartitionMethod(absl::string_view name);
absl::string_view PartitionMethodName(PartitionMethod method);

struct PartitionOptions {
  int64_t parts = 0;  // 1 to kMaxPartitions
  PartitionMethod method = PartitionMethod::kRange;
  uint64_t seed = 0;  // of kRandom, kMetis, kFrequency

  // For kRange and kMetis: partitions are to have an equal share of nodes and
  // the edges that lie with them, and not of nodes alone.
  bool balance_edges = false;

  // What batches are like, for kFrequency and for caches (hotness.h): drawn
  // along each edge type at each hop, and train seeds in one; 0: all.
  std::vector<int32_t> fanouts = {15, 10, 5};
  int64_t hotness_batch = 1024;

  // For copies of other partitions' feature rows, those that batches need
  // most, in each partition.
  uint64_t cache_bytes = 0;

  // What may be used where the topology must be in memory; 0: as much as the
  // machine has.
  uint64_t max_memory_bytes = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_PARTITION_OPTIONS_H_
