#include "libs/batch_maker/batch_rows.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/status/status_macros.h"

namespace fairlead {

std::vector<RowSet> WantedRows(const ChannelPlan& plan,
                               const SampledSubgraph& subgraph) {
  const Dataset& dataset = plan.dataset();
  std::vector<RowSet> sets;
  for (size_t t = 0; t < subgraph.nodes.size(); ++t) {
    const bool is_seed_type = static_cast<int>(t) == plan.seed_type();
    if (subgraph.nodes[t].ids.empty() && !is_seed_type) continue;
    const auto want = [&](RowKind kind) {
      const RowSet set{.type = static_cast<int>(t), .kind = kind};
      if (FindRows(dataset, set) != nullptr) sets.push_back(set);
    };
    if (plan.collect_features()) want(RowKind::kFeatures);
    // Labels come whenever there are any, for all nodes of the seeds' type,
    // features or not (GL-056).
    if (is_seed_type) want(RowKind::kLabels);
  }
  if (!plan.collect_features() || !plan.sampling().neighbors().with_edge_ids) {
    return sets;
  }
  for (size_t e = 0; e < subgraph.edges.size(); ++e) {
    const RowSet set{.of_edges = true, .type = static_cast<int>(e)};
    if (FindRows(dataset, set) == nullptr) continue;
    if (subgraph.edges[e].rows.empty() &&
        !plan.sampling().always_has_edges(static_cast<int>(e))) {
      continue;
    }
    sets.push_back(set);
  }
  return sets;
}

absl::Span<const int64_t> IdsOf(const SampledSubgraph& subgraph,
                                const RowSet& set) {
  const auto type = static_cast<size_t>(set.type);
  return set.of_edges ? subgraph.edges[type].edge_ids
                      : subgraph.nodes[type].ids;
}

absl::Status BatchRows::Begin(const ChannelPlan& plan,
                              const SampledSubgraph& subgraph,
                              const RowCaches* caches,
                              std::vector<RowFetch>* fetches) {
  gathers_.clear();
  const Dataset& dataset = plan.dataset();
  if (dataset.num_partitions() == 1) return absl::OkStatus();
  for (const RowSet& set : WantedRows(plan, subgraph)) {
    FAIRLEAD_RETURN_IF_ERROR(gathers_[set].Begin(
        dataset, set, caches == nullptr ? nullptr : caches->Find(set),
        IdsOf(subgraph, set), fetches));
  }
  return absl::OkStatus();
}

absl::Status BatchRows::End(absl::Span<const RowFetch> fetches) {
  for (auto& [set, gather] : gathers_) {
    FAIRLEAD_RETURN_IF_ERROR(gather.End(fetches));
  }
  return absl::OkStatus();
}

const RowGather* BatchRows::Find(const RowSet& set) const {
  const auto it = gathers_.find(set);
  return it == gathers_.end() ? nullptr : &it->second;
}

}  // namespace fairlead
