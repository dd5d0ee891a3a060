#include "libs/fair_scheduler/fair_scheduler.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr double kNewest = 1.0 / 8;  // what the newest of measured costs counts

absl::Status CheckRange(absl::string_view field, double value, double low,
                        double high) {
  if (value >= low && value <= high) return absl::OkStatus();  // not of NaN
  return absl::InvalidArgumentError(absl::StrCat(
      field, ": ", value, " must be between ", low, " and ", high));
}

}  // namespace

absl::StatusOr<SchedulingPolicy> ParseSchedulingPolicy(absl::string_view name) {
  if (name == "round_robin") return SchedulingPolicy::kRoundRobin;
  if (name == "deficit") return SchedulingPolicy::kDeficit;
  return absl::InvalidArgumentError(absl::StrCat(
      "scheduling policy \"", name, "\": must be deficit or round_robin"));
}

absl::Status CheckLimits(const ChannelLimits& limits) {
  FAIRLEAD_RETURN_IF_ERROR(CheckRange("weight", limits.weight, 1e-6, 1e6));
  FAIRLEAD_RETURN_IF_ERROR(
      CheckRange("max_in_flight", limits.max_in_flight, 1, 1e6));
  FAIRLEAD_RETURN_IF_ERROR(CheckRange("priority", limits.priority, 0,
                                      ChannelLimits::kPriorities - 1));
  if (limits.max_batches_per_second == 0) return absl::OkStatus();
  return CheckRange("max_batches_per_second", limits.max_batches_per_second,
                    1e-6, 1e9);
}

absl::StatusOr<FairScheduler::Channel*> FairScheduler::Find(ChannelId id) {
  const auto it = channels_.find(id);
  if (it != channels_.end()) return it->second.get();
  return absl::NotFoundError(absl::StrCat("channel ", id, ": is not here"));
}

absl::Status FairScheduler::Add(ChannelId channel,
                                const ChannelLimits& limits) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLimits(limits));
  auto [it, is_new] = channels_.try_emplace(channel, nullptr);
  if (!is_new) {
    return absl::AlreadyExistsError(
        absl::StrCat("channel ", channel, ": is here already"));
  }
  it->second = std::make_unique<Channel>();
  it->second->limits = limits;
  return absl::OkStatus();
}

void FairScheduler::Remove(ChannelId channel) {
  const auto it = channels_.find(channel);
  if (it == channels_.end()) return;
  LeaveQueues(channel, *it->second);
  channels_.erase(it);
}

absl::Status FairScheduler::SetLimits(ChannelId channel,
                                      const ChannelLimits& limits) {
  FAIRLEAD_RETURN_IF_ERROR(CheckLimits(limits));
  FAIRLEAD_ASSIGN_OR_RETURN(Channel* const found, Find(channel));
  LeaveQueues(channel, *found);
  if (found->limits.priority != limits.priority) {
    found->virtual_time = 0;  // another class's time says nothing here
  }
  found->limits = limits;
  Requeue(channel, *found);
  return absl::OkStatus();
}

absl::Status FairScheduler::SetPaused(ChannelId channel, bool paused) {
  FAIRLEAD_ASSIGN_OR_RETURN(Channel* const found, Find(channel));
  found->paused = paused;
  Requeue(channel, *found);
  return absl::OkStatus();
}

absl::Status FairScheduler::SetBacklog(ChannelId channel, uint64_t batches) {
  FAIRLEAD_ASSIGN_OR_RETURN(Channel* const found, Find(channel));
  found->backlog = batches;
  Requeue(channel, *found);
  return absl::OkStatus();
}

absl::Status FairScheduler::SetCredit(ChannelId channel, uint64_t batches) {
  FAIRLEAD_ASSIGN_OR_RETURN(Channel* const found, Find(channel));
  found->credit = batches;
  Requeue(channel, *found);
  return absl::OkStatus();
}

void FairScheduler::LeaveQueues(ChannelId id, Channel& channel) {
  if (channel.place.has_value()) {
    queues_[channel.limits.priority].erase(*channel.place);
    channel.place.reset();
  }
  if (channel.waits_for_rate) {
    rate_waits_.erase({channel.next_at, id});
    channel.waits_for_rate = false;
  }
}

void FairScheduler::JoinQueue(ChannelId id, Channel& channel,
                              bool stood_aside) {
  Place place{.key = 0, .sequence = ++sequence_, .id = id};
  if (options_.policy == SchedulingPolicy::kDeficit) {
    if (stood_aside) {
      channel.virtual_time = std::max(channel.virtual_time,
                                      virtual_time_[channel.limits.priority]);
    }
    place.key = channel.virtual_time;
  }
  queues_[channel.limits.priority].insert(place);
  channel.place = place;
}

void FairScheduler::Requeue(ChannelId id, Channel& channel) {
  const bool is_queued = channel.place.has_value() || channel.waits_for_rate;
  if (is_queued == channel.CanRun()) return;
  if (is_queued) {
    LeaveQueues(id, channel);
  } else if (channel.limits.max_batches_per_second > 0) {
    // Through here even if its moment is past: this knows no time.
    rate_waits_.insert({channel.next_at, id});
    channel.waits_for_rate = true;
  } else {
    JoinQueue(id, channel, /*stood_aside=*/true);
  }
}

void FairScheduler::PromoteDue(absl::Duration now) {
  while (!rate_waits_.empty() && rate_waits_.begin()->first <= now) {
    const ChannelId id = rate_waits_.begin()->second;
    rate_waits_.erase(rate_waits_.begin());
    Channel& channel = *channels_.at(id);
    channel.waits_for_rate = false;
    JoinQueue(id, channel, /*stood_aside=*/true);
  }
}

uint32_t FairScheduler::PickPriority() {
  std::optional<uint32_t> highest;
  std::optional<uint32_t> starved;
  // When all of them are due at once, the last one is still in time.
  const uint32_t due =
      std::max(options_.starvation_bound, 2 * ChannelLimits::kPriorities) -
      ChannelLimits::kPriorities;
  for (uint32_t priority = ChannelLimits::kPriorities; priority-- > 0;) {
    if (queues_[priority].empty()) continue;
    if (!highest.has_value()) highest = priority;
    if (passed_over_[priority] >= due &&
        (!starved.has_value() ||
         passed_over_[priority] > passed_over_[*starved])) {
      starved = priority;
    }
  }
  const uint32_t picked = starved.value_or(*highest);
  for (uint32_t priority = 0; priority < ChannelLimits::kPriorities;
       ++priority) {
    passed_over_[priority] =
        queues_[priority].empty() ? 0 : passed_over_[priority] + 1;
  }
  passed_over_[picked] = 0;
  return picked;
}

double FairScheduler::Estimate(const Channel& channel) const {
  return channel.estimate >= 0 ? channel.estimate : mean_cost_;
}

std::optional<FairScheduler::ChannelId> FairScheduler::Next(
    absl::Duration now) {
  PromoteDue(now);
  if (std::all_of(queues_.begin(), queues_.end(),
                  [](const Queue& queue) { return queue.empty(); })) {
    return std::nullopt;
  }
  const uint32_t priority = PickPriority();
  const ChannelId id = queues_[priority].begin()->id;
  Channel& channel = *channels_.at(id);
  LeaveQueues(id, channel);
  --channel.backlog;
  --channel.credit;
  ++channel.in_flight;
  if (options_.policy == SchedulingPolicy::kDeficit) {
    virtual_time_[priority] =
        std::max(virtual_time_[priority], channel.virtual_time);
    const double charge = Estimate(channel);
    channel.charged += charge;
    channel.virtual_time += charge / channel.limits.weight;
  }
  channel.due_at = absl::ZeroDuration();
  if (channel.limits.max_batches_per_second > 0) {
    channel.due_at = channel.next_at;
    channel.next_at = std::max(channel.next_at, now) +
                      absl::Seconds(1 / channel.limits.max_batches_per_second);
  }
  if (channel.CanRun() && channel.limits.max_batches_per_second == 0) {
    JoinQueue(id, channel, /*stood_aside=*/false);
  } else {
    Requeue(id, channel);
  }
  return id;
}

void FairScheduler::OnDone(ChannelId channel, absl::Duration cost,
                           absl::Duration /*now*/) {
  const auto it = channels_.find(channel);
  if (it == channels_.end() || it->second->in_flight == 0) return;
  Channel& done = *it->second;
  const double seconds = std::max(absl::ToDoubleSeconds(cost), 0.0);
  done.cost += cost;
  if (options_.policy == SchedulingPolicy::kDeficit) {
    // The charge was an estimate, the mean of those in flight.
    const double charge = done.charged / done.in_flight;
    done.charged -= charge;
    mean_cost_ += (seconds - mean_cost_) * kNewest;
    done.estimate = done.estimate < 0
                        ? seconds
                        : done.estimate + (seconds - done.estimate) * kNewest;
    const bool was_queued = done.place.has_value();
    if (was_queued) LeaveQueues(channel, done);
    done.virtual_time += (seconds - charge) / done.limits.weight;
    if (was_queued) JoinQueue(channel, done, /*stood_aside=*/false);
  }
  --done.in_flight;
  Requeue(channel, done);
}

bool FairScheduler::HasRunnable(absl::Duration now) const {
  return NextRateEvent() <= now ||
         std::any_of(queues_.begin(), queues_.end(),
                     [](const Queue& queue) { return !queue.empty(); });
}

absl::Duration FairScheduler::NextRateEvent() const {
  return rate_waits_.empty() ? absl::InfiniteDuration()
                             : rate_waits_.begin()->first;
}

absl::Duration FairScheduler::CostOf(ChannelId channel) const {
  const auto it = channels_.find(channel);
  return it == channels_.end() ? absl::ZeroDuration() : it->second->cost;
}

absl::Duration FairScheduler::DueAt(ChannelId channel) const {
  const auto it = channels_.find(channel);
  return it == channels_.end() ? absl::ZeroDuration() : it->second->due_at;
}

}  // namespace fairlead
