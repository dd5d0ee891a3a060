// What ChannelTable tells of its channels.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/sampler_pool/channel_table.h"

namespace fairlead {

v1::ChannelState ChannelTable::StateOf(const Channel& channel) const {
  switch (channel.life) {
    case LifecycleState::kInitialising:
      return v1::CHANNEL_STATE_INITIALISING;
    case LifecycleState::kTearingDown:
    case LifecycleState::kGone:
      return v1::CHANNEL_STATE_TEARING_DOWN;
    case LifecycleState::kFailed:
      return v1::CHANNEL_STATE_FAILED;
    case LifecycleState::kReady:
      break;
  }
  if (channel.run == nullptr ||
      ((channel.run->done() || channel.run->cancelled) &&
       channel.outgoing.empty())) {
    return v1::CHANNEL_STATE_IDLE;
  }
  if (channel.control.paused()) return v1::CHANNEL_STATE_PAUSED;
  const auto waiting = std::count_if(
      channel.outgoing.begin(), channel.outgoing.end(),
      [](const Outgoing& outgoing) { return outgoing.batch != nullptr; });
  const bool moves = !channel.credits.empty() ||
                     channel.in_flight > static_cast<uint64_t>(waiting);
  return moves ? v1::CHANNEL_STATE_RUNNABLE : v1::CHANNEL_STATE_PARKED;
}

void ChannelTable::NoteState(Channel& channel, absl::Duration now) const {
  std::optional<TimedState> state;
  switch (StateOf(channel)) {
    case v1::CHANNEL_STATE_IDLE:
      state = TimedState::kIdle;
      break;
    case v1::CHANNEL_STATE_RUNNABLE:
      state = TimedState::kRunnable;
      break;
    case v1::CHANNEL_STATE_PARKED:
      state = TimedState::kParked;
      break;
    case v1::CHANNEL_STATE_PAUSED:
      state = TimedState::kPaused;
      break;
    default:
      break;
  }
  channel.times.Enter(state, now);
}

std::vector<ChannelTable::Snapshot> ChannelTable::SnapshotAll() const {
  std::vector<Snapshot> all;
  all.reserve(channels_.size());
  for (const uint64_t id : ids()) {
    const Channel& channel = *channels_.at(id);
    all.push_back({.description = *Describe(id),
                   .times = channel.times,
                   .ok_batches = channel.ok_batches,
                   .failed_batches = channel.failed_batches});
  }
  return all;
}

std::vector<v1::ChannelDescription> ChannelTable::DescribeAll() const {
  std::vector<v1::ChannelDescription> all;
  for (const uint64_t id : ids()) all.push_back(*Describe(id));
  return all;
}

absl::StatusOr<v1::ChannelDescription> ChannelTable::Describe(
    uint64_t channel_id) const {
  const auto it = channels_.find(channel_id);
  if (it == channels_.end()) return Find(channel_id).status();
  const Channel& channel = *it->second;
  v1::ChannelDescription description;
  description.set_channel_id(channel_id);
  description.set_backend_id(channel.spec.backend_id());
  description.set_worker_key(channel.spec.worker_key());
  description.set_state(StateOf(channel));
  *description.mutable_control() = channel.control;
  description.set_in_flight_batches(channel.in_flight);
  description.set_credit_batches(channel.credits.size());
  description.set_worker_seconds(
      absl::ToDoubleSeconds(scheduler_.CostOf(channel_id)));
  if (channel.plan != nullptr) {
    description.set_seeds(channel.plan->seeds().size());
    description.set_batches(channel.plan->batches_per_epoch());
  }
  if (channel.run != nullptr) {
    description.set_started(true);
    description.set_epoch(channel.run->epoch);
    description.set_attempt(channel.run->attempt);
    description.set_submitted_batches(channel.run->submitted);
    description.set_completed_batches(channel.run->completed);
    description.set_failed_batches(channel.run->failed);
  }
  description.set_buffer_bytes(channel.buffer_bytes);
  if (channel.producer != nullptr) {
    const ShmChannelStats stats = channel.producer->stats();
    description.set_buffer_messages(stats.depth_messages);
    description.set_buffer_used_bytes(stats.used_bytes);
    description.set_buffer_high_water_bytes(stats.high_water_bytes);
    description.set_buffer_reclaimed_messages(stats.reclaimed_messages);
    description.set_buffer_producer_wait_seconds(
        absl::ToDoubleSeconds(stats.producer_wait));
    description.set_buffer_consumer_wait_seconds(
        absl::ToDoubleSeconds(stats.consumer_wait));
  }
  return description;
}

}  // namespace fairlead
