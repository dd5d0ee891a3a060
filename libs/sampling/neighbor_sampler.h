#ifndef FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_SAMPLER_H_
#define FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_SAMPLER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_gather.h"
#include "libs/sampling/node_index.h"

namespace fairlead {

// k-hop neighbourhoods of seed nodes (parity 2.4), homogeneous and
// heterogeneous alike: a homogeneous graph has one type of each.

struct NeighborSamplerOptions {
  // fanouts[e][h]: neighbours drawn at hop h along edge type e of the dataset:
  // > 0 that many, -1 all, 0 none (this type adds nothing at this hop, and
  // nobody is asked for it; other types are not affected: C-05, W-37). Lists
  // may differ in length; a missing hop is 0. One list per edge type of the
  // dataset.
  std::vector<std::vector<int32_t>> fanouts;

  // Draw with replacement. By default each edge at most once per node and
  // hop; the originals' CPU samplers replace (C-04, W-33).
  bool replace = false;

  // Along edges, or against them.
  EdgeDir direction = EdgeDir::kOut;

  // By the edges' weights.
  bool weighted = false;

  // Only edges that are not later than the seed they are drawn for. Then each
  // seed has a neighbourhood of its own: a node that two of them reach is there
  // twice.
  TemporalStrategy temporal = TemporalStrategy::kNone;

  bool with_edge_ids = false;
  uint64_t seed = 0;

  bool operator==(const NeighborSamplerOptions&) const = default;
};

// OUT_OF_RANGE, naming it, for an id that is no node of `type`. Of partitions,
// one within the range of ids that nobody owns passes: it is found when its
// owner is asked for.
absl::Status CheckSeeds(const NodeType& type, absl::Span<const int64_t> ids);

// INVALID_ARGUMENT for a fanout < -1, more or fewer lists than edge types,
// more than 255 hops, more than 65,536 edge types (a draw's lane has 16 bits
// for them), or what the dataset lacks: weights, timestamps, a direction.
absl::Status ValidateNeighborSamplerOptions(
    const Dataset& dataset, const NeighborSamplerOptions& options);

// Nodes from which a batch starts: ids of one type.
struct SeedGroup {
  int type = 0;                   // index into the dataset's node types
  absl::Span<const int64_t> ids;  // repeats allowed
  // For temporal strategies: the time of each id.
  absl::Span<const int64_t> times = {};
};

struct NeighborSampleRequest {
  absl::Span<const int64_t> seeds;
  int seed_type = 0;
  uint64_t epoch = 0;
  uint64_t batch_index = 0;
  // For temporal strategies: the time of each seed.
  absl::Span<const int64_t> times = {};
  // More seeds, of this or other types, that are not the batch's own (the ends
  // of edges, labels): after `seeds`, in order.
  absl::Span<const SeedGroup> more_seeds = {};
};

// What one batch's topology is. Cleared and filled by sampling; used again, it
// keeps its memory.
struct SampledSubgraph {
  struct Nodes {
    std::vector<int64_t> ids;  // distinct (per seed, if temporal), seeds first,
                               // then by hop
    std::vector<int64_t> num_sampled_nodes;  // hops + 1, zero padded (C-06)
    std::vector<int64_t> seed_of;  // if temporal: whose neighbourhood each node
                                   // is in, as an index into the seeds
  };
  struct Edges {
    std::vector<int64_t> rows;      // local index of the node sampled from
    std::vector<int64_t> cols;      // local index of the neighbour
    std::vector<int64_t> edge_ids;  // only if with_edge_ids
    std::vector<int64_t> num_sampled_edges;  // hops, zero padded
  };
  std::vector<Nodes> nodes;          // by node type of the dataset
  std::vector<Edges> edges;          // by edge type of the dataset
  std::vector<int64_t> seed_locals;  // local index of each seed, repeats kept
  // The same for each of more_seeds.
  std::vector<std::vector<int64_t>> more_seed_locals;

  int64_t TotalEdges() const;
};

// Samples one batch at a time: what it holds is scratch memory, which grows to
// the largest batch. This library's, below, for any configuration; another may
// be a GPU's, for those that it says. Thread-compatible.
//
// A batch is a pure function of the whole graph, the options, and the request:
// random draws are keyed by (seed, epoch, batch index) and made for (node, hop,
// edge type), so no order of work, no number of workers and no number of
// partitions changes them (design invariant 2, W-32).
//
// Nodes of other partitions are asked for, never waited for: a batch goes from
// hop to hop whenever the answers to its fetches are there.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(bool done, sampler.Begin(options, request,
//   &out)); while (!done) {
//     for (NeighborFetch& fetch : sampler.fetches()) fetch.answer = ...;
//     FAIRLEAD_ASSIGN_OR_RETURN(done, sampler.Resume());
//   }
class NeighborhoodSampler {
 public:
  virtual ~NeighborhoodSampler() = default;

  // Starts on a batch, and forgets another that was not ended. True if it is
  // complete: always, where the dataset is whole. `options`, the seeds and
  // `out` must live until the batch is. OUT_OF_RANGE, naming it, for a seed
  // that is no node; INVALID_ARGUMENT for times that are too few, or ids and
  // seeds that are too many for temporal sampling. REQUIRES options that
  // ValidateNeighborSamplerOptions has found good, and types of the dataset.
  //
  // Local indices are given to seeds in order of first occurrence, then hop by
  // hop: along edge types in the dataset's order, from nodes in order of their
  // own index, to neighbours in the order they were drawn.
  virtual absl::StatusOr<bool> Begin(const NeighborSamplerOptions& options,
                                     const NeighborSampleRequest& request,
                                     SampledSubgraph* out) = 0;

  // What it waits for. Valid until Resume.
  virtual std::vector<NeighborFetch>& fetches() = 0;

  // Goes on, as Begin. INTERNAL, naming the partition, for an answer that is
  // none. REQUIRES every fetch to be answered.
  virtual absl::StatusOr<bool> Resume() = 0;
};

class NeighborSampler final : public NeighborhoodSampler {
 public:
  // `dataset` must outlive the sampler.
  explicit NeighborSampler(const Dataset& dataset)
      : dataset_(dataset), index_(dataset.node_types().size()) {}

  absl::StatusOr<bool> Begin(const NeighborSamplerOptions& options,
                             const NeighborSampleRequest& request,
                             SampledSubgraph* out) override;
  std::vector<NeighborFetch>& fetches() override { return fetches_; }
  absl::StatusOr<bool> Resume() override;

  // Begin, where nothing has to be asked for. FAILED_PRECONDITION if something
  // has.
  absl::Status Sample(const NeighborSamplerOptions& options,
                      const NeighborSampleRequest& request,
                      SampledSubgraph* out);

 private:
  // What an edge type's frontier has drawn at this hop.
  struct TypeDraw {
    size_t edge_type = 0;
    size_t frontier_begin = 0;  // local index of its first node
    NeighborGather gather;
  };

  absl::Status AddSeeds(const SeedGroup& group, std::vector<int64_t>* locals);
  // The index of `id` among nodes of a type, which it joins if it is new.
  int64_t LocalOf(int type, int64_t id, int64_t seed);
  // Takes what the hop before added as the frontier, and draws for it.
  absl::Status BeginHop();
  absl::Status DrawType(size_t edge_type, const DrawSpec& spec);
  // Puts the draws of all partitions in order and gives them indices.
  absl::Status EndHop();
  void Relabel(const TypeDraw& draw, const DrawnNeighbors& drawn);
  absl::StatusOr<bool> RunWhileLocal();

  bool is_temporal() const {
    return options_->temporal != TemporalStrategy::kNone;
  }

  const Dataset& dataset_;
  std::vector<NodeIndex> index_;  // by node type: global id to local index

  // The batch in the making.
  const NeighborSamplerOptions* options_ = nullptr;
  SampledSubgraph* out_ = nullptr;
  uint64_t key_ = 0;
  size_t hops_ = 0;
  size_t hop_ = 0;
  std::vector<int64_t> frontier_begin_;  // by node type, into Nodes::ids
  std::vector<int64_t> frontier_end_;
  std::vector<int64_t> seed_times_;  // by seed, if temporal
  std::vector<TypeDraw> draws_;      // of this hop, as many as num_draws_
  size_t num_draws_ = 0;
  std::vector<NeighborFetch> fetches_;
  DrawnNeighbors stitched_;
  std::vector<int64_t> times_;
  std::vector<int64_t> salts_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_SAMPLER_H_
