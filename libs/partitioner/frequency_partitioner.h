#ifndef FAIRLEAD_LIBS_PARTITIONER_FREQUENCY_PARTITIONER_H_
#define FAIRLEAD_LIBS_PARTITIONER_FREQUENCY_PARTITIONER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// Nodes to where they are needed most (GLT's frequency partitioner, parity
// 2.6), and which of the others' rows each partition should keep a copy of.
//
//   hotness[p] = EstimateHotness(indptr, indices, seeds of p, fanouts)
//   owners = FrequencyOwners(hotness, {});
//   cached = SelectCache(hotness[p], owners, p, row_bytes, budget_bytes);
struct FrequencyOptions {
  // A partition may have this much more than its share of nodes: 0.03 is 3 %.
  // 0: sizes differ by at most one.
  double max_imbalance = 0.03;

  // Nodes are assigned this many times `parts` at a time, in order of ids, and
  // balance holds after each such chunk; 16 bytes a node of the chunk. 0: all
  // at once, which loses no hot node to a partition that had its share of the
  // chunk.
  int64_t chunk_size = 0;
};

// The owner of each node, where hotness[p][v] is how likely a batch of
// partition p needs node v (any unit will do): each span is [num_nodes], one a
// partition.
//
// A node goes to the partition that needs it most relative to the others, which
// is the one with most of its hotness, as long as that has room. Those nodes
// choose first that lose most by getting their second choice; then, when a
// partition is full, the rest choose anew among the others. Where nobody, or
// everybody alike, needs a node, it goes where fewest nodes are.
//
// Deterministic: ties go to the lower id. O(nodes * (partitions + log nodes))
// each time a partition is full, which is mostly near the end.
// INVALID_ARGUMENT, saying which: not 1 to kMaxPartitions spans, or of
// different sizes; a hotness that is negative or no number; options out of
// range.
absl::StatusOr<std::vector<uint32_t>> FrequencyOwners(
    absl::Span<const absl::Span<const float>> hotness,
    const FrequencyOptions& options);

// The rows of other partitions that `partition` should keep a copy of: the
// hottest, by descending hotness and then ascending id, as many as fit
// budget_bytes at row_bytes each. Rows that are never needed (hotness 0), or
// nobody's (kNoPartition), are not among them. O(nodes + rows log rows).
// INVALID_ARGUMENT unless hotness [num_nodes], none of it negative or no
// number, and owners [num_nodes] agree in size, and row_bytes >= 1.
absl::StatusOr<std::vector<int64_t>> SelectCache(
    absl::Span<const float> hotness, absl::Span<const uint32_t> owners,
    uint32_t partition, uint64_t row_bytes, uint64_t budget_bytes);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITIONER_FREQUENCY_PARTITIONER_H_
