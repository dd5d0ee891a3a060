#ifndef FAIRLEAD_LIBS_GRAPH_NODE_SPLIT_H_
#define FAIRLEAD_LIBS_GRAPH_NODE_SPLIT_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace fairlead {

// Positions of nodes, each in one of the three, in the order of the draw.
struct NodeSplit {
  std::vector<int64_t> train;
  std::vector<int64_t> val;
  std::vector<int64_t> test;
};

// A random split of `num_nodes` nodes, the same for the same seed (parity
// GL-029, where it is the process's one generator that decides): a permutation
// whose first `num_val` are val, the next `num_test` test, the rest train.
// Each is a share of the nodes, rounded, if it is below 1, else a whole number
// of them. INVALID_ARGUMENT for what is neither, or more than there are.
absl::StatusOr<NodeSplit> RandomNodeSplit(int64_t num_nodes, double num_val,
                                          double num_test, uint64_t seed);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_NODE_SPLIT_H_
