#include "libs/partitioner/hotness.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/partitioner/typed_graph.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

absl::Status CheckSeeds(absl::Span<const int64_t> nodes_per_type,
                        const Seeds& seeds) {
  if (seeds.type >= nodes_per_type.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("hotness: seeds are of node type ", seeds.type,
                     ", but there are ", nodes_per_type.size(), " node types"));
  }
  if (seeds.batch_size < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("hotness: the batch size is ", seeds.batch_size,
                     "; must be positive, or 0 for all seeds at once"));
  }
  for (size_t i = 0; i < seeds.ids.size(); ++i) {
    if (seeds.ids[i] < 0 || seeds.ids[i] >= nodes_per_type[seeds.type]) {
      return absl::InvalidArgumentError(absl::StrCat(
          "hotness: seed ", seeds.ids[i], " at position ", i,
          " is no node of type ", seeds.type, ", whose nodes are 0 to ",
          nodes_per_type[seeds.type] - 1));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFanouts(size_t num_edge_types,
                          const std::vector<std::vector<int32_t>>& fanouts) {
  if (fanouts.size() != num_edge_types) {
    return absl::InvalidArgumentError(
        absl::StrCat("hotness: ", fanouts.size(), " lists of fanouts for ",
                     num_edge_types, " edge types; there must be one each"));
  }
  for (size_t type = 0; type < fanouts.size(); ++type) {
    for (size_t hop = 0; hop < fanouts[type].size(); ++hop) {
      if (fanouts[type][hop] < -1) {
        return absl::InvalidArgumentError(absl::StrCat(
            "hotness: the fanout of edge type ", type, " at hop ", hop, " is ",
            fanouts[type][hop], "; must be -1 (all), 0 (none) or more"));
      }
    }
  }
  return absl::OkStatus();
}

// By node of all types.
std::vector<double> SeedProbabilities(int64_t num_nodes, int64_t first,
                                      const Seeds& seeds) {
  std::vector<double> probabilities(static_cast<size_t>(num_nodes), 0);
  const auto all = static_cast<double>(seeds.ids.size());
  const double each =
      seeds.batch_size == 0
          ? 1
          : std::min(1.0, static_cast<double>(seeds.batch_size) / all);
  for (const int64_t id : seeds.ids) {
    double& probability = probabilities[static_cast<size_t>(first + id)];
    probability = std::min(1.0, probability + each);
  }
  return probabilities;
}

// Multiplies into `missed`, for each node that edges lead to, how likely none
// of them is drawn. Both spans are of the nodes of the edges' types.
void Spread(const TypedEdges& edges, int32_t fanout,
            absl::Span<const double> frontier, absl::Span<double> missed) {
  for (size_t row = 0; row < frontier.size(); ++row) {
    const int64_t degree = edges.indptr[row + 1] - edges.indptr[row];
    if (frontier[row] == 0 || degree == 0) continue;
    const double share = fanout < 0
                             ? 1.0
                             : std::min(1.0, static_cast<double>(fanout) /
                                                 static_cast<double>(degree));
    const double factor = 1 - frontier[row] * share;
    for (int64_t edge = edges.indptr[row]; edge < edges.indptr[row + 1];
         ++edge) {
      missed[static_cast<size_t>(edges.indices[static_cast<size_t>(edge)])] *=
          factor;
    }
  }
}

size_t NumHops(const std::vector<std::vector<int32_t>>& fanouts) {
  size_t hops = 0;
  for (const auto& list : fanouts) hops = std::max(hops, list.size());
  return hops;
}

}  // namespace

absl::StatusOr<std::vector<float>> EstimateTypedHotness(
    absl::Span<const int64_t> nodes_per_type,
    absl::Span<const TypedEdges> edge_types, const Seeds& seeds,
    const std::vector<std::vector<int32_t>>& fanouts) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int64_t> begins,
                            TypeBegins(nodes_per_type));
  FAIRLEAD_RETURN_IF_ERROR(CheckTypedEdges(nodes_per_type, edge_types));
  FAIRLEAD_RETURN_IF_ERROR(CheckSeeds(nodes_per_type, seeds));
  FAIRLEAD_RETURN_IF_ERROR(CheckFanouts(edge_types.size(), fanouts));

  std::vector<double> frontier =
      SeedProbabilities(begins.back(), begins[seeds.type], seeds);
  // How likely each node was not reached so far, and not in this hop.
  std::vector<double> unseen(frontier.size());
  for (size_t i = 0; i < unseen.size(); ++i) unseen[i] = 1 - frontier[i];
  std::vector<double> missed(frontier.size());
  const auto nodes_of = [&](uint32_t type, std::vector<double>& values) {
    return absl::MakeSpan(values).subspan(
        static_cast<size_t>(begins[type]),
        static_cast<size_t>(nodes_per_type[type]));
  };
  const size_t hops = NumHops(fanouts);
  for (size_t hop = 0; hop < hops; ++hop) {
    std::fill(missed.begin(), missed.end(), 1.0);
    for (size_t type = 0; type < edge_types.size(); ++type) {
      if (hop >= fanouts[type].size() || fanouts[type][hop] == 0) continue;
      const TypedEdges& edges = edge_types[type];
      Spread(edges, fanouts[type][hop], nodes_of(edges.src_type, frontier),
             nodes_of(edges.dst_type, missed));
    }
    for (size_t i = 0; i < frontier.size(); ++i) {
      frontier[i] = (1 - missed[i]) * unseen[i];
      unseen[i] *= missed[i];
    }
  }
  std::vector<float> hotness(unseen.size());
  for (size_t i = 0; i < hotness.size(); ++i) {
    hotness[i] = static_cast<float>(1 - unseen[i]);
  }
  return hotness;
}

absl::StatusOr<std::vector<float>> EstimateHotness(
    absl::Span<const int64_t> indptr, absl::Span<const int64_t> indices,
    const Seeds& seeds, absl::Span<const int32_t> fanouts) {
  const int64_t nodes[] = {
      indptr.empty() ? 0 : static_cast<int64_t>(indptr.size()) - 1};
  const TypedEdges edges[] = {
      {.src_type = 0, .dst_type = 0, .indptr = indptr, .indices = indices}};
  return EstimateTypedHotness(
      nodes, edges, seeds,
      {std::vector<int32_t>(fanouts.begin(), fanouts.end())});
}

}  // namespace fairlead
