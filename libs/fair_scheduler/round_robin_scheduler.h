#ifndef FAIRLEAD_LIBS_FAIR_SCHEDULER_ROUND_ROBIN_SCHEDULER_H_
#define FAIRLEAD_LIBS_FAIR_SCHEDULER_ROUND_ROBIN_SCHEDULER_H_

#include <cstdint>
#include <list>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/fair_scheduler/fair_scheduler.h"

namespace fairlead {

// One batch to each channel that can run, in turn (parity SB-23): between two
// batches of a channel, every other channel that could run all the while gets
// one. Weights and costs are not looked at.
//
// A queue of the channels that can run, each in it once (SB-29). A channel
// without credit, backlog or in-flight room is not in the queue: it delays
// nobody (W-01), and joins at the back when it gets what it lacked (SB-32).
// O(1) a call. Thread-compatible.
class RoundRobinScheduler final : public FairScheduler {
 public:
  absl::Status Add(ChannelId channel, const ChannelLimits& limits) override;
  void Remove(ChannelId channel) override;
  absl::Status SetBacklog(ChannelId channel, uint64_t batches) override;
  absl::Status SetCredit(ChannelId channel, uint64_t batches) override;
  std::optional<ChannelId> Next(absl::Duration now) override;
  void OnDone(ChannelId channel, absl::Duration cost,
              absl::Duration now) override;
  bool HasRunnable(absl::Duration now) const override;

 private:
  struct Channel {
    uint32_t max_in_flight = 0;
    uint32_t in_flight = 0;
    uint64_t backlog = 0;
    uint64_t credit = 0;
    std::optional<std::list<ChannelId>::iterator> place = {};  // in queue_

    bool CanRun() const {
      return backlog > 0 && credit > 0 && in_flight < max_in_flight;
    }
  };

  absl::Status Update(ChannelId id, uint64_t Channel::*member, uint64_t value);
  // Keeps the queue in step with whether the channel can run.
  void Requeue(ChannelId id, Channel& channel);

  absl::flat_hash_map<ChannelId, Channel> channels_;
  std::list<ChannelId> queue_;  // those that can run, the next one first
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_FAIR_SCHEDULER_ROUND_ROBIN_SCHEDULER_H_
