#include "libs/sampling/subgraph_sampler.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_gather.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// A list of fanouts for each edge type, whether or not there are any.
NeighborSamplerOptions Expansion(const Dataset& dataset,
                                 NeighborSamplerOptions options) {
  if (options.fanouts.empty()) {
    options.fanouts.resize(dataset.edge_types().size());
  }
  return options;
}

// By edge type, whether its edges between nodes of a batch are in the batch.
std::vector<bool> InducedTypes(const NeighborSamplerOptions& expansion) {
  std::vector<bool> is_induced;
  bool is_any = false;
  for (const std::vector<int32_t>& fanouts : expansion.fanouts) {
    is_induced.push_back(!fanouts.empty());
    is_any = is_any || !fanouts.empty();
  }
  if (!is_any) is_induced.assign(is_induced.size(), true);
  return is_induced;
}

// Most neighbours of a batch's nodes are not in the batch. A few bits a node,
// which stay in the nearest caches, tell so of nearly all of them.
class MaybeMembers {
 public:
  explicit MaybeMembers(absl::Span<const int64_t> ids)
      : shift_(64 - std::bit_width(ids.size() * 16 + 63)),
        words_((size_t{1} << (64 - shift_)) / 64) {
    for (const int64_t id : ids) words_[Bit(id) / 64] |= Mask(id);
  }

  // False only if `id` is none of them.
  bool Has(int64_t id) const { return (words_[Bit(id) / 64] & Mask(id)) != 0; }

 private:
  size_t Bit(int64_t id) const {
    return static_cast<size_t>(
        (static_cast<uint64_t>(id) * 0x9E3779B97F4A7C15) >> shift_);
  }
  uint64_t Mask(int64_t id) const { return uint64_t{1} << (Bit(id) % 64); }

  int shift_;
  std::vector<uint64_t> words_;
};

}  // namespace

absl::Status ValidateSubgraphSamplerOptions(
    const Dataset& dataset, const SubgraphSamplerOptions& options) {
  const auto num_types = static_cast<int>(dataset.node_types().size());
  if (options.input_type < 0 || options.input_type >= num_types) {
    return absl::InvalidArgumentError(
        absl::StrCat("subgraph: input type ", options.input_type,
                     " is none of the ", num_types, " node types"));
  }
  if (options.neighbors.temporal != TemporalStrategy::kNone) {
    return absl::InvalidArgumentError(
        "subgraph: has all edges between its nodes, whatever their times; "
        "sample neighbours instead, or leave the temporal strategy out");
  }
  const NeighborSamplerOptions expansion =
      Expansion(dataset, options.neighbors);
  FAIRLEAD_RETURN_IF_ERROR(ValidateNeighborSamplerOptions(dataset, expansion));
  const std::vector<bool> is_induced = InducedTypes(expansion);
  for (size_t e = 0; e < is_induced.size(); ++e) {
    if (!is_induced[e]) continue;
    FAIRLEAD_RETURN_IF_ERROR(
        CheckDrawSpec(dataset.edge_types()[e], expansion.direction, {}));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SubgraphSampler>> SubgraphSampler::Create(
    const Dataset& dataset, SubgraphSamplerOptions options) {
  FAIRLEAD_RETURN_IF_ERROR(ValidateSubgraphSamplerOptions(dataset, options));
  options.neighbors = Expansion(dataset, std::move(options.neighbors));
  // (The constructor is private, so std::make_unique cannot call it.)
  return std::unique_ptr<SubgraphSampler>(
      new SubgraphSampler(dataset, std::move(options)));
}

SubgraphSampler::SubgraphSampler(const Dataset& dataset,
                                 SubgraphSamplerOptions options)
    : dataset_(dataset),
      options_(std::move(options)),
      is_induced_(InducedTypes(options_.neighbors)),
      expansion_(dataset),
      index_(dataset.node_types().size()) {
  for (const std::vector<int32_t>& fanouts : options_.neighbors.fanouts) {
    num_hops_ = std::max(num_hops_, fanouts.size());
  }
  num_hops_ = std::max<size_t>(num_hops_, 1);
}

absl::StatusOr<bool> SubgraphSampler::Begin(const BatchRequest& request,
                                            SampledBatch* out) {
  out_ = out;
  fetches_.clear();
  num_listings_ = 0;
  is_expanding_ = true;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const bool is_expanded,
      expansion_.Begin(options_.neighbors,
                       {.seeds = request.seeds,
                        .seed_type = options_.input_type,
                        .epoch = request.epoch,
                        .batch_index = request.batch_index},
                       &expanded_));
  if (!is_expanded) return false;
  return BeginEdges();
}

absl::StatusOr<bool> SubgraphSampler::Resume() {
  if (!is_expanding_) return Finish();
  FAIRLEAD_ASSIGN_OR_RETURN(const bool is_expanded, expansion_.Resume());
  if (!is_expanded) return false;
  return BeginEdges();
}

void SubgraphSampler::SortNodes() {
  SampledSubgraph& out = out_->subgraph;
  out.nodes.resize(expanded_.nodes.size());
  for (size_t t = 0; t < out.nodes.size(); ++t) {
    SampledSubgraph::Nodes& nodes = out.nodes[t];
    nodes.ids.assign(expanded_.nodes[t].ids.begin(),
                     expanded_.nodes[t].ids.end());
    nodes.seed_of.clear();
    std::sort(nodes.ids.begin(), nodes.ids.end());
    nodes.num_sampled_nodes.assign(num_hops_ + 1, 0);
    nodes.num_sampled_nodes[0] = static_cast<int64_t>(nodes.ids.size());
    index_[t].Clear();
    for (size_t i = 0; i < nodes.ids.size(); ++i) {
      index_[t].FindOrInsert(nodes.ids[i], static_cast<uint32_t>(i));
    }
  }
  const auto input_type = static_cast<size_t>(options_.input_type);
  const std::vector<int64_t>& ids = expanded_.nodes[input_type].ids;
  out.seed_locals.clear();
  out.more_seed_locals.clear();
  for (const int64_t local : expanded_.seed_locals) {
    out.seed_locals.push_back(
        index_[input_type].Find(ids[static_cast<size_t>(local)]));
  }
  out_->meta.clear();
  out_->meta.push_back({.name = "#META.mapping",
                        .shape = {static_cast<int64_t>(out.seed_locals.size())},
                        .values = out.seed_locals});
}

absl::StatusOr<bool> SubgraphSampler::BeginEdges() {
  is_expanding_ = false;
  SortNodes();
  SampledSubgraph& out = out_->subgraph;
  out.edges.resize(is_induced_.size());
  for (size_t e = 0; e < is_induced_.size(); ++e) {
    SampledSubgraph::Edges& edges = out.edges[e];
    edges.rows.clear();
    edges.cols.clear();
    edges.edge_ids.clear();
    edges.num_sampled_edges.assign(num_hops_, 0);
    if (!is_induced_[e]) continue;
    const EdgeDir direction = options_.neighbors.direction;
    const EdgeType& type = dataset_.edge_types()[e];
    if (listings_.size() == num_listings_) listings_.emplace_back();
    Listing& listing = listings_[num_listings_];
    listing.edge_type = e;
    const size_t fetches_before = fetches_.size();
    FAIRLEAD_RETURN_IF_ERROR(listing.gather.Begin(
        dataset_, static_cast<int>(e), direction,
        out.nodes[static_cast<size_t>(type.row_type(direction))].ids, {},
        {.fanout = -1, .with_edge_ids = options_.neighbors.with_edge_ids},
        &fetches_));
    if (fetches_.size() > fetches_before) {
      ++num_listings_;
    } else {
      // Nobody to wait for: its memory is free for the next type.
      FAIRLEAD_RETURN_IF_ERROR(EndListing(listing));
    }
  }
  if (!fetches_.empty()) return false;
  return true;
}

absl::Status SubgraphSampler::EndListing(Listing& listing) {
  FAIRLEAD_ASSIGN_OR_RETURN(const DrawnNeighbors* lists,
                            listing.gather.Finish(fetches_, &stitched_));
  const EdgeType& type = dataset_.edge_types()[listing.edge_type];
  const auto neighbor_type =
      static_cast<size_t>(type.neighbor_type(options_.neighbors.direction));
  const NodeIndex& index = index_[neighbor_type];
  const MaybeMembers members(out_->subgraph.nodes[neighbor_type].ids);
  SampledSubgraph::Edges& edges = out_->subgraph.edges[listing.edge_type];
  const std::vector<int64_t>& ids = lists->neighbors;
  size_t at = 0;
  for (size_t row = 0; row < lists->counts.size(); ++row) {
    const size_t end = at + static_cast<size_t>(lists->counts[row]);
    for (; at < end; ++at) {
      if (!members.Has(ids[at])) continue;
      const uint32_t col = index.Find(ids[at]);
      if (col == NodeIndex::kNone) continue;
      edges.rows.push_back(static_cast<int64_t>(row));
      edges.cols.push_back(int64_t{col});
      if (options_.neighbors.with_edge_ids) {
        edges.edge_ids.push_back(lists->edge_ids[at]);
      }
    }
  }
  edges.num_sampled_edges[0] = static_cast<int64_t>(edges.rows.size());
  return absl::OkStatus();
}

absl::StatusOr<bool> SubgraphSampler::Finish() {
  for (size_t i = 0; i < num_listings_; ++i) {
    FAIRLEAD_RETURN_IF_ERROR(EndListing(listings_[i]));
  }
  num_listings_ = 0;
  fetches_.clear();
  return true;
}

}  // namespace fairlead
