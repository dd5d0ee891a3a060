#ifndef FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_SAMPLER_H_
#define FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_SAMPLER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/node_index.h"

namespace fairlead {

// k-hop neighbourhoods of seed nodes (parity 2.4), homogeneous and
// heterogeneous alike: a homogeneous graph has one type of each.

struct NeighborSamplerOptions {
  // fanouts[e][h]: neighbours drawn at hop h along edge type e of the dataset:
  // > 0 that many, -1 all, 0 none (this type adds nothing at this hop; other
  // types are not affected: C-05). Lists may differ in length; a missing hop
  // is 0. One list per edge type of the dataset.
  std::vector<std::vector<int32_t>> fanouts;

  // Draw with replacement. By default each edge at most once per node and
  // hop; the originals' CPU samplers replace (C-04, W-33).
  bool replace = false;

  bool with_edge_ids = false;
  uint64_t seed = 0;
};

// INVALID_ARGUMENT for a fanout < -1, more or fewer lists than edge types, or
// more than 255 hops.
absl::Status ValidateNeighborSamplerOptions(
    const Dataset& dataset, const NeighborSamplerOptions& options);

struct NeighborSampleRequest {
  absl::Span<const int64_t> seeds;  // repeats allowed
  int seed_type = 0;                // index into the dataset's node types
  uint64_t epoch = 0;
  uint64_t batch_index = 0;
};

// What one batch's topology is. Cleared and filled by Sample(); used again, it
// keeps its memory.
struct SampledSubgraph {
  struct Nodes {
    std::vector<int64_t> ids;  // distinct, seeds first, then by hop
    std::vector<int64_t> num_sampled_nodes;  // hops + 1, zero padded (C-06)
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

  int64_t TotalEdges() const;
};

// Samples for one worker, for any number of configurations: what it holds is
// scratch memory, which grows to the largest batch. Thread-compatible.
//
// A batch is a pure function of the dataset, the options, and the request:
// random draws are keyed by (seed, epoch, batch index) and made for (node, hop,
// edge type), so no order of work and no number of workers changes them
// (design invariant 2, W-32).
class NeighborSampler {
 public:
  // `dataset` must outlive the sampler.
  explicit NeighborSampler(const Dataset& dataset)
      : dataset_(dataset), index_(dataset.node_types().size()) {}

  // Fills `out`. OUT_OF_RANGE, naming it, for a seed that is no node. REQUIRES
  // options that ValidateNeighborSamplerOptions has found good, and a
  // seed_type of the dataset.
  //
  // Local indices are given to seeds in order of first occurrence, then hop by
  // hop: along edge types in the dataset's order, from nodes in order of their
  // own index, to neighbours in the order they were drawn.
  absl::Status Sample(const NeighborSamplerOptions& options,
                      const NeighborSampleRequest& request,
                      SampledSubgraph* out);

 private:
  // Appends to edges->cols, for each frontier node, the positions in the CSR
  // of the edges that are drawn; and to edges->rows the node's local index.
  void DrawPositions(const Csr& csr, absl::Span<const int64_t> frontier,
                     int64_t first_local, int32_t fanout, bool replace,
                     uint64_t key, uint32_t lane,
                     SampledSubgraph::Edges* edges) const;

  const Dataset& dataset_;
  std::vector<NodeIndex> index_;  // by node type: global id to local index
  std::vector<int64_t> frontier_begin_;  // by node type, into Nodes::ids
  std::vector<int64_t> frontier_end_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_SAMPLER_H_
