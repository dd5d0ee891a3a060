#ifndef FAIRLEAD_LIBS_PARTITIONER_ID_PARTITIONERS_H_
#define FAIRLEAD_LIBS_PARTITIONER_ID_PARTITIONERS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// Partitions that look at no edge, or only at how many a node has. All are
// pure, and the same on every host and in every version.
//
//   random   a table; sizes differ by at most one
//   range    bounds; neighbouring ids stay together (RangePartitionBook)
//
// (By hash: HashOwner of libs/graph/partition_book.h.)

// The owner of each node: nodes are shuffled, and position i of the shuffle is
// partition i mod parts's, as in GLT's random partitioner (parity 2.6). So
// sizes differ by at most one. The shuffle is Fisher-Yates with Philox draws:
// it depends on (seed, num_nodes) alone. INVALID_ARGUMENT unless
// num_nodes >= 0 and there are 1 to kMaxPartitions partitions. O(num_nodes)
// time, and no memory beside the result.
absl::StatusOr<std::vector<uint32_t>> RandomOwners(int64_t num_nodes,
                                                   uint32_t parts,
                                                   uint64_t seed);

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
