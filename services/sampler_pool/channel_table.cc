#include "services/sampler_pool/channel_table.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/util/message_differencer.h"
#include "libs/sampling/epoch_plan.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/message_tag.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

constexpr uint32_t kDefaultConcurrency = 4;  // parity GL-082
constexpr uint32_t kDefaultBufferMessages = 64;
constexpr uint64_t kDefaultBufferBytes = 64 << 20;
// Room for what must pass whatever the batches' size: errors, ends of epochs.
constexpr uint64_t kMinBufferBytes = 4096;
constexpr size_t kMaxErrorText = 1024;

template <typename T>
T OrDefault(T value, T fallback) {
  return value == 0 ? fallback : value;
}

std::string EncodeEnd(const ChannelTable::Channel& channel, const EpochRun& run,
                      bool cancelled) {
  v1::EpochEnd end;
  end.set_channel_id(channel.id());
  end.set_epoch(run.epoch);
  end.set_attempt(run.attempt);
  end.set_batches(channel.plan->batches_per_epoch());
  end.set_failed_batches(run.failed);
  end.set_seed_digest(run.seeds.digest());
  end.set_cancelled(cancelled);
  return end.SerializeAsString();
}

MessageTag TagOf(ChannelMessageTag::Kind kind, const EpochRun& run,
                 uint64_t batch_index) {
  return ChannelMessageTag{.kind = kind,
                           .epoch = run.epoch,
                           .attempt = run.attempt,
                           .batch_index = batch_index}
      .Encode();
}

}  // namespace

std::string ChannelName(const v1::ChannelSpec& spec) {
  return absl::StrCat("channel ", spec.channel_id(), " (worker_key ",
                      spec.worker_key(), ")");
}

ChannelTable::Channel::Channel(const v1::ChannelSpec& channel_spec)
    : spec(channel_spec),
      buffer_bytes(
          OrDefault(spec.options().buffer_bytes(), kDefaultBufferBytes)),
      buffer_messages(
          OrDefault(spec.options().buffer_capacity(), kDefaultBufferMessages)),
      max_in_flight(
          OrDefault(spec.options().worker_concurrency(), kDefaultConcurrency)),
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

// --- lifecycle
// ---------------------------------------------------------------

absl::Status ChannelTable::CheckRoomForChannel() const {
  if (channels_.size() < options_.max_channels) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "this sampler pool holds --max_channels=", options_.max_channels,
      " channels already"));
}

absl::Status ChannelTable::CheckOptions(const Channel& channel) const {
  if (channel.buffer_bytes < kMinBufferBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("options.buffer_bytes: ", channel.buffer_bytes,
                     " is less than ", kMinBufferBytes));
  }
  return CheckLimits(LimitsOf(channel));
}

absl::Status ChannelTable::CheckMemory(uint64_t bytes) const {
  const uint64_t budget = options_.memory_budget_bytes;
  if (budget == 0 || bytes <= budget - std::min(budget, memory_used_)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "--memory_budget: ", bytes,
      " bytes are wanted for the list of seeds, "
      "and of ",
      budget, " there are ", budget - memory_used_,
      " left; name a split in place of a list, or raise --memory_budget"));
}

absl::StatusOr<v1::PlanSamplingInputResponse> ChannelTable::DescribePlan(
    const v1::ChannelSpec& spec, const ChannelPlan& plan) const {
  const Channel channel(spec);
  FAIRLEAD_RETURN_IF_ERROR(CheckOptions(channel));
  v1::PlanSamplingInputResponse response;
  response.set_seeds(plan.seeds().size());
  response.set_batches(plan.batches_per_epoch());
  const auto set = [](v1::ResourceNeed& need, uint64_t needed, uint64_t used,
                      uint64_t budget) {
    need.set_needed(needed);
    need.set_used(used);
    need.set_budget(budget);
  };
  set(*response.mutable_shm(), channel.buffer_bytes, budget_.used_bytes(),
      budget_.limit_bytes());
  set(*response.mutable_memory(), plan.memory_bytes(), memory_used_,
      options_.memory_budget_bytes);
  set(*response.mutable_channels(), 1, channels_.size(), options_.max_channels);
  for (const absl::Status& refusal :
       {CheckRoomForChannel(), budget_.Check(channel.buffer_bytes),
        CheckMemory(plan.memory_bytes())}) {
    if (refusal.ok()) continue;
    response.set_refusal(std::string(refusal.message()));
    break;
  }
  return response;
}

absl::StatusOr<ChannelTable::Registering> ChannelTable::BeginRegister(
    const v1::ChannelSpec& spec) {
  if (spec.channel_id() == 0) {
    return absl::InvalidArgumentError("spec.channel_id: 0 is never an id");
  }
  Registering registering;
  const auto it = channels_.find(spec.channel_id());
  if (it != channels_.end()) {
    const Channel& channel = *it->second;
    if (channel.life == LifecycleState::kTearingDown) {
      return absl::UnavailableError(absl::StrCat(
          ChannelName(channel.spec), ": is being torn down; try again"));
    }
    // How it stands against others may have changed since.
    v1::ChannelSpec ours = channel.spec;
    v1::ChannelSpec theirs = spec;
    ours.clear_control();
    theirs.clear_control();
    if (!google::protobuf::util::MessageDifferencer::Equals(ours, theirs)) {
      return absl::AlreadyExistsError(absl::StrCat(
          ChannelName(channel.spec),
          ": is here with another input or config; destroy it first, or use "
          "another worker_key"));
    }
    registering.is_busy = channel.life == LifecycleState::kInitialising;
    if (registering.is_busy) return registering;
    registering.response.set_seeds(channel.plan->seeds().size());
    registering.response.set_batches(channel.plan->batches_per_epoch());
    return registering;
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckRoomForChannel());
  auto channel = std::make_shared<Channel>(spec);
  FAIRLEAD_RETURN_IF_ERROR(CheckOptions(*channel));
  // Of the budget now, of the memory when it is needed.
  const absl::Status taken = budget_.Take(channel->buffer_bytes);
  if (!taken.ok()) {
    return absl::Status(taken.code(),
                        absl::StrCat(ChannelName(spec), ": no buffer of ",
                                     channel->buffer_bytes,
                                     " bytes in --shm_dir=", options_.shm_dir,
                                     ": ", std::string(taken.message())));
  }
  channels_.emplace(spec.channel_id(), std::move(channel));
  by_slot_[spec.channel_id() % Doorbell::kSlots].push_back(spec.channel_id());
  registering.is_mine = true;
  return registering;
}

absl::StatusOr<v1::RegisterInputResponse> ChannelTable::EndRegister(
    uint64_t channel_id, absl::StatusOr<ChannelPlan> plan, absl::Duration now) {
  Channel& channel = *channels_.at(channel_id);
  if (channel.life == LifecycleState::kTearingDown) {
    channel.life = *Next(channel.life, LifecycleEvent::kIdle);
    EndIfIdle(channel);
    return absl::NotFoundError(absl::StrCat(
        "channel ", channel_id, ": was destroyed while it was registered"));
  }
  if (plan.ok()) {
    const absl::Status fits = CheckMemory(plan->memory_bytes());
    if (!fits.ok()) plan = fits;
  }
  if (!plan.ok()) {
    channel.life = *Next(channel.life, LifecycleEvent::kCouldNotBeMade);
    EndIfIdle(channel);
    return plan.status();
  }
  channel.life = *Next(channel.life, LifecycleEvent::kMade);
  channel.plan = std::make_shared<const ChannelPlan>(*std::move(plan));
  memory_used_ += channel.plan->memory_bytes();
  FAIRLEAD_RETURN_IF_ERROR(scheduler_.Add(channel_id, LimitsOf(channel)));
  FAIRLEAD_RETURN_IF_ERROR(
      scheduler_.SetPaused(channel_id, channel.control.paused()));
  NoteState(channel, now);
  v1::RegisterInputResponse response;
  response.set_seeds(channel.plan->seeds().size());
  response.set_batches(channel.plan->batches_per_epoch());
  return response;
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

void ChannelTable::PushEnd(Channel& channel, const EpochRun& run,
                           bool cancelled) {
  channel.outgoing.push_back(
      {.tag = TagOf(ChannelMessageTag::Kind::kEpochEnd, run, 0),
       .batch = nullptr,
       .small = EncodeEnd(channel, run, cancelled)});
}

void ChannelTable::PushError(Channel& channel, EpochRun& run,
                             uint64_t batch_index, const absl::Status& status) {
  v1::BatchError error;
  error.set_channel_id(channel.id());
  error.set_epoch(run.epoch);
  error.set_attempt(run.attempt);
  error.set_batch_index(batch_index);
  error.set_code(static_cast<int32_t>(status.code()));
  error.set_message(absl::StrCat(ChannelName(channel.spec), ", epoch ",
                                 run.epoch, ", batch ", batch_index, ": ",
                                 std::string(status.message()))
                        .substr(0, kMaxErrorText));
  if (channel.spec.failure_policy() == v1::FAILURE_POLICY_FAIL) {
    for (const BatchIndexRange& range : run.cursor.TakeRest()) {
      v1::BatchRange* const also = error.add_also_failed();
      also->set_begin(range.begin);
      also->set_end(range.end);
      run.submitted += range.end - range.begin;
      run.completed += range.end - range.begin;
      run.failed += range.end - range.begin;
    }
    (void)scheduler_.SetBacklog(channel.id(), 0);
  }
  channel.outgoing.push_back(
      {.tag = TagOf(ChannelMessageTag::Kind::kBatchError, run, batch_index),
       .batch = nullptr,
       .small = error.SerializeAsString()});
}

// --- work
// --------------------------------------------------------------------

std::optional<ChannelTable::Work> ChannelTable::NextWork(absl::Duration now) {
  if (!with_room_.empty()) {
    Work work = std::move(with_room_.front());
    with_room_.pop_front();
    return work;
  }
  const std::optional<uint64_t> next = scheduler_.Next(now);
  if (!next.has_value()) return std::nullopt;
  Work work;
  work.channel = channels_.at(*next);
  Channel& channel = *work.channel;
  work.plan = channel.plan;
  work.producer = channel.producer;
  work.run = channel.run;
  work.batch_index = *work.run->cursor.Next();
  ++work.run->submitted;
  ++channel.in_flight;
  // The scheduler's credit is the number of these, so there is one.
  work.credit = std::move(channel.credits.front());
  channel.credits.pop_front();
  // Nobody kept it waiting before its own rate let it go.
  work.credit->since =
      std::max(work.credit->since, scheduler_.DueAt(channel.id()));
  return work;
}

void ChannelTable::Finish(Work work, Outcome outcome, const absl::Status& error,
                          absl::Duration cost, absl::Duration now) {
  Channel& channel = *work.channel;
  work.credit.reset();  // what is left of the promise is free again
  work.reservation.reset();
  if (work.run->cancelled) outcome = Outcome::kCancelled;
  // Of a message that did not fit nothing is learnt: room for another such is
  // never promised, and the channel's next batch would never begin.
  if (work.message_bytes > 0 && outcome != Outcome::kFailed) {
    channel.expected_bytes =
        channel.knows_size
            ? std::max(channel.expected_bytes, work.message_bytes)
            : work.message_bytes;
    channel.knows_size = true;
  }
  if (outcome == Outcome::kWaitsForRoom) {
    channel.outgoing.push_back({.tag = TagOf(ChannelMessageTag::Kind::kBatch,
                                             *work.run, work.batch_index),
                                .batch = std::move(work.made),
                                .small = {}});
    ++counts_.waits_for_room;
    Advance(channel, now);
    return;
  }
  --channel.in_flight;
  scheduler_.OnDone(channel.id(), cost, now);
  switch (outcome) {
    case Outcome::kCommitted:
      ++counts_.ok_batches;
      ++channel.ok_batches;
      if (channel.consumer != nullptr) {
        channel.consumer->Ring(channel.consumer_slot);
      }
      EndBatch(channel, *work.run, /*failed=*/false);
      break;
    case Outcome::kFailed:
      ++counts_.failed_batches;
      ++channel.failed_batches;
      if (absl::IsDataLoss(error)) OnDamage(channel, now);
      if (work.run->cancelled) break;
      PushError(channel, *work.run, work.batch_index, error);
      EndBatch(channel, *work.run, /*failed=*/true);
      break;
    case Outcome::kCancelled:
    case Outcome::kWaitsForRoom:
      break;
  }
  if (channel.life == LifecycleState::kTearingDown) {
    EndIfIdle(channel);
    return;
  }
  Advance(channel, now);
}

void ChannelTable::EndBatch(Channel& channel, EpochRun& run, bool failed) {
  ++run.completed;
  if (failed) ++run.failed;
  if (run.done()) PushEnd(channel, run, /*cancelled=*/false);
}

void ChannelTable::Rung(absl::Span<const uint32_t> slots, absl::Duration now) {
  for (const uint32_t slot : slots) {
    for (const uint64_t id : by_slot_[slot]) Advance(*channels_.at(id), now);
  }
}

void ChannelTable::Advance(Channel& channel, absl::Duration now) {
  if (channel.life == LifecycleState::kReady && channel.producer != nullptr) {
    SendWaiting(channel, now);
    RefillCredit(channel, now);
  }
  NoteState(channel, now);
}

// In order: what was made first goes first, so a large batch cannot be
// overtaken for ever by smaller ones.
void ChannelTable::SendWaiting(Channel& channel, absl::Duration now) {
  if (!channel.outgoing.empty()) {
    // Promises of batches that have not begun are in the way of ones that are
    // made: they are asked for anew.
    channel.credits.clear();
  }
  while (!channel.outgoing.empty()) {
    Outgoing& next = channel.outgoing.front();
    absl::StatusOr<ShmReservation> reservation =
        channel.producer->Reserve(next.bytes(), absl::ZeroDuration());
    if (absl::IsDeadlineExceeded(reservation.status())) return;
    if (!reservation.ok()) {
      OnDamage(channel, now);
      return;
    }
    if (next.batch != nullptr) {
      Work work;
      work.channel = channels_.at(channel.id());
      work.plan = channel.plan;
      work.producer = channel.producer;
      work.run = channel.run;
      work.batch_index = (*ChannelMessageTag::Decode(next.tag)).batch_index;
      work.made = std::move(next.batch);
      work.reservation = *std::move(reservation);
      with_room_.push_back(std::move(work));
    } else {
      std::memcpy(reservation->bytes().data(), next.small.data(),
                  next.small.size());
      if (reservation->Commit(next.tag).ok() && channel.consumer != nullptr) {
        channel.consumer->Ring(channel.consumer_slot);
      }
    }
    channel.outgoing.pop_front();
  }
}

void ChannelTable::RefillCredit(Channel& channel, absl::Duration now) {
  if (channel.life != LifecycleState::kReady) return;
  const uint64_t backlog = channel.run == nullptr || channel.run->cancelled
                               ? 0
                               : channel.run->cursor.remaining();
  uint64_t wanted = 0;
  if (channel.outgoing.empty() && !channel.control.paused() &&
      channel.in_flight < channel.max_in_flight) {
    wanted =
        std::min<uint64_t>(backlog, channel.max_in_flight - channel.in_flight);
  }
  while (channel.credits.size() > wanted) channel.credits.pop_back();
  while (channel.credits.size() < wanted) {
    absl::StatusOr<ShmCredit> credit =
        channel.producer->TryPromise(channel.expected_bytes);
    if (!credit.ok()) break;
    channel.credits.push_back({.credit = *std::move(credit), .since = now});
  }
  // It can only fail for a channel that is not there.
  (void)scheduler_.SetCredit(channel.id(), channel.credits.size());
}

// --- descriptions
// ------------------------------------------------------------

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
