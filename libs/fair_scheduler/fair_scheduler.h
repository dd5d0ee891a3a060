#ifndef FAIRLEAD_LIBS_FAIR_SCHEDULER_FAIR_SCHEDULER_H_
#define FAIRLEAD_LIBS_FAIR_SCHEDULER_FAIR_SCHEDULER_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace fairlead {

// Decides which channel's next batch a free worker makes. Pure bookkeeping: no
// threads, no I/O, no clock: time and costs are handed in, as readings of a
// monotonic clock. Thread-compatible.
class FairScheduler {
 public:
  using ChannelId = uint64_t;

  struct ChannelLimits {
    double weight = 1;           // share of service against other channels
    uint32_t max_in_flight = 4;  // batches in the making at a time
  };

  virtual ~FairScheduler() = default;

  // INVALID_ARGUMENT unless weight is finite and > 0 and max_in_flight > 0;
  // ALREADY_EXISTS.
  virtual absl::Status Add(ChannelId channel, const ChannelLimits& limits) = 0;

  // Forgets a channel; nothing if it is not here. Its batches in flight may
  // still be reported by OnDone, which then does nothing.
  virtual void Remove(ChannelId channel) = 0;

  // How many batches are left to hand out. NOT_FOUND.
  virtual absl::Status SetBacklog(ChannelId channel, uint64_t batches) = 0;

  // How many batches may be handed out before their output would have no room.
  // NOT_FOUND.
  virtual absl::Status SetCredit(ChannelId channel, uint64_t batches) = 0;

  // The channel to serve next, if any has backlog, credit and in-flight room;
  // takes one of each.
  virtual std::optional<ChannelId> Next(absl::Duration now) = 0;

  // A batch that Next handed out has come to an end, good or bad, and cost
  // that much worker time.
  virtual void OnDone(ChannelId channel, absl::Duration cost,
                      absl::Duration now) = 0;

  // Whether Next would return a channel.
  virtual bool HasRunnable(absl::Duration now) const = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_FAIR_SCHEDULER_FAIR_SCHEDULER_H_
