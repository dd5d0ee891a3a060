#ifndef FAIRLEAD_LIBS_PARTITIONER_REBALANCE_H_
#define FAIRLEAD_LIBS_PARTITIONER_REBALANCE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "libs/partitioner/undirected_graph.h"

namespace fairlead {

// A class of nodes that is to be spread evenly: nodes [begin, end).
struct BalanceRange {
  int32_t begin = 0;
  int32_t end = 0;
};

// Moves nodes of `range` out of the partitions whose weight of them is above
// the limit: the share of each partition, rounded up, or times
// 1 + max_imbalance if that is more. Those go first that have the fewest
// neighbours where they are; they go where they have most neighbours among
// the partitions with room, or where there is most room. Afterwards no
// partition is above the limit by more than the heaviest node's weight; if all
// weights are 1, none is above it.
//
// Deterministic; O(nodes) if nothing is to be moved, else O(nodes + edges)
// and, a moved node, O(degree + partitions). REQUIRES an owner below `parts`
// and a weight >= 1 for each node.
void Rebalance(const UndirectedGraph& graph, BalanceRange range,
               absl::Span<const int32_t> weights, uint32_t parts,
               double max_imbalance, absl::Span<uint32_t> owners);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITIONER_REBALANCE_H_
