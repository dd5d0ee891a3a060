#include "libs/partitioner/id_partitioners.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/partition_book.h"
#include "libs/partitioner/csr_check.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// In place of an epoch, so that the draws are no epoch's.
constexpr uint64_t kNoEpoch = std::numeric_limits<uint64_t>::max();

}  // namespace

absl::StatusOr<std::vector<uint32_t>> RandomOwners(int64_t num_nodes,
                                                   uint32_t parts,
                                                   uint64_t seed) {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckNodesAndParts("random partitions", num_nodes, parts));
  std::vector<uint32_t> owners(static_cast<size_t>(num_nodes));
  // Shuffling who owns a position is shuffling the nodes, in half the memory.
  for (size_t i = 0; i < owners.size(); ++i) {
    owners[i] = static_cast<uint32_t>(i % parts);
  }
  RandomStream random(
      DeriveRandomKey(seed, RandomPurpose::kShuffle, kNoEpoch, owners.size()),
      /*place=*/0, /*lane=*/0);
  for (size_t i = owners.size(); i > 1; --i) {
    std::swap(owners[i - 1], owners[random.Below(i)]);
  }
  return owners;
}

absl::StatusOr<std::vector<int64_t>> EvenRangeBounds(int64_t num_nodes,
                                                     uint32_t parts) {
  FAIRLEAD_ASSIGN_OR_RETURN(const RangePartitionBook book,
                            RangePartitionBook::CreateEven(num_nodes, parts));
  return std::vector<int64_t>(book.bounds().begin(), book.bounds().end());
}

absl::StatusOr<std::vector<int64_t>> EdgeBalancedRangeBounds(
    absl::Span<const int64_t> indptr, uint32_t parts) {
  FAIRLEAD_RETURN_IF_ERROR(CheckIndptr("edge-balanced ranges", indptr));
  const auto num_nodes = static_cast<int64_t>(indptr.size()) - 1;
  FAIRLEAD_RETURN_IF_ERROR(
      CheckNodesAndParts("edge-balanced ranges", num_nodes, parts));
  // Nodes + edges before a node; rises with every node.
  const auto before = [indptr](int64_t node) {
    return node + indptr[static_cast<size_t>(node)];
  };
  const int64_t total = before(num_nodes);
  std::vector<int64_t> bounds = {0};
  bounds.reserve(size_t{parts} + 1);
  for (uint32_t part = 1; part < parts; ++part) {
    const auto target =
        static_cast<int64_t>(static_cast<__int128>(total) * part / parts);
    // The first node with at least `target` before it.
    int64_t low = bounds.back();
    int64_t high = num_nodes;
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      if (before(middle) < target) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low > bounds.back() &&
        target - before(low - 1) <= before(low) - target) {
      --low;
    }
    bounds.push_back(low);
  }
  bounds.push_back(num_nodes);
  return bounds;
}

}  // namespace fairlead
