#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_EPOCH_RUN_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_EPOCH_RUN_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/sampling/epoch_plan.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/sampler_pool/channel_plan.h"

namespace fairlead {

// What a batch starts from: as BatchRequest.
struct BatchInputs {
  std::vector<int64_t> seeds;
  std::vector<int64_t> destinations;
  std::vector<int64_t> edge_labels;
  std::vector<int64_t> times;
};

// One attempt at one epoch of a channel: which batches are to be made, in
// which order their seeds come, and how far it has got.
//
// The seeds of a batch may be read from any thread; the counters are guarded
// by the owner's lock; `cancelled` is its own synchronisation.
struct EpochRun {
  // Costs a pass over the seeds, so it is made without the owner's lock.
  // INVALID_ARGUMENT for held ranges that are not sorted, disjoint and within
  // the epoch.
  static absl::StatusOr<std::shared_ptr<EpochRun>> Create(
      const ChannelPlan& plan, const v1::StartEpochRequest& request);

  // What a batch starts from, into `out`.
  void InputsOf(const ChannelPlan& plan, uint64_t batch_index,
                BatchInputs* out) const;

  bool done() const { return completed == to_make; }

  const uint64_t epoch;
  const uint32_t attempt;
  const EpochOrder order;
  const uint64_t seed_digest;  // EpochEnd.seed_digest

  EpochCursor cursor;
  const uint64_t to_make;  // batches of this attempt
  uint64_t submitted = 0;
  uint64_t completed = 0;  // failed ones included
  uint64_t failed = 0;

  // Tells workers that nobody wants this attempt's batches any more.
  std::atomic<bool> cancelled{false};

  EpochRun(uint64_t run_epoch, uint32_t run_attempt, EpochOrder run_order,
           uint64_t digest, EpochCursor run_cursor)
      : epoch(run_epoch),
        attempt(run_attempt),
        order(std::move(run_order)),
        seed_digest(digest),
        cursor(std::move(run_cursor)),
        to_make(cursor.remaining()) {}
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_EPOCH_RUN_H_
