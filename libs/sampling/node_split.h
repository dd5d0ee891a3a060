#ifndef FAIRLEAD_LIBS_SAMPLING_NODE_SPLIT_H_
#define FAIRLEAD_LIBS_SAMPLING_NODE_SPLIT_H_

#include <cstdint>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fairlead {

// Splits nodes at random into those to train, validate and test with (parity
// GL-029).

// A part of the nodes, from 0 to 1, or how many.
using SplitSize = std::variant<double, int64_t>;

// "1000" is a number, "0.1", "1.0" and "1e-3" are parts. INVALID_ARGUMENT for
// anything else.
absl::StatusOr<SplitSize> ParseSplitSize(absl::string_view text);

// Places of nodes, each from 0 to the number of nodes and in one of these, in
// the order of the permutation.
struct NodeSplit {
  std::vector<int64_t> val;
  std::vector<int64_t> test;
  std::vector<int64_t> train;
};

// The nodes in an order that depends on the seed and their number alone: the
// first `val` are to validate, the next `test` to test, the rest to train. A
// part is rounded to the nearest number of nodes, and to the even one of two
// (as Python rounds). INVALID_ARGUMENT if a part is not from 0 to 1, a number
// is negative, or val and test are more than there are. REQUIRES
// num_nodes >= 0.
absl::StatusOr<NodeSplit> RandomNodeSplit(int64_t num_nodes, SplitSize val,
                                          SplitSize test, uint64_t seed);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_NODE_SPLIT_H_
