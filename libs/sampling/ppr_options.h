#ifndef FAIRLEAD_LIBS_SAMPLING_PPR_OPTIONS_H_
#define FAIRLEAD_LIBS_SAMPLING_PPR_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace fairlead {

// What personalised PageRank goes along: types as indices, so that neither
// names nor a dataset are needed.
struct PprSchema {
  struct EdgeType {
    int src_type = 0;  // mass goes from nodes of this type
    int dst_type = 0;  // to nodes of this one
  };
  int num_node_types = 1;
  std::vector<EdgeType> edge_types;  // those of message passing; no labels
};

struct PprOptions {
  // Probability to restart at the seed; in (0, 1). Large stays near.
  double alpha = 0.5;

  // Precision; > 0. A node is pushed when its residual is at least
  // alpha * eps * (its total degree). The error of a value is at most
  // eps * (the sum of total degrees); work is O(1 / (alpha * eps)) a seed.
  double eps = 1e-4;

  // Most nodes kept of each node type for a seed; >= 1.
  int32_t max_ppr_nodes = 50;

  // Most neighbours of a node along one edge type; >= 1, or -1 for all. Lists
  // are capped by who fetches them; longer ones are refused.
  int32_t num_neighbors_per_hop = 1000;

  // Fill up with nodes that have residual only, and add residuals to values.
  bool residual_top_up = true;

  // After so many rounds in which a seed met nodes whose neighbours it had not
  // yet seen, such nodes keep their mass. >= 0; none: no limit. See PprPush.
  std::optional<int32_t> max_fetch_iterations;

  // Typed channels: independent pushes, each along edge types of its own. Of
  // max_ppr_nodes, each gets slots by `ratio`. None: one push along all edge
  // types, without slots.
  struct Channel {
    std::vector<int> edge_types;  // indices into PprSchema::edge_types
    double ratio = 1;             // > 0; any scale

    bool operator==(const Channel&) const = default;
  };
  std::vector<Channel> channels;

  // In place of alpha * eps, if set; > 0. For tests that want to say exactly
  // what is pushed.
  std::optional<double> requeue_threshold;

  bool operator==(const PprOptions&) const = default;
};

// INVALID_ARGUMENT, naming the option, its value and what is allowed.
absl::Status ValidatePprOptions(const PprSchema& schema,
                                const PprOptions& options);

// Shares `total` out by ratios: first the whole parts, then one each to the
// largest remainders, ties to the first (Hamilton's method). Sums to `total`.
// REQUIRES ratios > 0, at least one.
std::vector<int32_t> LargestRemainderSlots(int32_t total,
                                           absl::Span<const double> ratios);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_PPR_OPTIONS_H_
