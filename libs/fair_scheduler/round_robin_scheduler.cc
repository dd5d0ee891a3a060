#include "libs/fair_scheduler/round_robin_scheduler.h"

#include <cmath>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/fair_scheduler/fair_scheduler.h"

namespace fairlead {

absl::Status RoundRobinScheduler::Add(ChannelId channel,
                                      const ChannelLimits& limits) {
  if (!std::isfinite(limits.weight) || limits.weight <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("channel ", channel, ": weight ", limits.weight,
                     " must be finite and above 0"));
  }
  if (limits.max_in_flight == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "channel ", channel, ": max_in_flight must be at least 1"));
  }
  if (!channels_.try_emplace(channel, Channel{limits.max_in_flight}).second) {
    return absl::AlreadyExistsError(
        absl::StrCat("channel ", channel, ": is here already"));
  }
  return absl::OkStatus();
}

void RoundRobinScheduler::Remove(ChannelId channel) {
  const auto it = channels_.find(channel);
  if (it == channels_.end()) return;
  if (it->second.place.has_value()) queue_.erase(*it->second.place);
  channels_.erase(it);
}

absl::Status RoundRobinScheduler::Update(ChannelId id,
                                         uint64_t Channel::*member,
                                         uint64_t value) {
  const auto it = channels_.find(id);
  if (it == channels_.end()) {
    return absl::NotFoundError(absl::StrCat("channel ", id, ": is not here"));
  }
  it->second.*member = value;
  Requeue(id, it->second);
  return absl::OkStatus();
}

absl::Status RoundRobinScheduler::SetBacklog(ChannelId channel,
                                             uint64_t batches) {
  return Update(channel, &Channel::backlog, batches);
}

absl::Status RoundRobinScheduler::SetCredit(ChannelId channel,
                                            uint64_t batches) {
  return Update(channel, &Channel::credit, batches);
}

void RoundRobinScheduler::Requeue(ChannelId id, Channel& channel) {
  if (channel.place.has_value() == channel.CanRun()) return;
  if (channel.place.has_value()) {
    queue_.erase(*channel.place);
    channel.place.reset();
  } else {
    channel.place = queue_.insert(queue_.end(), id);
  }
}

std::optional<FairScheduler::ChannelId> RoundRobinScheduler::Next(
    absl::Duration /*now*/) {
  if (queue_.empty()) return std::nullopt;
  const ChannelId id = queue_.front();
  queue_.pop_front();
  Channel& channel = channels_.at(id);
  channel.place.reset();
  --channel.backlog;
  --channel.credit;
  ++channel.in_flight;
  Requeue(id, channel);  // to the back, if it can run again
  return id;
}

void RoundRobinScheduler::OnDone(ChannelId channel, absl::Duration /*cost*/,
                                 absl::Duration /*now*/) {
  const auto it = channels_.find(channel);
  if (it == channels_.end() || it->second.in_flight == 0) return;
  --it->second.in_flight;
  Requeue(channel, it->second);
}

bool RoundRobinScheduler::HasRunnable(absl::Duration /*now*/) const {
  return !queue_.empty();
}

}  // namespace fairlead
