#include "libs/sampling/ppr_sampler.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/random/philox.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_cache.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/ppr.h"
#include "libs/sampling/ppr_degrees.h"
#include "libs/sampling/ppr_options.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

PprSchema SchemaOf(const Dataset& dataset, const PprSamplerOptions& options) {
  PprSchema schema;
  schema.num_node_types = static_cast<int>(dataset.node_types().size());
  for (const int e : options.edge_types) {
    const EdgeType& type = dataset.edge_types()[static_cast<size_t>(e)];
    schema.edge_types.push_back(
        {.src_type = type.row_type(options.direction),
         .dst_type = type.neighbor_type(options.direction)});
  }
  return schema;
}

}  // namespace

absl::Status ValidatePprSamplerOptions(const Dataset& dataset,
                                       const PprSamplerOptions& options) {
  if (options.weighted) {
    return absl::InvalidArgumentError(
        "with_weight: PPR takes all neighbours alike; leave it out");
  }
  const auto num_types = static_cast<int>(dataset.node_types().size());
  if (options.seed_type < 0 || options.seed_type >= num_types) {
    return absl::InvalidArgumentError(
        absl::StrCat("seed_type: ", options.seed_type, " is none of the ",
                     num_types, " node types, which are numbered from 0"));
  }
  if (options.cache_bytes < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "PPR cache_bytes: ", options.cache_bytes,
        " is negative; 0 keeps no neighbour list beyond its batch"));
  }
  FAIRLEAD_RETURN_IF_ERROR(
      CheckPprEdgeTypes(dataset, options.edge_types, options.direction));
  return ValidatePprOptions(SchemaOf(dataset, options), options.ppr);
}

PprSampler::PprSampler(const Dataset& dataset, const PprSamplerOptions& options,
                       std::shared_ptr<const PprDegrees> degrees,
                       std::shared_ptr<NeighborCache> cache)
    : dataset_(dataset),
      edge_types_(options.edge_types),
      direction_(options.direction),
      seed_type_(options.seed_type),
      degrees_(std::move(degrees)),
      cache_(cache != nullptr
                 ? std::move(cache)
                 : std::make_shared<NeighborCache>(options.edge_types.size(),
                                                   options.cache_bytes)),
      spec_{.fanout = options.ppr.num_neighbors_per_hop,
            .key = DeriveRandomKey(options.seed, RandomPurpose::kPprNeighbors,
                                   0, 0)},
      push_(
          SchemaOf(dataset, options), options.ppr,
          [this](int node_type, absl::Span<const int64_t> ids,
                 absl::Span<int32_t> out) {
            degrees_->LookUp(node_type, ids, out);
          },
          cache_.get()),
      gathers_(options.edge_types.size()),
      index_(dataset.node_types().size()) {
  const absl::Span<const NodeType> types = dataset_.node_types();
  for (const NodeType& type : types) {
    const std::string name =
        EdgeTypeName{types[static_cast<size_t>(seed_type_)].name, "ppr",
                     type.name}
            .ToString();
    const bool is_hetero = dataset_.is_heterogeneous();
    index_names_.push_back(is_hetero
                               ? absl::StrCat("#META.ppr_edge_index.", name)
                               : "#META.edge_index");
    weight_names_.push_back(is_hetero ? absl::StrCat("#META.ppr_weight.", name)
                                      : "#META.edge_attr");
  }
}

absl::StatusOr<bool> PprSampler::Begin(const BatchRequest& request,
                                       SampledBatch* out) {
  seeds_ = request.seeds;
  out_ = out;
  fetches_.clear();
  FAIRLEAD_RETURN_IF_ERROR(CheckSeeds(
      dataset_.node_types()[static_cast<size_t>(seed_type_)], seeds_));
  FAIRLEAD_RETURN_IF_ERROR(push_.Start(seeds_, seed_type_));
  return PushWhileLocal();
}

absl::StatusOr<bool> PprSampler::Resume() {
  FAIRLEAD_RETURN_IF_ERROR(EndLists());
  return PushWhileLocal();
}

absl::StatusOr<bool> PprSampler::PushWhileLocal() {
  while (!push_.Push()) {
    FAIRLEAD_RETURN_IF_ERROR(BeginLists());
    if (!fetches_.empty()) return false;
    FAIRLEAD_RETURN_IF_ERROR(EndLists());
  }
  FAIRLEAD_RETURN_IF_ERROR(EndBatch());
  return true;
}

absl::Status PprSampler::BeginLists() {
  needs_ = push_.Needs();
  for (size_t i = 0; i < edge_types_.size(); ++i) {
    if (needs_.ids[i].empty()) continue;
    spec_.lane = static_cast<uint32_t>(edge_types_[i]);
    FAIRLEAD_RETURN_IF_ERROR(gathers_[i].Begin(dataset_, edge_types_[i],
                                               direction_, needs_.ids[i], {},
                                               spec_, &fetches_));
  }
  return absl::OkStatus();
}

absl::Status PprSampler::EndLists() {
  for (size_t i = 0; i < edge_types_.size(); ++i) {
    if (needs_.ids[i].empty()) continue;
    FAIRLEAD_ASSIGN_OR_RETURN(const DrawnNeighbors* drawn,
                              gathers_[i].Finish(fetches_, &scratch_));
    counts_.assign(drawn->counts.begin(), drawn->counts.end());
    const absl::Status status = push_.Provide(
        static_cast<int>(i), needs_.ids[i], counts_, drawn->neighbors);
    if (status.ok()) continue;
    // What is drawn here is never refused.
    const auto e = static_cast<size_t>(edge_types_[i]);
    return absl::InternalError(absl::StrCat(
        "another partition answered a request along edges of type ",
        dataset_.edge_types()[e].name.ToString(), " with ", status.message()));
  }
  fetches_.clear();
  return absl::OkStatus();
}

int64_t PprSampler::LocalOf(size_t node_type, int64_t id) {
  std::vector<int64_t>& ids = out_->subgraph.nodes[node_type].ids;
  const uint32_t local =
      index_[node_type].FindOrInsert(id, static_cast<uint32_t>(ids.size()));
  if (local == ids.size()) ids.push_back(id);
  return int64_t{local};
}

absl::Status PprSampler::EndBatch() {
  FAIRLEAD_RETURN_IF_ERROR(push_.Finish(&result_));
  for (NodeIndex& index : index_) index.Clear();
  SampledSubgraph& subgraph = out_->subgraph;
  subgraph.nodes.resize(dataset_.node_types().size());
  for (SampledSubgraph::Nodes& nodes : subgraph.nodes) {
    nodes.ids.clear();
    nodes.seed_of.clear();
  }
  subgraph.edges.resize(dataset_.edge_types().size());
  for (SampledSubgraph::Edges& edges : subgraph.edges) {
    edges.rows.clear();
    edges.cols.clear();
    edges.edge_ids.clear();
    edges.num_sampled_edges.assign(1, 0);
  }
  subgraph.seed_locals.clear();
  subgraph.more_seed_locals.clear();
  for (const int64_t seed : seeds_) {
    subgraph.seed_locals.push_back(
        LocalOf(static_cast<size_t>(seed_type_), seed));
  }
  out_->meta.clear();
  for (size_t type = 0; type < subgraph.nodes.size(); ++type) {
    SampledSubgraph::Nodes& nodes = subgraph.nodes[type];
    const auto num_seeds = static_cast<int64_t>(nodes.ids.size());
    AddRows(type, result_.width, result_.node_types[type]);
    nodes.num_sampled_nodes = {
        num_seeds, static_cast<int64_t>(nodes.ids.size()) - num_seeds};
  }
  return absl::OkStatus();
}

void PprSampler::AddRows(size_t node_type, int width, PprRows& rows) {
  const auto num_rows = static_cast<int64_t>(rows.ids.size());
  std::vector<int64_t> index;
  index.reserve(2 * rows.ids.size());
  for (size_t seed = 0; seed < rows.counts.size(); ++seed) {
    index.insert(index.end(), static_cast<size_t>(rows.counts[seed]),
                 static_cast<int64_t>(seed));
  }
  for (const int64_t id : rows.ids) index.push_back(LocalOf(node_type, id));
  out_->meta.push_back({.name = index_names_[node_type],
                        .shape = {2, num_rows},
                        .values = std::move(index)});
  out_->meta.push_back({.name = weight_names_[node_type],
                        .shape = {num_rows, width},
                        .values = std::move(rows.attributes)});
}

}  // namespace fairlead
