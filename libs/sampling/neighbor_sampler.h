#ifndef FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_SAMPLER_H_
#define FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_SAMPLER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"

namespace fairlead {

// k-hop neighbourhoods of seed nodes (parity 2.4), homogeneous and
// heterogeneous alike: a homogeneous graph has one type of each.

struct NeighborSamplerOptions {
  // fanouts[e][h]: neighbours drawn at hop h along edge type e of the dataset:
  // > 0 that many, -1 all, 0 none (this type adds nothing at this hop; other
  // types are not affected: C-05). Lists may differ in length; a missing hop
  // is 0. One list per edge type of the dataset.
  std::vector<std::vector<int32_t>> fanouts;
  bool replace = false;
  bool with_edge_ids = false;
  uint64_t seed = 0;
};

// What one batch's topology is. Cleared and filled by Sample(); keep one per
// worker, so that its memory is used again.
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
  std::vector<Nodes> nodes;  // by node type of the dataset
  std::vector<Edges> edges;  // by edge type of the dataset
  std::vector<int64_t> seed_locals;  // local index of each seed, repeats kept
};

// One worker's sampler over a dataset that outlives it. Thread-compatible;
// holds scratch memory that grows to the largest batch.
class NeighborSampler {
 public:
  // INVALID_ARGUMENT for a fanout < -1, more or fewer lists than edge types,
  // or more than 255 hops.
  static absl::StatusOr<std::unique_ptr<NeighborSampler>> Create(
      const Dataset& dataset, NeighborSamplerOptions options);
  virtual ~NeighborSampler() = default;

  // Fills `out` with the neighbourhood of `seeds`, nodes of type `seed_type`,
  // repeats allowed. A pure function of the dataset, the options, `epoch`,
  // `batch_index` and `seeds`: same bytes on any worker, at any time (design
  // invariant 2). OUT_OF_RANGE, naming it, for a seed that is no node.
  virtual absl::Status Sample(absl::Span<const int64_t> seeds, int seed_type,
                              uint64_t epoch, uint64_t batch_index,
                              SampledSubgraph* out) = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_SAMPLER_H_
