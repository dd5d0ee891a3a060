#ifndef FAIRLEAD_LIBS_CUDA_K_HOP_REQUEST_H_
#define FAIRLEAD_LIBS_CUDA_K_HOP_REQUEST_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace fairlead::cuda {

struct KHopOptions {
  // fanouts[e][h]: as NeighborSamplerOptions has them, one list per edge type.
  std::vector<std::vector<int32_t>> fanouts;
  bool replace = false;
  bool with_edge_ids = false;
  uint64_t seed = 0;
};

// Nodes from which a batch starts, in host memory.
struct KHopSeeds {
  int type = 0;                   // index into the graph's node types
  absl::Span<const int64_t> ids;  // repeats allowed
};

struct KHopRequest {
  // The batch's own seeds, then others (the ends of edges, labels), in order.
  std::vector<KHopSeeds> seeds;
  uint64_t epoch = 0;
  uint64_t batch_index = 0;
};

// A batch where it was sampled: SampledSubgraph's numbers, as pointers that are
// valid until the sampler makes another, for what follows on its stream.
struct KHopBatch {
  struct Nodes {
    const int64_t* ids = nullptr;
    int64_t size = 0;
    std::vector<int64_t> num_sampled_nodes;  // hops + 1
  };
  struct Edges {
    const int64_t* rows = nullptr;
    const int64_t* cols = nullptr;
    const int64_t* edge_ids = nullptr;  // null unless with_edge_ids
    int64_t size = 0;
    std::vector<int64_t> num_sampled_edges;  // hops
  };
  std::vector<Nodes> nodes;
  std::vector<Edges> edges;
  // Of each of the request's seeds, as many as its ids.
  std::vector<const int64_t*> seed_locals;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_K_HOP_REQUEST_H_
