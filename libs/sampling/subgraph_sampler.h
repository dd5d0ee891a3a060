#ifndef FAIRLEAD_LIBS_SAMPLING_SUBGRAPH_SAMPLER_H_
#define FAIRLEAD_LIBS_SAMPLING_SUBGRAPH_SAMPLER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_gather.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/node_index.h"

namespace fairlead {

// The subgraph that some nodes induce: all edges between them (parity 2.10,
// GL-076; W-36 says what was wrong with the original: memory for n^2 edges, 32
// bits an index, state that threads shared, no heterogeneous graphs).

struct SubgraphSamplerOptions {
  // How the inputs are expanded before: fanouts as for neighbour sampling, or
  // no lists at all for no expansion. Drawing with replacement or by weight is
  // about the expansion. The direction is that of the expansion, and the one by
  // which edges are listed in the end. with_edge_ids is about these.
  // REQUIRES no temporal strategy.
  NeighborSamplerOptions neighbors;

  // Index of the inputs' type among the dataset's node types.
  int input_type = 0;
};

// INVALID_ARGUMENT for an input type that there is none of, a temporal strategy
// (edges between nodes would be there whatever their times), or an edge type
// that is not listed in the direction; else as ValidateNeighborSamplerOptions.
absl::Status ValidateSubgraphSamplerOptions(
    const Dataset& dataset, const SubgraphSamplerOptions& options);

// What a batch is, beside what SampledSubgraph says:
//
// nodes[t].ids: the inputs and what their expansion reached, each once,
//   ascending.
// edges[e]: of each edge type whose list of fanouts is not empty, or of all if
//   there is no expansion, every edge between nodes of the batch; repeated
//   edges as often as they are in the graph. rows ascend; of one row, edges are
//   in the order in which the graph lists them. As in neighbour sampling, a row
//   is the node whose list the edge is in, a col the node in the list.
// num_sampled_nodes, num_sampled_edges: all are counted in the first place, and
//   the others are 0, since a subgraph has no hops. Of nodes there is one more
//   than of hops, of edges one a hop; one hop where there is no expansion.
// seed_locals: of each input, repeats kept, its place among the nodes.
// meta: #META.mapping, int64 [inputs], the same as seed_locals.
//
// A batch takes memory for its nodes, for the lists that these have along one
// edge type (or along all, where some are on other partitions, who are asked
// for all at once), and for the edges found. Of a request's spans only seeds is
// read. Errors of a batch are those of NeighborSampler.
class SubgraphSampler final : public BatchSampler {
 public:
  // Errors as ValidateSubgraphSamplerOptions. `dataset` must outlive it.
  static absl::StatusOr<std::unique_ptr<SubgraphSampler>> Create(
      const Dataset& dataset, SubgraphSamplerOptions options);

  absl::StatusOr<bool> Begin(const BatchRequest& request,
                             SampledBatch* out) override;
  std::vector<NeighborFetch>& fetches() override {
    return is_expanding_ ? expansion_.fetches() : fetches_;
  }
  absl::StatusOr<bool> Resume() override;

 private:
  SubgraphSampler(const Dataset& dataset, SubgraphSamplerOptions options);

  // An edge type whose lists of neighbours are on their way.
  struct Listing {
    size_t edge_type = 0;
    NeighborGather gather;
  };

  // The expansion is there: sorts its nodes and asks for their edges.
  absl::StatusOr<bool> BeginEdges();
  void SortNodes();
  // Keeps the edges that lead to nodes of the batch.
  absl::Status EndListing(Listing& listing);
  absl::StatusOr<bool> Finish();

  const Dataset& dataset_;
  const SubgraphSamplerOptions options_;
  std::vector<bool> is_induced_;  // by edge type
  size_t num_hops_ = 0;
  NeighborSampler expansion_;
  SampledSubgraph expanded_;
  std::vector<NodeIndex> index_;  // by node type: id to place
  DrawnNeighbors stitched_;

  // The batch in the making.
  SampledBatch* out_ = nullptr;
  bool is_expanding_ = false;
  std::vector<Listing> listings_;  // as many as num_listings_
  size_t num_listings_ = 0;
  std::vector<NeighborFetch> fetches_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_SUBGRAPH_SAMPLER_H_
