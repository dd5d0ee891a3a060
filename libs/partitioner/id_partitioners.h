#ifndef FAIRLEAD_LIBS_PARTITIONER_ID_PARTITIONERS_H_
#define FAIRLEAD_LIBS_PARTITIONER_ID_PARTITIONERS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/random/philox.h"

namespace fairlead {

// Partitions that look at no edge, or only at how many a node has. All are
// pure, and the same on every host and in every version.
//
//   random   a table; sizes differ by at most one
//   hash     no table: any engine can compute the owner of an id
//   range    bounds; neighbouring ids stay together (RangePartitionBook)

// The owner of each node: nodes are shuffled, and position i of the shuffle is
// partition i mod parts's, as in GLT's random partitioner (parity 2.6). So
// sizes differ by at most one. The shuffle is Fisher-Yates with Philox draws:
// it depends on (seed, num_nodes) alone. INVALID_ARGUMENT unless
// num_nodes >= 0 and there are 1 to kMaxPartitions partitions. O(num_nodes)
// time, and no memory beside the result.
absl::StatusOr<std::vector<uint32_t>> RandomOwners(int64_t num_nodes,
                                                   uint32_t parts,
                                                   uint64_t seed);

// The owner of `id`: SplitMix64(id) mod parts. All in 64 bit, unsigned,
// wrapping around:
//
//   x = id + 0x9E3779B97F4A7C15
//   x = (x xor (x >> 30)) * 0xBF58476D1CE4E5B9
//   x = (x xor (x >> 27)) * 0x94D049BB133111EB
//   owner = (x xor (x >> 31)) mod parts
//
// For example id 0 gives 0xE220A8397B1DCDAF before the mod, so its owner among
// 10 is 5; that of id 2 is 0, that of id 3 is 3. Sizes are balanced as coins
// are, not exactly. REQUIRES parts >= 1.
constexpr uint32_t HashOwner(int64_t id, uint32_t parts) {
  return static_cast<uint32_t>(SplitMix64(static_cast<uint64_t>(id)) % parts);
}

// Bounds of ranges of equal length, for RangePartitionBook: parts + 1 of them;
// the first num_nodes % parts ranges are longer by one. INVALID_ARGUMENT as
// RandomOwners.
absl::StatusOr<std::vector<int64_t>> EvenRangeBounds(int64_t num_nodes,
                                                     uint32_t parts);

// Bounds of ranges of about equal nodes + edges, for a graph whose degrees
// differ. Bounds lie where nodes + edges before them come nearest to their
// share, so a range has at most its share and the largest 1 + degree; behind
// a node that is more than a share, ranges may be empty. `indptr` is of int64
// [nodes + 1], as in CSR. INVALID_ARGUMENT if it does not rise from 0, or
// there are not 1 to kMaxPartitions partitions. O(nodes), since it checks.
absl::StatusOr<std::vector<int64_t>> EdgeBalancedRangeBounds(
    absl::Span<const int64_t> indptr, uint32_t parts);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITIONER_ID_PARTITIONERS_H_
