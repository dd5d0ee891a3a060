#ifndef FAIRLEAD_LIBS_SAMPLING_PPR_SAMPLER_H_
#define FAIRLEAD_LIBS_SAMPLING_PPR_SAMPLER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_cache.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_gather.h"
#include "libs/sampling/node_index.h"
#include "libs/sampling/ppr.h"
#include "libs/sampling/ppr_degrees.h"
#include "libs/sampling/ppr_options.h"

namespace fairlead {

// Batches of nodes of most personalised PageRank (parity 2.9, W-39): PprPush,
// told the neighbours of a dataset and, through fetches, of others.

struct PprSamplerOptions {
  // Channels name edge types by their places in `edge_types`.
  PprOptions ppr;

  // Edge types of the dataset that mass goes along, each once; not those of
  // labels.
  std::vector<int> edge_types;
  EdgeDir direction = EdgeDir::kOut;

  int seed_type = 0;  // node type of the seeds

  // Refused: PPR takes all neighbours alike. (An option, so that whoever asks
  // for it is told.)
  bool weighted = false;

  // Which neighbours count, of a node that has more than num_neighbors_per_hop:
  // drawn without replacement for (seed, node, edge type), and the same in
  // every batch. So what is cached cannot change a batch.
  uint64_t seed = 0;

  // For neighbour lists that are kept from batch to batch; see NeighborCache.
  // Worth it where lists come from other partitions. Where the dataset is
  // whole, 0 is no slower: drawing again costs what looking up does.
  int64_t cache_bytes = int64_t{256} << 20;

  bool operator==(const PprSamplerOptions&) const = default;
};

// INVALID_ARGUMENT, naming the option, for what is said above, and what
// CheckPprEdgeTypes and ValidatePprOptions refuse.
absl::Status ValidatePprSamplerOptions(const Dataset& dataset,
                                       const PprSamplerOptions& options);

// What is in a batch. Of each node type: the seeds, if they are of it, each
// once in order of first occurrence; then the nodes of most PageRank that are
// no seeds, by seed, those of each by value; num_sampled_nodes has both counts.
// No edges: what a seed draws from is in its rows, which are tensors,
//   #META.ppr_edge_index.{seed__ppr__node}  int64 [2, E]: first the seeds'
//   places
//       in the batch (ascending; repeats have rows of their own), then local
//       indices
//   #META.ppr_weight.{seed__ppr__node}      double [E, width], as PprRows
// for every node type, if only of no rows; of a homogeneous dataset
// #META.edge_index and #META.edge_attr. (Parity 2.9 does not say which edges
// include_sampled_edges would add; there is none here.)
class PprSampler final : public BatchSampler {
 public:
  // `degrees` are of the dataset, these edge types and this direction. Samplers
  // that are used in turns by one thread may share a cache, if they agree in
  // dataset, edge_types, direction, seed and num_neighbors_per_hop; null: one
  // of its own. `dataset` must outlive this. REQUIRES that
  // ValidatePprSamplerOptions has found them good, degrees, and a cache with as
  // many edge types as `edge_types`.
  PprSampler(const Dataset& dataset, const PprSamplerOptions& options,
             std::shared_ptr<const PprDegrees> degrees,
             std::shared_ptr<NeighborCache> cache = nullptr);

  // As BatchSampler says. OUT_OF_RANGE, naming it, for a seed that is no node;
  // INTERNAL for an answer that is none. Of the request, seeds alone count:
  // nothing is drawn anew for a batch.
  absl::StatusOr<bool> Begin(const BatchRequest& request,
                             SampledBatch* out) override;
  std::vector<NeighborFetch>& fetches() override { return fetches_; }
  absl::StatusOr<bool> Resume() override;

 private:
  // Pushes until lists of other partitions are needed, or all is done.
  absl::StatusOr<bool> PushWhileLocal();
  // Draws the lists that are needed, as far as they are here.
  absl::Status BeginLists();
  // Gives them to the push.
  absl::Status EndLists();
  absl::Status EndBatch();
  // The rows of a node type as tensors, its nodes as such.
  void AddRows(size_t node_type, int width, PprRows& rows);
  int64_t LocalOf(size_t node_type, int64_t id);

  const Dataset& dataset_;
  const std::vector<int> edge_types_;
  const EdgeDir direction_;
  const int seed_type_;
  const std::shared_ptr<const PprDegrees> degrees_;
  const std::shared_ptr<NeighborCache> cache_;
  DrawSpec spec_;  // but for its lane, which is the edge type
  PprPush push_;
  std::vector<std::string> index_names_;  // of tensors, by node type
  std::vector<std::string> weight_names_;

  // The batch in the making.
  absl::Span<const int64_t> seeds_;
  SampledBatch* out_ = nullptr;
  NeighborNeeds needs_;                  // by place in edge_types_
  std::vector<NeighborGather> gathers_;  // likewise
  std::vector<NeighborFetch> fetches_;
  std::vector<NodeIndex> index_;  // by node type: global id to local index

  DrawnNeighbors scratch_;
  std::vector<int64_t> counts_;
  PprResult result_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_PPR_SAMPLER_H_
