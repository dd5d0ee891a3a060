#include "tools/examples/link_prediction/anchor_links.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/loader/batch.h"
#include "libs/loader/batch_data.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "tools/quickstart/relational_sage.h"
#include "tools/quickstart/training.h"
#include "torch/nn/functional/loss.h"
#include "torch/nn/functional/normalization.h"
#include "torch/types.h"

namespace fairlead {
namespace {

// Cosines lie in [-1, 1]: made sharper by this, a softmax can be sure.
constexpr double kSharpness = 10;

// Scores of each link's anchor, [links, candidates]: its other labels, which
// are no negatives, at minus infinity.
torch::Tensor Scores(const AnchorLinks& links,
                     const torch::Tensor& embeddings) {
  const torch::Tensor unit = torch::nn::functional::normalize(embeddings);
  const int64_t candidates = unit.size(0) - links.anchors;
  const torch::Tensor scores =
      kSharpness * unit.narrow(0, 0, links.anchors)
                       .mm(unit.narrow(0, links.anchors, candidates).t());
  torch::Tensor labels =
      torch::zeros({links.anchors, candidates}, torch::kBool);
  labels.index_put_({links.anchor, links.candidate}, true);
  torch::Tensor others = labels.index_select(0, links.anchor);
  others.scatter_(1, links.candidate.unsqueeze(1), false);
  return scores.index_select(0, links.anchor)
      .masked_fill(others, -std::numeric_limits<float>::infinity());
}

}  // namespace

absl::StatusOr<AnchorLinks> ToAnchorLinks(const GraphShape& graph,
                                          const EdgeTypeName& labels,
                                          const Batch& batch) {
  AnchorLinks links;
  FAIRLEAD_ASSIGN_OR_RETURN(links.batch,
                            ToTrainingBatch(graph, batch.received()));
  links.anchors = links.batch.seed_locals.size(0);
  FAIRLEAD_ASSIGN_OR_RETURN(const HeteroData data, batch.ToHeteroData());
  const auto found = data.y_positive.find(labels);
  if (found == data.y_positive.end()) {
    return absl::DataLossError(absl::StrCat("batch ", batch.index(),
                                            ": has no labels of edge type ",
                                            labels.ToString()));
  }
  const torch::Tensor& ends = found->second;
  links.anchor = ends[0];
  torch::Tensor candidates;
  std::tie(candidates, links.candidate, std::ignore) =
      torch::_unique2(ends[1], /*sorted=*/true, /*return_inverse=*/true);
  links.batch.seed_locals = torch::cat({links.batch.seed_locals, candidates});
  return links;
}

torch::Tensor LinkLoss(const AnchorLinks& links,
                       const torch::Tensor& embeddings) {
  return torch::nn::functional::cross_entropy(Scores(links, embeddings),
                                              links.candidate);
}

torch::Tensor LinkQuality(const AnchorLinks& links,
                          const torch::Tensor& embeddings) {
  const torch::Tensor scores = Scores(links, embeddings);
  const torch::Tensor own = scores.gather(1, links.candidate.unsqueeze(1));
  const torch::Tensor negatives =
      scores.isfinite().sum(1).to(torch::kDouble) - 1;
  // Ties count half; of them, one is the link itself.
  const torch::Tensor ahead =
      scores.gt(own).sum(1).to(torch::kDouble) +
      (scores.eq(own).sum(1).to(torch::kDouble) - 1) / 2;
  return torch::stack(
      {(1 - ahead / negatives.clamp_min(1)).sum(),
       ahead.lt(kHitsAt).sum().to(torch::kDouble),
       (kHitsAt / (negatives + 1)).clamp_max(1).sum(),
       torch::full({}, static_cast<double>(links.anchor.size(0)),
                   torch::kDouble)});
}

LinkMetrics ToMetrics(const torch::Tensor& sum) {
  const double links = std::max(1.0, sum[3].item<double>());
  return {.auc = sum[0].item<double>() / links,
          .hits = sum[1].item<double>() / links,
          .hits_by_chance = sum[2].item<double>() / links};
}

}  // namespace fairlead
