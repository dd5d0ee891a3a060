#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_EPOCH_RUN_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_EPOCH_RUN_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/batch_maker/epoch_seeds.h"
#include "libs/sampling/epoch_plan.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {

// One attempt at one epoch of a channel: which batches are to be made, from
// which seeds, and how far it has got.
//
// `seeds` may be read from any thread; the counters are guarded by the owner's
// lock; `cancelled` is its own synchronisation.
struct EpochRun {
  // Costs a pass over the seeds, so it is made without the owner's lock.
  // INVALID_ARGUMENT for held ranges that are not sorted, disjoint and within
  // the epoch.
  static absl::StatusOr<std::shared_ptr<EpochRun>> Create(
      const ChannelPlan& plan, const v1::StartEpochRequest& request);

  bool done() const { return completed == to_make; }

  const uint64_t epoch;
  const uint32_t attempt;
  const EpochSeeds seeds;

  EpochCursor cursor;
  const uint64_t to_make;  // batches of this attempt
  uint64_t submitted = 0;
  uint64_t completed = 0;  // failed ones included
  uint64_t failed = 0;

  // Tells workers that nobody wants this attempt's batches any more.
  std::atomic<bool> cancelled{false};

  EpochRun(const ChannelPlan& plan, const v1::StartEpochRequest& request,
           EpochCursor run_cursor)
      : epoch(request.epoch()),
        attempt(request.attempt()),
        seeds(plan, epoch),
        cursor(std::move(run_cursor)),
        to_make(cursor.remaining()) {}
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_EPOCH_RUN_H_
