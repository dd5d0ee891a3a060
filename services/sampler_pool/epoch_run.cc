#include "services/sampler_pool/epoch_run.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/sampling/epoch_plan.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"

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
  return std::make_shared<EpochRun>(plan, request, std::move(cursor));
}

}  // namespace fairlead
