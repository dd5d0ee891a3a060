#include "libs/sampling/node_split.h"

#include <cmath>
#include <cstdint>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/sampling/epoch_plan.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// How many nodes a size means.
absl::StatusOr<int64_t> CountOf(SplitSize size, int64_t num_nodes,
                                const char* what) {
  if (const auto* count = std::get_if<int64_t>(&size)) {
    if (*count >= 0 && *count <= num_nodes) return *count;
    return absl::InvalidArgumentError(absl::StrCat(
        what, ": ", *count, " of ", num_nodes, " nodes cannot be taken"));
  }
  const double part = std::get<double>(size);
  if (!(part >= 0 && part <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, ": ", part, " is no part of the nodes; parts are from 0 to 1"));
  }
  const double nodes = part * static_cast<double>(num_nodes);
  auto count = static_cast<int64_t>(std::floor(nodes));
  const double rest = nodes - std::floor(nodes);
  if (rest > 0.5 || (rest == 0.5 && count % 2 != 0)) ++count;
  return count;
}

}  // namespace

absl::StatusOr<SplitSize> ParseSplitSize(absl::string_view text) {
  int64_t count = 0;
  if (absl::SimpleAtoi(text, &count)) return SplitSize(count);
  double part = 0;
  if (absl::SimpleAtod(text, &part) && std::isfinite(part)) {
    return SplitSize(part);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", text, "\": must be a number of nodes, or a part of them as 0.1"));
}

absl::StatusOr<NodeSplit> RandomNodeSplit(int64_t num_nodes, SplitSize val,
                                          SplitSize test, uint64_t seed) {
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t num_val,
                            CountOf(val, num_nodes, "val"));
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t num_test,
                            CountOf(test, num_nodes, "test"));
  if (num_test > num_nodes - num_val) {
    return absl::InvalidArgumentError(
        absl::StrCat("val and test: ", num_val, " and ", num_test,
                     " are more than the ", num_nodes, " nodes"));
  }
  const EpochOrder order(static_cast<uint64_t>(num_nodes), /*shuffle=*/true,
                         seed, /*epoch=*/0);
  NodeSplit split;
  for (int64_t i = 0; i < num_nodes; ++i) {
    std::vector<int64_t>& part = i < num_val              ? split.val
                                 : i - num_val < num_test ? split.test
                                                          : split.train;
    part.push_back(static_cast<int64_t>(order[static_cast<uint64_t>(i)]));
  }
  return split;
}

}  // namespace fairlead
