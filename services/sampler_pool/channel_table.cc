#include "services/sampler_pool/channel_table.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr uint32_t kDefaultBufferMessages = 64;
constexpr uint64_t kDefaultBufferBytes = 64 << 20;

template <typename T>
T OrDefault(T value, T fallback) {
  return value == 0 ? fallback : value;
}

}  // namespace

std::string ChannelName(const v1::ChannelSpec& spec) {
  return absl::StrCat("channel ", spec.channel_id(), " (worker_key ",
                      spec.worker_key(), ")");
}

ChannelTable::Channel::Channel(const v1::ChannelSpec& channel_spec,
                               uint32_t default_concurrency)
    : spec(channel_spec),
      buffer_bytes(
          OrDefault(spec.options().buffer_bytes(), kDefaultBufferBytes)),
      buffer_messages(
          OrDefault(spec.options().buffer_capacity(), kDefaultBufferMessages)),
      max_in_flight(
          OrDefault(spec.options().worker_concurrency(), default_concurrency)),
      control(spec.control()),
      // Until a batch has shown its size, each may take its share.
      expected_bytes(
          std::max<uint64_t>(1, buffer_bytes / (2 * max_in_flight))) {}

ChannelLimits ChannelTable::LimitsOf(const Channel& channel) const {
  return {
      .weight = channel.control.weight() == 0 ? 1 : channel.control.weight(),
      .max_in_flight = channel.max_in_flight,
      .priority = channel.control.priority(),
      .max_batches_per_second = channel.control.max_batches_per_second()};
}

absl::StatusOr<ChannelTable::ChannelPtr> ChannelTable::Find(
    uint64_t channel_id) const {
  const auto it = channels_.find(channel_id);
  if (it == channels_.end() && options_.awaits_assignments && !is_assigned_) {
    return absl::UnavailableError(
        absl::StrCat("channel ", channel_id,
                     ": this sampler pool has just started and is "
                     "yet to hear which channels it holds; try again"));
  }
  if (it == channels_.end() ||
      it->second->life == LifecycleState::kTearingDown) {
    return absl::NotFoundError(absl::StrCat(
        "channel ", channel_id,
        ": not in this sampler pool; it is gone or was never registered here, "
        "so register the input again"));
  }
  if (it->second->life == LifecycleState::kInitialising) {
    return absl::UnavailableError(absl::StrCat(
        ChannelName(it->second->spec), ": is being registered; try again"));
  }
  if (it->second->life == LifecycleState::kFailed) {
    return absl::DataLossError(
        absl::StrCat(ChannelName(it->second->spec),
                     ": its buffer was damaged; destroy the channel and "
                     "register the input again"));
  }
  return it->second;
}

bool ChannelTable::IsInitialising(uint64_t channel_id) const {
  const auto it = channels_.find(channel_id);
  return it != channels_.end() &&
         it->second->life == LifecycleState::kInitialising;
}

// Removes a channel that is being torn down when nothing is left of it.
void ChannelTable::EndIfIdle(Channel& channel) {
  if (channel.life == LifecycleState::kTearingDown && channel.in_flight == 0) {
    channel.life = *Next(channel.life, LifecycleEvent::kIdle);
  }
  if (channel.life != LifecycleState::kGone) return;
  const uint64_t id = channel.id();
  budget_.GiveBack(channel.buffer_bytes);
  if (channel.plan != nullptr) memory_used_ -= channel.plan->memory_bytes();
  std::vector<uint64_t>& in_slot = by_slot_[id % Doorbell::kSlots];
  in_slot.erase(std::find(in_slot.begin(), in_slot.end(), id));
  channels_.erase(id);  // last: it may end the channel
}

ChannelTable::ChannelPtr ChannelTable::Unregister(uint64_t channel_id,
                                                  absl::Duration now) {
  const auto it = channels_.find(channel_id);
  if (it == channels_.end()) return nullptr;
  ChannelPtr channel = it->second;
  const bool is_made = channel->life != LifecycleState::kInitialising;
  const std::optional<LifecycleState> next =
      Next(channel->life, LifecycleEvent::kUnregistered);
  if (!next.has_value()) return nullptr;  // is being torn down already
  channel->life = *next;
  CancelRun(*channel, now);
  NoteState(*channel, now);
  scheduler_.Remove(channel_id);
  if (channel->producer != nullptr) channel->producer->Close();
  if (channel->consumer != nullptr) {
    channel->consumer->Ring(channel->consumer_slot);
  }
  // One that is being made ends with EndRegister.
  if (is_made) EndIfIdle(*channel);
  return channel;
}

void ChannelTable::UnregisterAll(absl::Duration now) {
  for (const uint64_t id : ids()) Unregister(id, now);
}

std::vector<uint64_t> ChannelTable::ids() const {
  std::vector<uint64_t> ids;
  ids.reserve(channels_.size());
  for (const auto& [id, channel] : channels_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

ShmChannelOptions ChannelTable::BufferOptions(const Channel& channel) const {
  return {.directory = options_.shm_dir,
          .capacity_bytes = channel.buffer_bytes,
          .max_messages = channel.buffer_messages};
}

void ChannelTable::SetBuffer(Channel& channel,
                             std::unique_ptr<ShmProducer> producer) {
  if (channel.producer == nullptr) channel.producer = std::move(producer);
}

absl::Status ChannelTable::Update(uint64_t channel_id,
                                  const v1::ChannelControl& control,
                                  absl::Duration now) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ChannelPtr channel, Find(channel_id));
  const v1::ChannelControl before = channel->control;
  channel->control = control;
  absl::Status status = scheduler_.SetLimits(channel_id, LimitsOf(*channel));
  if (!status.ok()) {
    channel->control = before;
    return status;
  }
  FAIRLEAD_RETURN_IF_ERROR(scheduler_.SetPaused(channel_id, control.paused()));
  Advance(*channel, now);
  return absl::OkStatus();
}

v1::AttachConsumerResponse ChannelTable::Attach(
    Channel& channel, std::shared_ptr<DoorbellRinger> ringer, uint32_t slot,
    const std::string& doorbell) {
  channel.consumer = std::move(ringer);
  channel.consumer_slot = slot;
  channel.consumer->Ring(slot);  // for what is there already
  v1::AttachConsumerResponse response;
  response.set_segment(channel.producer->name());
  response.mutable_wake_producer()->set_name(doorbell);
  response.mutable_wake_producer()->set_slot(channel.id() % Doorbell::kSlots);
  return response;
}

// --- epochs
// ------------------------------------------------------------------

bool ChannelTable::IsStale(const Channel& channel,
                           const v1::StartEpochRequest& request) {
  return channel.run != nullptr &&
         std::pair(request.epoch(), request.attempt()) <=
             std::pair(channel.run->epoch, channel.run->attempt);
}

v1::StartEpochResponse ChannelTable::CurrentEpoch(const Channel& channel) {
  v1::StartEpochResponse response;
  response.set_epoch(channel.run->epoch);
  response.set_attempt(channel.run->attempt);
  response.set_batches(channel.plan->batches_per_epoch());
  return response;
}

void ChannelTable::StartEpoch(Channel& channel, std::shared_ptr<EpochRun> run,
                              absl::Duration now) {
  CancelRun(channel, now);
  channel.run = std::move(run);
  // It can only fail for a channel that is not there.
  (void)scheduler_.SetBacklog(channel.id(), channel.run->cursor.remaining());
  if (channel.run->done()) PushEnd(channel, *channel.run, /*cancelled=*/false);
  Advance(channel, now);
}

absl::Status ChannelTable::CancelEpoch(uint64_t channel_id, uint64_t epoch,
                                       absl::Duration now) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ChannelPtr channel, Find(channel_id));
  if (channel->run == nullptr || channel->run->epoch != epoch ||
      channel->run->cancelled || channel->run->done()) {
    return absl::OkStatus();
  }
  CancelRun(*channel, now);
  PushEnd(*channel, *channel->run, /*cancelled=*/true);
  Advance(*channel, now);
  return absl::OkStatus();
}

// What a run has under way is of no more use. Batches with a worker end as
// kCancelled when they see the flag.
void ChannelTable::CancelRun(Channel& channel, absl::Duration now) {
  if (channel.run != nullptr) channel.run->cancelled = true;
  for (const Outgoing& outgoing : channel.outgoing) {
    if (outgoing.batch == nullptr) continue;
    --channel.in_flight;
    scheduler_.OnDone(channel.id(), absl::ZeroDuration(), now);
  }
  channel.outgoing.clear();
  channel.credits.clear();
  // Both calls can only fail for a channel that is not there.
  (void)scheduler_.SetBacklog(channel.id(), 0);
  (void)scheduler_.SetCredit(channel.id(), 0);
}

void ChannelTable::OnDamage(Channel& channel, absl::Duration now) {
  const std::optional<LifecycleState> next =
      Next(channel.life, LifecycleEvent::kDamaged);
  if (!next.has_value()) return;
  channel.life = *next;
  CancelRun(channel, now);
  NoteState(channel, now);
  channel.producer->Close();
}

}  // namespace fairlead
