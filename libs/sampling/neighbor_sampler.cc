#include "libs/sampling/neighbor_sampler.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/random/philox.h"

namespace fairlead {
namespace {

constexpr size_t kMaxHops = 255;

// How far ahead of its use a cache line is asked for: far enough to hide a
// miss of some hundred nanoseconds behind work of a few per item.
constexpr size_t kAhead = 16;

// Up to here, looking through the draws so far is faster than a hash set.
constexpr int64_t kLinearSearch = 64;

// Draws `count` of [0, degree) without replacement, each subset as likely as
// any other, and appends first + draw (Floyd: Bentley and Floyd, "A sample of
// brilliance", CACM 1987). REQUIRES 0 < count < degree.
void DrawDistinct(RandomStream& random, int64_t first, int64_t degree,
                  int64_t count, std::vector<int64_t>* out) {
  const size_t begin = out->size();
  if (count <= kLinearSearch) {
    for (int64_t top = degree - count; top < degree; ++top) {
      const int64_t draw =
          first +
          static_cast<int64_t>(random.Below(static_cast<uint64_t>(top) + 1));
      const bool is_taken =
          std::find(out->begin() + static_cast<ptrdiff_t>(begin), out->end(),
                    draw) != out->end();
      out->push_back(is_taken ? first + top : draw);
    }
    return;
  }
  absl::flat_hash_set<int64_t> taken;
  taken.reserve(static_cast<size_t>(count));
  for (int64_t top = degree - count; top < degree; ++top) {
    const int64_t draw =
        first +
        static_cast<int64_t>(random.Below(static_cast<uint64_t>(top) + 1));
    const int64_t chosen = taken.insert(draw).second ? draw : first + top;
    taken.insert(chosen);
    out->push_back(chosen);
  }
}

}  // namespace

absl::Status ValidateNeighborSamplerOptions(
    const Dataset& dataset, const NeighborSamplerOptions& options) {
  if (options.fanouts.size() != dataset.edge_types().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("fanouts: ", options.fanouts.size(), " lists for ",
                     dataset.edge_types().size(), " edge types"));
  }
  for (size_t e = 0; e < options.fanouts.size(); ++e) {
    const std::string type = dataset.edge_types()[e].name.ToString();
    if (options.fanouts[e].size() > kMaxHops) {
      return absl::InvalidArgumentError(
          absl::StrCat("fanout of ", type, ": ", options.fanouts[e].size(),
                       " hops are more than ", kMaxHops));
    }
    for (const int32_t fanout : options.fanouts[e]) {
      if (fanout >= -1) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "fanout of ", type, ": ", fanout,
          " is no number of neighbours; use > 0, 0 for none, -1 for all"));
    }
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

void NeighborSampler::DrawPositions(const Csr& csr,
                                    absl::Span<const int64_t> frontier,
                                    int64_t first_local, int32_t fanout,
                                    bool replace, uint64_t key, uint32_t lane,
                                    SampledSubgraph::Edges* edges) const {
  std::vector<int64_t>& positions = edges->cols;
  for (size_t i = 0; i < frontier.size(); ++i) {
    if (i + kAhead < frontier.size()) {
      __builtin_prefetch(
          &csr.indptr[static_cast<size_t>(frontier[i + kAhead])]);
    }
    const auto node = static_cast<size_t>(frontier[i]);
    const int64_t first = csr.indptr[node];
    const int64_t degree = csr.indptr[node + 1] - first;
    if (degree == 0) continue;
    if (fanout < 0 || (!replace && degree <= fanout)) {
      for (int64_t j = 0; j < degree; ++j) positions.push_back(first + j);
    } else {
      RandomStream random(key, static_cast<uint64_t>(frontier[i]), lane);
      if (replace) {
        for (int32_t j = 0; j < fanout; ++j) {
          positions.push_back(first + static_cast<int64_t>(random.Below(
                                          static_cast<uint64_t>(degree))));
        }
      } else {
        DrawDistinct(random, first, degree, fanout, &positions);
      }
    }
    edges->rows.resize(positions.size(), first_local + static_cast<int64_t>(i));
  }
}

absl::Status NeighborSampler::Sample(const NeighborSamplerOptions& options,
                                     const NeighborSampleRequest& request,
                                     SampledSubgraph* out) {
  const absl::Span<const NodeType> node_types = dataset_.node_types();
  const absl::Span<const EdgeType> edge_types = dataset_.edge_types();
  size_t hops = 0;
  for (const std::vector<int32_t>& fanout : options.fanouts) {
    hops = std::max(hops, fanout.size());
  }
  out->nodes.resize(node_types.size());
  out->edges.resize(edge_types.size());
  for (SampledSubgraph::Nodes& nodes : out->nodes) {
    nodes.ids.clear();
    nodes.num_sampled_nodes.assign(hops + 1, 0);
  }
  for (SampledSubgraph::Edges& edges : out->edges) {
    edges.rows.clear();
    edges.cols.clear();
    edges.edge_ids.clear();
    edges.num_sampled_edges.assign(hops, 0);
  }
  out->seed_locals.clear();
  for (NodeIndex& index : index_) index.Clear();
  frontier_begin_.assign(node_types.size(), 0);
  frontier_end_.assign(node_types.size(), 0);

  // The index of `id` among nodes of a type, which it joins if it is new.
  const auto local_of = [out, this](int type, int64_t id) {
    std::vector<int64_t>& ids = out->nodes[static_cast<size_t>(type)].ids;
    const uint32_t local = index_[static_cast<size_t>(type)].FindOrInsert(
        id, static_cast<uint32_t>(ids.size()));
    if (local == ids.size()) ids.push_back(id);
    return static_cast<int64_t>(local);
  };

  const NodeType& seed_type =
      node_types[static_cast<size_t>(request.seed_type)];
  for (const int64_t seed : request.seeds) {
    if (seed < 0 || seed >= seed_type.num_nodes) {
      return absl::OutOfRangeError(
          absl::StrCat("seed id ", seed, " is no node of type ", seed_type.name,
                       ", whose ids are 0 to ", seed_type.num_nodes - 1));
    }
    out->seed_locals.push_back(local_of(request.seed_type, seed));
  }

  const uint64_t key = DeriveRandomKey(options.seed, RandomPurpose::kNeighbors,
                                       request.epoch, request.batch_index);
  for (size_t hop = 0; hop <= hops; ++hop) {
    // What the hop before (or the seeds) added is where this hop starts from.
    for (size_t t = 0; t < node_types.size(); ++t) {
      frontier_begin_[t] = frontier_end_[t];
      frontier_end_[t] = static_cast<int64_t>(out->nodes[t].ids.size());
      out->nodes[t].num_sampled_nodes[hop] =
          frontier_end_[t] - frontier_begin_[t];
    }
    if (hop == hops) break;
    for (size_t e = 0; e < edge_types.size(); ++e) {
      const int32_t fanout =
          hop < options.fanouts[e].size() ? options.fanouts[e][hop] : 0;
      const EdgeType& type = edge_types[e];
      const auto src = static_cast<size_t>(type.src_type);
      const int64_t frontier_size = frontier_end_[src] - frontier_begin_[src];
      if (fanout == 0 || frontier_size == 0) continue;
      SampledSubgraph::Edges& edges = out->edges[e];
      const size_t first_edge = edges.cols.size();
      DrawPositions(type.csr,
                    absl::MakeConstSpan(out->nodes[src].ids)
                        .subspan(static_cast<size_t>(frontier_begin_[src]),
                                 static_cast<size_t>(frontier_size)),
                    frontier_begin_[src], fanout, options.replace, key,
                    static_cast<uint32_t>(hop << 16 | e), &edges);

      // Positions become ids, and ids become local indices, in place and in
      // passes of their own, so that each pass has its misses under way
      // together.
      std::vector<int64_t>& cols = edges.cols;
      if (options.with_edge_ids) {
        for (size_t i = first_edge; i < cols.size(); ++i) {
          edges.edge_ids.push_back(
              type.csr.edge_ids.empty()
                  ? cols[i]
                  : type.csr.edge_ids[static_cast<size_t>(cols[i])]);
        }
      }
      for (size_t i = first_edge; i < cols.size(); ++i) {
        if (i + kAhead < cols.size()) {
          __builtin_prefetch(
              &type.csr.indices[static_cast<size_t>(cols[i + kAhead])]);
        }
        cols[i] = type.csr.indices[static_cast<size_t>(cols[i])];
      }
      const NodeIndex& index = index_[static_cast<size_t>(type.dst_type)];
      for (size_t i = first_edge; i < cols.size(); ++i) {
        if (i + kAhead < cols.size()) index.Prefetch(cols[i + kAhead]);
        cols[i] = local_of(type.dst_type, cols[i]);
      }
      edges.num_sampled_edges[hop] =
          static_cast<int64_t>(cols.size() - first_edge);
    }
  }
  return absl::OkStatus();
}

}  // namespace fairlead
