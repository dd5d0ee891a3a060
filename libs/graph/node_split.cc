#include "libs/graph/node_split.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

absl::StatusOr<int64_t> CountOf(const char* name, double wanted,
                                int64_t num_nodes) {
  const bool is_share = wanted >= 0 && wanted < 1;
  const bool is_count =
      wanted >= 1 && wanted == std::floor(wanted) && wanted < 0x1p53;
  if (!is_share && !is_count) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": ", wanted,
                     " is neither a share below 1 nor a whole number of "
                     "nodes"));
  }
  return is_share ? std::llround(wanted * static_cast<double>(num_nodes))
                  : static_cast<int64_t>(wanted);
}

}  // namespace

absl::StatusOr<NodeSplit> RandomNodeSplit(int64_t num_nodes, double num_val,
                                          double num_test, uint64_t seed) {
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t val,
                            CountOf("num_val", num_val, num_nodes));
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t test,
                            CountOf("num_test", num_test, num_nodes));
  if (val > num_nodes || test > num_nodes - val) {
    return absl::InvalidArgumentError(
        absl::StrCat("num_val and num_test: ", val, " and ", test,
                     " are more than the ", num_nodes, " nodes there are"));
  }
  std::vector<int64_t> order(static_cast<size_t>(num_nodes));
  std::iota(order.begin(), order.end(), int64_t{0});
  RandomStream random(DeriveRandomKey(seed, RandomPurpose::kNodeSplit, 0, 0),
                      /*place=*/0, /*lane=*/0);
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[random.Below(i)]);
  }
  NodeSplit split;
  split.val.assign(order.begin(), order.begin() + val);
  split.test.assign(order.begin() + val, order.begin() + val + test);
  split.train.assign(order.begin() + val + test, order.end());
  return split;
}

}  // namespace fairlead
