#ifndef FAIRLEAD_TOOLS_EXAMPLES_LINK_PREDICTION_ANCHOR_LINKS_H_
#define FAIRLEAD_TOOLS_EXAMPLES_LINK_PREDICTION_ANCHOR_LINKS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "libs/loader/batch.h"
#include "libs/type_names/type_names.h"
#include "tools/quickstart/relational_sage.h"
#include "tools/quickstart/training.h"
#include "torch/types.h"

namespace fairlead {

// A batch of anchors with their labels (parity 2.8) as the network sees it.
// Candidates are the nodes that label any anchor of the batch, each once: for
// an anchor those that do not label it are negatives.
struct AnchorLinks {
  TrainingBatch batch;      // seed_locals: anchors, then candidates
  int64_t anchors = 0;      // how many
  torch::Tensor anchor;     // int64 [links]: which anchor, from 0
  torch::Tensor candidate;  // int64 [links]: which candidate labels it, from 0
};

// `labels` is the edge type of the labels, from anchors outward. DATA_LOSS,
// naming it, if a tensor is missing or not as it must be.
absl::StatusOr<AnchorLinks> ToAnchorLinks(const GraphShape& graph,
                                          const EdgeTypeName& labels,
                                          const Batch& batch);

// The mean, over the links, of the cross entropy of the right candidate against
// the anchor's negatives. `embeddings` are of the batch's seed_locals.
// REQUIRES that there are links.
torch::Tensor LinkLoss(const AnchorLinks& links,
                       const torch::Tensor& embeddings);

// How well embeddings rank the links of a batch, as sums that add up over
// batches: float64 [kLinkQualityColumns], for ToMetrics.
inline constexpr int64_t kLinkQualityColumns = 4;
inline constexpr int kHitsAt = 10;
torch::Tensor LinkQuality(const AnchorLinks& links,
                          const torch::Tensor& embeddings);

struct LinkMetrics {
  double auc = 0;   // a link is ranked above a negative of its anchor; 0.5 by
                    // chance
  double hits = 0;  // a link is among the first kHitsAt, against its negatives
  double hits_by_chance = 0;
};
LinkMetrics ToMetrics(const torch::Tensor& sum);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_EXAMPLES_LINK_PREDICTION_ANCHOR_LINKS_H_
