#include "libs/sampling/neighbor_sampler.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr size_t kMaxHops = 255;
constexpr size_t kMaxEdgeTypes = size_t{1} << 16;

// Of what a temporal neighbourhood's node is looked up by: its id below, and
// whose neighbourhood it is in above.
constexpr int kIdBits = 40;

// How far ahead of its use a cache line is asked for.
constexpr size_t kAhead = 16;

}  // namespace

absl::Status ValidateNeighborSamplerOptions(
    const Dataset& dataset, const NeighborSamplerOptions& options) {
  if (options.fanouts.size() != dataset.edge_types().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("fanouts: ", options.fanouts.size(), " lists for ",
                     dataset.edge_types().size(), " edge types"));
  }
  if (options.fanouts.size() > kMaxEdgeTypes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "dataset: has ", options.fanouts.size(), " edge types; at most ",
        kMaxEdgeTypes, " can be sampled from"));
  }
  for (size_t e = 0; e < options.fanouts.size(); ++e) {
    const EdgeType& edge_type = dataset.edge_types()[e];
    const std::string type = edge_type.name.ToString();
    if (options.fanouts[e].size() > kMaxHops) {
      return absl::InvalidArgumentError(
          absl::StrCat("fanout of ", type, ": ", options.fanouts[e].size(),
                       " hops are more than ", kMaxHops));
    }
    bool is_used = false;
    for (const int32_t fanout : options.fanouts[e]) {
      is_used = is_used || fanout != 0;
      if (fanout >= -1) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "fanout of ", type, ": ", fanout,
          " is no number of neighbours; use > 0, 0 for none, -1 for all"));
    }
    if (!is_used) continue;
    FAIRLEAD_RETURN_IF_ERROR(CheckDrawSpec(edge_type, options.direction,
                                           {.replace = options.replace,
                                            .weighted = options.weighted,
                                            .temporal = options.temporal}));
  }
  if (options.temporal == TemporalStrategy::kNone) return absl::OkStatus();
  for (const NodeType& type : dataset.node_types()) {
    if (type.id_end() <= int64_t{1} << kIdBits) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "temporal: node type ", type.name, " has ids up to ", type.id_end() - 1,
        "; temporal sampling takes ids below 2^", kIdBits));
  }
  return absl::OkStatus();
}

absl::Status CheckSeeds(const NodeType& type, absl::Span<const int64_t> ids) {
  const int64_t end = type.id_end();
  for (const int64_t id : ids) {
    if (id >= 0 && id < end &&
        (type.book != nullptr || type.ids.Row(id) >= 0)) {
      continue;
    }
    return absl::OutOfRangeError(absl::StrCat(
        "seed id ", id, " is no node of type ", type.name,
        ", whose ids are 0 to ", end - 1,
        type.ids.is_range() ? "" : ", of which not all are nodes"));
  }
  return absl::OkStatus();
}

int64_t SampledSubgraph::TotalEdges() const {
  int64_t total = 0;
  for (const Edges& type : edges) {
    total += static_cast<int64_t>(type.rows.size());
  }
  return total;
}

int64_t NeighborSampler::LocalOf(int type, int64_t id, int64_t seed) {
  SampledSubgraph::Nodes& nodes = out_->nodes[static_cast<size_t>(type)];
  const int64_t key = is_temporal() ? (seed << kIdBits) | id : id;
  const uint32_t local = index_[static_cast<size_t>(type)].FindOrInsert(
      key, static_cast<uint32_t>(nodes.ids.size()));
  if (local == nodes.ids.size()) {
    nodes.ids.push_back(id);
    if (is_temporal()) nodes.seed_of.push_back(seed);
  }
  return static_cast<int64_t>(local);
}

absl::Status NeighborSampler::AddSeeds(const SeedGroup& group,
                                       std::vector<int64_t>* locals) {
  const NodeType& type = dataset_.node_types()[static_cast<size_t>(group.type)];
  if (is_temporal() && group.times.size() != group.ids.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("temporal sampling: ", group.times.size(), " times for ",
                     group.ids.size(), " seeds of type ", type.name));
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckSeeds(type, group.ids));
  for (size_t i = 0; i < group.ids.size(); ++i) {
    const auto number = static_cast<int64_t>(seed_times_.size());
    if (is_temporal()) {
      if (number >= int64_t{1} << (63 - kIdBits)) {
        return absl::InvalidArgumentError(
            absl::StrCat("temporal sampling: more than 2^", 63 - kIdBits,
                         " seeds in a batch; lower batch_size"));
      }
      seed_times_.push_back(group.times[i]);
    }
    locals->push_back(LocalOf(group.type, group.ids[i], number));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> NeighborSampler::Begin(
    const NeighborSamplerOptions& options, const NeighborSampleRequest& request,
    SampledSubgraph* out) {
  options_ = &options;
  out_ = out;
  key_ = DeriveRandomKey(options.seed, RandomPurpose::kNeighbors, request.epoch,
                         request.batch_index);
  hops_ = 0;
  hop_ = 0;
  for (const std::vector<int32_t>& fanout : options.fanouts) {
    hops_ = std::max(hops_, fanout.size());
  }
  out->nodes.resize(dataset_.node_types().size());
  out->edges.resize(dataset_.edge_types().size());
  for (SampledSubgraph::Nodes& nodes : out->nodes) {
    nodes.ids.clear();
    nodes.seed_of.clear();
    nodes.num_sampled_nodes.assign(hops_ + 1, 0);
  }
  for (SampledSubgraph::Edges& edges : out->edges) {
    edges.rows.clear();
    edges.cols.clear();
    edges.edge_ids.clear();
    edges.num_sampled_edges.assign(hops_, 0);
  }
  out->seed_locals.clear();
  out->more_seed_locals.resize(request.more_seeds.size());
  for (std::vector<int64_t>& locals : out->more_seed_locals) locals.clear();
  for (NodeIndex& index : index_) index.Clear();
  frontier_begin_.assign(out->nodes.size(), 0);
  frontier_end_.assign(out->nodes.size(), 0);
  seed_times_.clear();
  fetches_.clear();
  num_draws_ = 0;

  FAIRLEAD_RETURN_IF_ERROR(AddSeeds(
      {.type = request.seed_type, .ids = request.seeds, .times = request.times},
      &out->seed_locals));
  for (size_t i = 0; i < request.more_seeds.size(); ++i) {
    FAIRLEAD_RETURN_IF_ERROR(
        AddSeeds(request.more_seeds[i], &out->more_seed_locals[i]));
  }
  FAIRLEAD_RETURN_IF_ERROR(BeginHop());
  return RunWhileLocal();
}

absl::Status NeighborSampler::Sample(const NeighborSamplerOptions& options,
                                     const NeighborSampleRequest& request,
                                     SampledSubgraph* out) {
  FAIRLEAD_ASSIGN_OR_RETURN(const bool done, Begin(options, request, out));
  if (done) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the batch has nodes of other partitions, which Sample does not ask");
}

absl::StatusOr<bool> NeighborSampler::Resume() {
  FAIRLEAD_RETURN_IF_ERROR(EndHop());
  FAIRLEAD_RETURN_IF_ERROR(BeginHop());
  return RunWhileLocal();
}

absl::StatusOr<bool> NeighborSampler::RunWhileLocal() {
  while (hop_ < hops_) {
    if (!fetches_.empty()) return false;
    FAIRLEAD_RETURN_IF_ERROR(EndHop());
    FAIRLEAD_RETURN_IF_ERROR(BeginHop());
  }
  return true;
}

absl::Status NeighborSampler::BeginHop() {
  // What the hop before (or the seeds) added is where this hop starts from.
  for (size_t t = 0; t < out_->nodes.size(); ++t) {
    frontier_begin_[t] = frontier_end_[t];
    frontier_end_[t] = static_cast<int64_t>(out_->nodes[t].ids.size());
    out_->nodes[t].num_sampled_nodes[hop_] =
        frontier_end_[t] - frontier_begin_[t];
  }
  fetches_.clear();
  num_draws_ = 0;
  if (hop_ == hops_) return absl::OkStatus();
  for (size_t e = 0; e < out_->edges.size(); ++e) {
    const std::vector<int32_t>& fanouts = options_->fanouts[e];
    const int32_t fanout = hop_ < fanouts.size() ? fanouts[hop_] : 0;
    if (fanout == 0) continue;
    FAIRLEAD_RETURN_IF_ERROR(
        DrawType(e, {.fanout = fanout,
                     .replace = options_->replace,
                     .weighted = options_->weighted,
                     .temporal = options_->temporal,
                     .with_edge_ids = options_->with_edge_ids,
                     .key = key_,
                     .lane = static_cast<uint32_t>(hop_ << 16 | e)}));
  }
  return absl::OkStatus();
}

absl::Status NeighborSampler::DrawType(size_t edge_type, const DrawSpec& spec) {
  const EdgeType& type = dataset_.edge_types()[edge_type];
  const auto row_type = static_cast<size_t>(type.row_type(options_->direction));
  const auto begin = static_cast<size_t>(frontier_begin_[row_type]);
  const auto size = static_cast<size_t>(frontier_end_[row_type]) - begin;
  if (size == 0) return absl::OkStatus();
  if (draws_.size() == num_draws_) draws_.emplace_back();
  TypeDraw& draw = draws_[num_draws_++];
  draw.edge_type = edge_type;
  draw.frontier_begin = begin;
  const SampledSubgraph::Nodes& nodes = out_->nodes[row_type];
  const absl::Span<const int64_t> frontier =
      absl::MakeConstSpan(nodes.ids).subspan(begin, size);
  times_.clear();
  salts_.clear();
  if (is_temporal()) {
    for (size_t i = begin; i < begin + size; ++i) {
      salts_.push_back(nodes.seed_of[i]);
      times_.push_back(seed_times_[static_cast<size_t>(nodes.seed_of[i])]);
    }
  }
  return draw.gather.Begin(dataset_, static_cast<int>(edge_type),
                           options_->direction, frontier,
                           {.times = times_, .salts = salts_}, spec, &fetches_);
}

void NeighborSampler::Relabel(const TypeDraw& draw,
                              const DrawnNeighbors& drawn) {
  const EdgeType& type = dataset_.edge_types()[draw.edge_type];
  const int neighbor_type = type.neighbor_type(options_->direction);
  const auto row_type = static_cast<size_t>(type.row_type(options_->direction));
  SampledSubgraph::Edges& edges = out_->edges[draw.edge_type];
  const size_t first_edge = edges.rows.size();
  for (size_t i = 0; i < drawn.counts.size(); ++i) {
    edges.rows.resize(edges.rows.size() + static_cast<size_t>(drawn.counts[i]),
                      static_cast<int64_t>(draw.frontier_begin + i));
  }
  edges.edge_ids.insert(edges.edge_ids.end(), drawn.edge_ids.begin(),
                        drawn.edge_ids.end());
  edges.cols.resize(edges.rows.size());
  int64_t* cols = edges.cols.data() + first_edge;
  const std::vector<int64_t>& ids = drawn.neighbors;
  if (is_temporal()) {
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto row = static_cast<size_t>(edges.rows[first_edge + i]);
      cols[i] =
          LocalOf(neighbor_type, ids[i], out_->nodes[row_type].seed_of[row]);
    }
  } else {
    // Its misses are under way together.
    const NodeIndex& index = index_[static_cast<size_t>(neighbor_type)];
    for (size_t i = 0; i < ids.size(); ++i) {
      if (i + kAhead < ids.size()) index.Prefetch(ids[i + kAhead]);
      cols[i] = LocalOf(neighbor_type, ids[i], 0);
    }
  }
  edges.num_sampled_edges[hop_] = static_cast<int64_t>(ids.size());
}

absl::Status NeighborSampler::EndHop() {
  for (size_t i = 0; i < num_draws_; ++i) {
    TypeDraw& draw = draws_[i];
    FAIRLEAD_ASSIGN_OR_RETURN(const DrawnNeighbors* drawn,
                              draw.gather.Finish(fetches_, &stitched_));
    Relabel(draw, *drawn);
  }
  ++hop_;
  return absl::OkStatus();
}

}  // namespace fairlead
