#include "services/sampler_pool/epoch_run.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/random/philox.h"
#include "libs/sampling/epoch_plan.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/sampler_pool/channel_plan.h"

namespace fairlead {

absl::StatusOr<std::shared_ptr<EpochRun>> EpochRun::Create(
    const ChannelPlan& plan, const v1::StartEpochRequest& request) {
  std::vector<BatchIndexRange> held;
  held.reserve(static_cast<size_t>(request.held_size()));
  for (const v1::BatchRange& range : request.held()) {
    held.push_back({.begin = range.begin(), .end = range.end()});
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      EpochCursor cursor,
      EpochCursor::Create(plan.batches_per_epoch(), std::move(held)));
  EpochOrder order(plan.seeds().size(), plan.shuffle(),
                   plan.sampling().neighbors().seed, request.epoch());
  uint64_t digest = 0;
  for (uint64_t i = 0; i < plan.seeds_per_epoch(); ++i) {
    digest += SplitMix64(static_cast<uint64_t>(plan.seeds()[order[i]]));
  }
  return std::make_shared<EpochRun>(request.epoch(), request.attempt(),
                                    std::move(order), digest,
                                    std::move(cursor));
}

void EpochRun::InputsOf(const ChannelPlan& plan, uint64_t batch_index,
                        BatchInputs* out) const {
  const uint64_t begin = batch_index * plan.batch_size();
  const uint64_t end =
      std::min<uint64_t>(begin + plan.batch_size(), plan.seeds().size());
  const auto take = [&](const auto& values, uint64_t size,
                        std::vector<int64_t>* to) {
    to->resize(size == 0 ? 0 : end - begin);
    for (uint64_t i = 0; i < to->size(); ++i)
      (*to)[i] = values[order[begin + i]];
  };
  take(plan.seeds(), plan.seeds().size(), &out->seeds);
  take(plan.destinations(), plan.destinations().size(), &out->destinations);
  take(plan.edge_labels(), plan.edge_labels().size(), &out->edge_labels);
  take(plan.times(), plan.times().size(), &out->times);
}

}  // namespace fairlead
