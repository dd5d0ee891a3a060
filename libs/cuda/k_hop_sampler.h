#ifndef FAIRLEAD_LIBS_CUDA_K_HOP_SAMPLER_H_
#define FAIRLEAD_LIBS_CUDA_K_HOP_SAMPLER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/cuda/graph_view.h"
#include "libs/cuda/growing_array.h"
#include "libs/cuda/k_hop_request.h"
#include "libs/cuda/node_numbering.h"
#include "libs/cuda/row_draw.h"
#include "libs/cuda/sampler_steps.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {

// k-hop neighbourhoods, uniform, sampled by threads without number: the batch
// that NeighborSampler makes of the same graph, options and request, to the
// last number. All of it but the executor is the same for a GPU and for the CPU
// that stands in for one in tests.
//
// An Executor has memory, and does one thing after another:
//   StatusOr<void*> Allocate(size_t bytes);   16-byte aligned, of its memory
//   void Free(void* memory);                  once what was asked for is done
//   Status Copy(void* to, const void* from, size_t bytes);    to or within it
//   Status Read(void* to, const void* from, size_t bytes);    from it; waits
//   Status Fill(void* memory, uint8_t byte, size_t bytes);
//   Status Launch(int64_t count, Step step);  step(i) for each i below count
//   Status PrefixSum(const int64_t* in, int64_t* out, int64_t count);
//                                             out[i]: the sum of those before i
//
// It waits three times for each edge type and hop, for how much room to make
// and whether something is wrong. Thread-compatible.
template <typename Executor>
class KHopSampler {
 public:
  // The graph's arrays must be where the executor's threads can read them, and
  // they and the executor must outlive it.
  KHopSampler(Executor* executor, GraphView graph)
      : executor_(executor), graph_(std::move(graph)), scratch_(executor) {
    for (size_t t = 0; t < graph_.node_types.size(); ++t) {
      nodes_.emplace_back(executor);
    }
    for (size_t e = 0; e < graph_.edge_types.size(); ++e) {
      edges_.emplace_back(executor);
    }
  }

  // OUT_OF_RANGE or NOT_FOUND, naming it, for a seed or a neighbour that is no
  // node; INVALID_ARGUMENT for fanouts that do not fit the graph, or hops or
  // edge types of which there are too many; DATA_LOSS for edges that are none;
  // RESOURCE_EXHAUSTED for a batch of more than 2^31 nodes and neighbours at
  // a hop; else as the executor.
  absl::StatusOr<KHopBatch> Sample(const KHopOptions& options,
                                   const KHopRequest& request) {
    FAIRLEAD_RETURN_IF_ERROR(CheckOptions(options));
    size_t hops = 0;
    for (const auto& fanouts : options.fanouts) {
      hops = std::max(hops, fanouts.size());
    }
    key_ = DeriveRandomKey(options.seed, RandomPurpose::kNeighbors,
                           request.epoch, request.batch_index);
    FAIRLEAD_RETURN_IF_ERROR(Clear(hops));
    FAIRLEAD_RETURN_IF_ERROR(AddSeeds(request));
    for (size_t hop = 0; hop <= hops; ++hop) {
      for (Nodes& nodes : nodes_) {
        nodes.frontier_begin =
            std::exchange(nodes.frontier_end, nodes.all.size());
        nodes.sampled[hop] = nodes.frontier_end - nodes.frontier_begin;
      }
      for (size_t e = 0; hop < hops && e < edges_.size(); ++e) {
        const auto& fanouts = options.fanouts[e];
        if (hop >= fanouts.size() || fanouts[hop] == 0) continue;
        FAIRLEAD_RETURN_IF_ERROR(
            Hop(e, hop, options.with_edge_ids,
                {.fanout = fanouts[hop],
                 .replace = options.replace,
                 .key = key_,
                 .lane = static_cast<uint32_t>(hop << 16 | e)}));
      }
    }
    // (Every hop ends with nodes of some type.)
    if (!nodes_.empty()) FAIRLEAD_RETURN_IF_ERROR(Fault(nodes_[0]));
    return Batch(options, request);
  }

 private:
  template <typename T>
  using Array = GrowingArray<T, Executor>;

  struct Nodes {
    explicit Nodes(Executor* executor) : all(executor) {}

    NodeNumbering<Executor> all;
    int64_t frontier_begin = 0;
    int64_t frontier_end = 0;
    std::vector<int64_t> sampled;  // by hop
  };
  struct Edges {
    explicit Edges(Executor* executor)
        : rows(executor), cols(executor), edge_ids(executor) {}

    Array<int64_t> rows;
    Array<int64_t> cols;
    Array<int64_t> edge_ids;
    std::vector<int64_t> sampled;  // by hop
  };
  struct Scratch {
    explicit Scratch(Executor* executor)
        : fault(executor),
          seeds(executor),
          seed_locals(executor),
          firsts(executor),
          degrees(executor),
          counts(executor),
          offsets(executor),
          neighbors(executor),
          numbering(executor) {}

    Array<uint64_t> fault;
    Array<int64_t> seeds;
    Array<int64_t> seed_locals;
    Array<int64_t> firsts;
    Array<int64_t> degrees;
    Array<int64_t> counts;
    Array<int64_t> offsets;
    Array<int64_t> neighbors;
    typename NodeNumbering<Executor>::Scratch numbering;
  };

  absl::Status CheckOptions(const KHopOptions& options) const;
  absl::Status Clear(size_t hops);
  absl::Status AddSeeds(const KHopRequest& request);
  absl::Status Hop(size_t e, size_t hop, bool with_edge_ids, RowDraw draw);
  // What was found to be wrong, by those who looked at a frontier.
  absl::Status Fault(const Nodes& frontier_of);
  KHopBatch Batch(const KHopOptions& options, const KHopRequest& request) const;

  Executor* const executor_;
  const GraphView graph_;
  uint64_t key_ = 0;
  std::vector<Nodes> nodes_;
  std::vector<Edges> edges_;
  Scratch scratch_;
};

template <typename Executor>
absl::Status KHopSampler<Executor>::CheckOptions(
    const KHopOptions& options) const {
  constexpr size_t kMaxHops = 255;
  constexpr size_t kMaxEdgeTypes = size_t{1} << 16;
  if (options.fanouts.size() != edges_.size() ||
      edges_.size() > kMaxEdgeTypes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "fanouts: ", options.fanouts.size(), " lists for ", edges_.size(),
        " edge types, of which there may be ", kMaxEdgeTypes));
  }
  for (size_t e = 0; e < edges_.size(); ++e) {
    const auto& fanouts = options.fanouts[e];
    if (fanouts.size() > kMaxHops) {
      return absl::InvalidArgumentError(
          absl::StrCat("fanout of edge type ", e, ": ", fanouts.size(),
                       " hops are more than ", kMaxHops));
    }
    for (const int32_t fanout : fanouts) {
      if (fanout < -1) {
        return absl::InvalidArgumentError(absl::StrCat(
            "fanout of edge type ", e, ": ", fanout,
            " is no number of neighbours; use > 0, 0 for none, -1 for all"));
      }
      if (fanout != 0 && graph_.edge_types[e].edges.indptr.size == 0) {
        return absl::InvalidArgumentError(absl::StrCat(
            "fanout of edge type ", e,
            ": its edges are not listed in the direction that is sampled"));
      }
    }
  }
  return absl::OkStatus();
}

template <typename Executor>
absl::Status KHopSampler<Executor>::Clear(size_t hops) {
  for (Nodes& nodes : nodes_) {
    FAIRLEAD_RETURN_IF_ERROR(nodes.all.Clear());
    nodes.frontier_begin = 0;
    nodes.frontier_end = 0;
    nodes.sampled.assign(hops + 1, 0);
  }
  for (Edges& edges : edges_) {
    FAIRLEAD_RETURN_IF_ERROR(edges.rows.Renew(0));
    FAIRLEAD_RETURN_IF_ERROR(edges.cols.Renew(0));
    FAIRLEAD_RETURN_IF_ERROR(edges.edge_ids.Renew(0));
    edges.sampled.assign(hops, 0);
  }
  FAIRLEAD_RETURN_IF_ERROR(scratch_.fault.Renew(1));
  return executor_->Fill(scratch_.fault.data(), 0xFF, sizeof(uint64_t));
}

template <typename Executor>
absl::Status KHopSampler<Executor>::AddSeeds(const KHopRequest& request) {
  int64_t total = 0;
  for (const KHopSeeds& seeds : request.seeds) {
    total += static_cast<int64_t>(seeds.ids.size());
  }
  FAIRLEAD_RETURN_IF_ERROR(scratch_.seeds.Renew(total));
  FAIRLEAD_RETURN_IF_ERROR(scratch_.seed_locals.Renew(total));
  int64_t begin = 0;
  for (const KHopSeeds& seeds : request.seeds) {
    const auto count = static_cast<int64_t>(seeds.ids.size());
    if (seeds.type < 0 || static_cast<size_t>(seeds.type) >= nodes_.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("seeds: there is no node type ", seeds.type));
    }
    for (const int64_t id : seeds.ids) {
      // (Of an ascending list, which may be where only the GPU reads it, the
      // first hop sees what is missing.)
      const RowIds& rows = graph_.node_types[static_cast<size_t>(seeds.type)];
      if (id >= 0 && (rows.list != nullptr || rows.Row(id) >= 0)) continue;
      return absl::OutOfRangeError(absl::StrCat(
          "seed id ", id, " is no node of node type ", seeds.type));
    }
    if (count > 0) {
      FAIRLEAD_RETURN_IF_ERROR(
          executor_->Copy(scratch_.seeds.data() + begin, seeds.ids.data(),
                          seeds.ids.size() * sizeof(int64_t)));
    }
    FAIRLEAD_RETURN_IF_ERROR(nodes_[static_cast<size_t>(seeds.type)].all.Number(
        scratch_.seeds.data() + begin, count,
        scratch_.seed_locals.data() + begin, scratch_.numbering));
    begin += count;
  }
  return absl::OkStatus();
}

template <typename Executor>
absl::Status KHopSampler<Executor>::Hop(size_t e, size_t hop,
                                        bool with_edge_ids, RowDraw draw) {
  const GraphView::EdgeType& type = graph_.edge_types[e];
  const auto row_type = static_cast<size_t>(type.row_type);
  const Nodes& from = nodes_[row_type];
  const int64_t frontier = from.frontier_end - from.frontier_begin;
  if (frontier == 0) return absl::OkStatus();
  const int64_t* const ids = from.all.ids() + from.frontier_begin;
  const FaultWord fault{scratch_.fault.data()};
  FAIRLEAD_RETURN_IF_ERROR(scratch_.firsts.Renew(frontier));
  FAIRLEAD_RETURN_IF_ERROR(scratch_.degrees.Renew(frontier));
  FAIRLEAD_RETURN_IF_ERROR(scratch_.counts.Renew(frontier + 1));
  FAIRLEAD_RETURN_IF_ERROR(scratch_.offsets.Renew(frontier + 1));
  FAIRLEAD_RETURN_IF_ERROR(
      executor_->Launch(frontier, CountStep{.rows = graph_.node_types[row_type],
                                            .edges = type.edges,
                                            .draw = draw,
                                            .frontier = ids,
                                            .fault = fault,
                                            .firsts = scratch_.firsts.data(),
                                            .degrees = scratch_.degrees.data(),
                                            .counts = scratch_.counts.data()}));
  FAIRLEAD_RETURN_IF_ERROR(
      executor_->Fill(scratch_.counts.data() + frontier, 0, sizeof(int64_t)));
  FAIRLEAD_RETURN_IF_ERROR(executor_->PrefixSum(
      scratch_.counts.data(), scratch_.offsets.data(), frontier + 1));
  int64_t drawn = 0;
  FAIRLEAD_RETURN_IF_ERROR(executor_->Read(
      &drawn, scratch_.offsets.data() + frontier, sizeof(drawn)));
  FAIRLEAD_RETURN_IF_ERROR(Fault(from));

  Edges& edges = edges_[e];
  const int64_t before = edges.rows.size();
  edges.sampled[hop] = drawn;
  FAIRLEAD_RETURN_IF_ERROR(edges.rows.Resize(before + drawn));
  FAIRLEAD_RETURN_IF_ERROR(edges.cols.Resize(before + drawn));
  if (with_edge_ids) {
    FAIRLEAD_RETURN_IF_ERROR(edges.edge_ids.Resize(before + drawn));
  }
  if (drawn == 0) return absl::OkStatus();
  // Positions first, where the neighbours' local indices will be.
  int64_t* const cols = edges.cols.data() + before;
  FAIRLEAD_RETURN_IF_ERROR(scratch_.neighbors.Renew(drawn));
  FAIRLEAD_RETURN_IF_ERROR(executor_->Launch(
      frontier, DrawStep{.draw = draw,
                         .frontier = ids,
                         .firsts = scratch_.firsts.data(),
                         .degrees = scratch_.degrees.data(),
                         .offsets = scratch_.offsets.data(),
                         .frontier_begin = from.frontier_begin,
                         .rows = edges.rows.data() + before,
                         .positions = cols}));
  FAIRLEAD_RETURN_IF_ERROR(executor_->Launch(
      drawn,
      NeighborStep{.edges = type.edges,
                   .fault = fault,
                   .positions = cols,
                   .neighbors = scratch_.neighbors.data(),
                   .edge_ids = with_edge_ids ? edges.edge_ids.data() + before
                                             : nullptr}));
  return nodes_[static_cast<size_t>(type.neighbor_type)].all.Number(
      scratch_.neighbors.data(), drawn, cols, scratch_.numbering);
}

template <typename Executor>
absl::Status KHopSampler<Executor>::Fault(const Nodes& frontier_of) {
  uint64_t fault = FaultWord::kNone;
  FAIRLEAD_RETURN_IF_ERROR(
      executor_->Read(&fault, scratch_.fault.data(), sizeof(fault)));
  if (fault == FaultWord::kNone) return absl::OkStatus();
  const auto kind = static_cast<SampleFault>(fault & 3);
  if (kind == SampleFault::kBadIndex) {
    return absl::DataLossError(
        "an edge leads to a number below 0; `dataset check` tells what is "
        "wrong");
  }
  const auto at = frontier_of.frontier_begin + static_cast<int64_t>(fault >> 2);
  int64_t id = 0;
  FAIRLEAD_RETURN_IF_ERROR(
      executor_->Read(&id, frontier_of.all.ids() + at, sizeof(id)));
  if (kind == SampleFault::kNoRow) {
    return absl::NotFoundError(
        absl::StrCat("id ", id, ": is no node of this graph"));
  }
  return absl::DataLossError(absl::StrCat(
      "id ", id,
      ": its edges are not among those that there are; `dataset check` tells "
      "what is wrong"));
}

template <typename Executor>
KHopBatch KHopSampler<Executor>::Batch(const KHopOptions& options,
                                       const KHopRequest& request) const {
  KHopBatch batch;
  for (const Nodes& nodes : nodes_) {
    batch.nodes.push_back({.ids = nodes.all.ids(),
                           .size = nodes.all.size(),
                           .num_sampled_nodes = nodes.sampled});
  }
  for (const Edges& edges : edges_) {
    batch.edges.push_back(
        {.rows = edges.rows.data(),
         .cols = edges.cols.data(),
         .edge_ids = options.with_edge_ids ? edges.edge_ids.data() : nullptr,
         .size = edges.rows.size(),
         .num_sampled_edges = edges.sampled});
  }
  const int64_t* locals = scratch_.seed_locals.data();
  for (const KHopSeeds& seeds : request.seeds) {
    batch.seed_locals.push_back(locals);
    locals += seeds.ids.size();
  }
  return batch;
}

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_K_HOP_SAMPLER_H_
