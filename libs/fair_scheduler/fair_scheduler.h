#ifndef FAIRLEAD_LIBS_FAIR_SCHEDULER_FAIR_SCHEDULER_H_
#define FAIRLEAD_LIBS_FAIR_SCHEDULER_FAIR_SCHEDULER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace fairlead {

enum class SchedulingPolicy {
  // One batch to each channel that can run, in turn, whatever batches cost
  // (parity SB-23, SB-29).
  kRoundRobin,
  // Equal shares of worker time, by weight: start-time fair queueing (Goyal,
  // Vin, Chen 1996), charged with what batches cost as measured (W-02, N-06).
  kDeficit,
};

// "round_robin" or "deficit". INVALID_ARGUMENT names the two.
absl::StatusOr<SchedulingPolicy> ParseSchedulingPolicy(absl::string_view name);

struct SchedulerOptions {
  SchedulingPolicy policy = SchedulingPolicy::kDeficit;
  // Of so many decisions at least one is for each priority that has something
  // to run all the while, whatever higher ones ask for; at least 8.
  uint32_t starvation_bound = 16;
};

// How one channel stands against others.
struct ChannelLimits {
  static constexpr uint32_t kPriorities = 4;

  double weight = 1;                  // share of service within its priority
  uint32_t max_in_flight = 4;         // batches in the making at a time
  uint32_t priority = 0;              // below kPriorities; higher goes first
  double max_batches_per_second = 0;  // 0 for any number
};

// INVALID_ARGUMENT, naming the field, unless weight is between 1e-6 and 1e6,
// max_in_flight at least 1, priority below kPriorities, and the rate 0 or
// between 1e-6 and 1e9.
absl::Status CheckLimits(const ChannelLimits& limits);

// Decides which channel's next batch a free worker makes. Pure bookkeeping: no
// threads, no I/O, no clock: time and costs are handed in, as readings of a
// monotonic clock that never go back.
//
// A channel can run while it is not paused and has backlog, credit, in-flight
// room and, if its rate is capped, its next moment is there. One that cannot is
// in no queue, so it delays nobody (W-01), and has no claim for the time it
// stood aside. O(log channels) a call. Thread-compatible.
class FairScheduler {
 public:
  using ChannelId = uint64_t;

  explicit FairScheduler(const SchedulerOptions& options = {})
      : options_(options) {}

  // As CheckLimits; ALREADY_EXISTS.
  absl::Status Add(ChannelId channel, const ChannelLimits& limits);

  // Forgets a channel; nothing if it is not here. Its batches in flight may
  // still be reported by OnDone, which then does nothing.
  void Remove(ChannelId channel);

  // From the next decision on. As CheckLimits; NOT_FOUND.
  absl::Status SetLimits(ChannelId channel, const ChannelLimits& limits);

  // Whether it gets no new batches, whatever it has. NOT_FOUND.
  absl::Status SetPaused(ChannelId channel, bool paused);

  // How many batches are left to hand out. NOT_FOUND.
  absl::Status SetBacklog(ChannelId channel, uint64_t batches);

  // How many batches may be handed out before their output would have no room.
  // NOT_FOUND.
  absl::Status SetCredit(ChannelId channel, uint64_t batches);

  // The channel to serve next, if one can run; takes one of its backlog and
  // credit.
  std::optional<ChannelId> Next(absl::Duration now);

  // A batch that Next handed out has come to an end, good or bad, and cost
  // that much worker time.
  void OnDone(ChannelId channel, absl::Duration cost, absl::Duration now);

  // Whether Next would return a channel.
  bool HasRunnable(absl::Duration now) const;

  // When a channel that only its rate holds back can run: nobody else will say
  // so. InfiniteDuration if there is none such.
  absl::Duration NextRateEvent() const;

  // Worker time charged to a channel since it was added; 0 if it is not here.
  absl::Duration CostOf(ChannelId channel) const;

  // When the rate of a channel let it have the batch that Next gave it last;
  // 0 where no rate held it back, or it is not here.
  absl::Duration DueAt(ChannelId channel) const;

  uint64_t channels() const { return channels_.size(); }

 private:
  struct Place {
    double key = 0;         // virtual time; always 0 in turn
    uint64_t sequence = 0;  // first come, first served
    ChannelId id = 0;

    friend auto operator<=>(const Place&, const Place&) = default;
  };
  using Queue = absl::btree_set<Place>;

  struct Channel {
    ChannelLimits limits;
    bool paused = false;
    uint64_t backlog = 0;
    uint64_t credit = 0;
    uint32_t in_flight = 0;
    // Seconds of worker time per weight, of this channel's own.
    double virtual_time = 0;
    double estimate = -1;    // of the next batch's cost, seconds; < 0: unknown
    double charged = 0;      // estimates of what is in flight
    absl::Duration cost;     // in all
    absl::Duration next_at;  // by its rate
    absl::Duration due_at;   // next_at of the batch handed out last
    std::optional<Place> place;   // in its priority's queue
    bool waits_for_rate = false;  // in rate_waits_, at next_at

    bool CanRun() const {
      return !paused && backlog > 0 && credit > 0 &&
             in_flight < limits.max_in_flight;
    }
  };

  absl::StatusOr<Channel*> Find(ChannelId id);
  // Keeps the queues in step with what the channel can do.
  void Requeue(ChannelId id, Channel& channel);
  void LeaveQueues(ChannelId id, Channel& channel);
  // At its virtual time; no earlier than others are at if it stood aside.
  void JoinQueue(ChannelId id, Channel& channel, bool stood_aside);
  void PromoteDue(absl::Duration now);
  // Which priority goes next; there is one that has something.
  uint32_t PickPriority();
  double Estimate(const Channel& channel) const;

  const SchedulerOptions options_;
  absl::flat_hash_map<ChannelId, std::unique_ptr<Channel>> channels_;
  std::array<Queue, ChannelLimits::kPriorities> queues_;
  // Decisions that each priority has waited through with something to run.
  std::array<uint32_t, ChannelLimits::kPriorities> passed_over_{};
  // Start of the batch that was handed out last, by priority.
  std::array<double, ChannelLimits::kPriorities> virtual_time_{};
  absl::btree_set<std::pair<absl::Duration, ChannelId>> rate_waits_;
  uint64_t sequence_ = 0;
  double mean_cost_ = 0;  // over all channels, seconds, lately
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_FAIR_SCHEDULER_FAIR_SCHEDULER_H_
