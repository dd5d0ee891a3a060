#ifndef FAIRLEAD_LIBS_SAMPLING_ABLP_SAMPLER_H_
#define FAIRLEAD_LIBS_SAMPLING_ABLP_SAMPLER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/ablp_label_types.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_gather.h"
#include "libs/sampling/neighbor_sampler.h"

namespace fairlead {

// Anchor-based link prediction (parity 2.8): the neighbourhoods of anchors and
// of the nodes that label them, positively or negatively, in one batch.

struct AblpSamplerOptions {
  // No fanout for label edge types: labels are never passed along. Not
  // temporal: a node that is there once for each seed has no one local index.
  NeighborSamplerOptions neighbors;

  int seed_type = 0;  // node type of the anchors

  // Edge types of the dataset, each once; see FindLabelEdgeType. At least one
  // positive.
  std::vector<int> positive_label_types;
  std::vector<int> negative_label_types;

  // Of each label edge type, the first so many in order of adjacency; 0: all.
  // Lists are cut after they were fetched.
  int64_t max_labels_per_anchor_node = 0;

  bool operator==(const AblpSamplerOptions&) const = default;
};

// INVALID_ARGUMENT, naming the option, for what is said above, label edge types
// that the anchors' labels cannot be read from, and what
// ValidateNeighborSamplerOptions refuses.
absl::Status ValidateAblpSamplerOptions(const Dataset& dataset,
                                        const AblpSamplerOptions& options);

// First reads the labels of all anchors, then samples from the anchors and,
// after them, the labels without padding: positive ones before negative ones,
// by label edge type in the options' order, by anchor, each node once, where it
// occurs first (G5). Adds to its batches, for each label edge type, seen
// outward (the same whichever way it is stored),
//   #META.gigl_positive_labels.{anchor__relation__label}
//   #META.gigl_negative_labels.{anchor__relation__label}
// int64 [B, M]: global ids aligned to the anchors, padded with kNoLabel, M
// being the most labels of an anchor of this batch (so for no anchors [0, 0]).
// seed_locals are the anchors'; more_seed_locals the labels', as above.
class AblpSampler final : public BatchSampler {
 public:
  // Samples neighbourhoods with `sampler`, as NodeBatchSampler does. `dataset`
  // must outlive it. REQUIRES that ValidateAblpSamplerOptions has found them
  // good.
  AblpSampler(const Dataset& dataset, AblpSamplerOptions options,
              std::shared_ptr<NeighborhoodSampler> sampler = nullptr);

  // As BatchSampler says. NOT_FOUND or OUT_OF_RANGE for an anchor that is no
  // node; INTERNAL, naming the partition, for an answer that is none.
  absl::StatusOr<bool> Begin(const BatchRequest& request,
                             SampledBatch* out) override;
  std::vector<NeighborFetch>& fetches() override;
  absl::StatusOr<bool> Resume() override;

 private:
  // The labels of one edge type.
  struct LabelReader {
    int edge_type = 0;
    LabelSide side;
    std::string tensor_name;
    NeighborGather gather;
    std::vector<int64_t> labels;  // of the batch, without padding
  };

  void AddReaders(const std::vector<int>& edge_types, const char* key);
  // Takes the labels as tensors and seeds, and samples.
  absl::StatusOr<bool> BeginNeighbors();

  const Dataset& dataset_;
  AblpSamplerOptions options_;
  const std::shared_ptr<NeighborhoodSampler> sampler_;
  std::vector<LabelReader> readers_;  // positive ones first

  // The batch in the making.
  BatchRequest request_;
  SampledBatch* out_ = nullptr;
  bool reads_labels_ = false;           // and has not yet begun to sample
  std::vector<NeighborFetch> fetches_;  // of labels
  std::vector<SeedGroup> label_seeds_;
  DrawnNeighbors scratch_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_ABLP_SAMPLER_H_
