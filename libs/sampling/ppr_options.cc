#include "libs/sampling/ppr_options.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

bool IsPositive(double x) { return x > 0 && std::isfinite(x); }

absl::Status ValidateSchema(const PprSchema& schema) {
  if (schema.num_node_types < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "num_node_types ", schema.num_node_types, ": at least 1 is needed"));
  }
  for (size_t e = 0; e < schema.edge_types.size(); ++e) {
    for (const int type :
         {schema.edge_types[e].src_type, schema.edge_types[e].dst_type}) {
      if (type >= 0 && type < schema.num_node_types) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("edge type ", e, " joins node type ", type,
                       "; node types are 0 to ", schema.num_node_types - 1));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateChannel(const PprSchema& schema,
                             const PprOptions::Channel& channel, size_t c) {
  const std::string name = absl::StrCat("PPR channel ", c);
  if (!IsPositive(channel.ratio)) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": ratio ", channel.ratio, " is not > 0; leave the channel out"));
  }
  if (channel.edge_types.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": has no edge types, so it would reach nothing but the seed"));
  }
  std::vector<int> sorted = channel.edge_types;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] < 0 ||
        sorted[i] >= static_cast<int>(schema.edge_types.size())) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": edge type ", sorted[i], " is not among the ",
                       schema.edge_types.size(), " edge types"));
    }
    if (i > 0 && sorted[i] == sorted[i - 1]) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": edge type ", sorted[i], " is named twice"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidatePprOptions(const PprSchema& schema,
                                const PprOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(ValidateSchema(schema));
  if (!(options.alpha > 0 && options.alpha < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("PPR alpha ", options.alpha,
                     " is not in (0, 1); it is the probability "
                     "to restart, 1 - damping"));
  }
  if (!IsPositive(options.eps)) {
    return absl::InvalidArgumentError(
        absl::StrCat("PPR eps ", options.eps, " is not > 0; 1e-4 is usual"));
  }
  if (options.max_ppr_nodes < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_ppr_nodes ", options.max_ppr_nodes,
                     ": at least 1 node must be kept"));
  }
  if (options.num_neighbors_per_hop < 1 &&
      options.num_neighbors_per_hop != -1) {
    return absl::InvalidArgumentError(
        absl::StrCat("num_neighbors_per_hop ", options.num_neighbors_per_hop,
                     " is no number of neighbours; use >= 1, or -1 for all"));
  }
  if (options.max_fetch_iterations.value_or(0) < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_fetch_iterations ", *options.max_fetch_iterations,
                     " is negative; leave it unset for no limit"));
  }
  if (!IsPositive(options.requeue_threshold.value_or(1))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "requeue_threshold ", *options.requeue_threshold, " is not > 0"));
  }
  for (size_t c = 0; c < options.channels.size(); ++c) {
    FAIRLEAD_RETURN_IF_ERROR(ValidateChannel(schema, options.channels[c], c));
  }
  return absl::OkStatus();
}

std::vector<int32_t> LargestRemainderSlots(int32_t total,
                                           absl::Span<const double> ratios) {
  // By the largest ratio first, so that the sum of huge ones is finite.
  const double largest = *std::max_element(ratios.begin(), ratios.end());
  double sum = 0;
  for (const double ratio : ratios) sum += ratio / largest;

  std::vector<int32_t> slots(ratios.size());
  std::vector<double> remainders(ratios.size());
  int32_t left = total;
  for (size_t i = 0; i < ratios.size(); ++i) {
    const double quota = total * (ratios[i] / largest / sum);
    // Rounding may lift the sum of whole parts by one.
    slots[i] = std::min(static_cast<int32_t>(quota), left);
    remainders[i] = quota - slots[i];
    left -= slots[i];
  }
  std::vector<size_t> order(ratios.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return remainders[a] > remainders[b];
  });
  for (size_t i = 0; left > 0; i = (i + 1) % order.size(), --left) {
    ++slots[order[i]];
  }
  return slots;
}

}  // namespace fairlead
