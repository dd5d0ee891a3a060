// How a channel comes into ChannelTable, and what keeps one out.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/message_differencer.h"
#include "libs/status/status_macros.h"
#include "services/sampler_pool/channel_table.h"

namespace fairlead {
namespace {

// Room for what must pass whatever the batches' size: errors, ends of epochs.
constexpr uint64_t kMinBufferBytes = 4096;

}  // namespace

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
  const Channel channel(spec, options_.default_concurrency);
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
  auto channel = std::make_shared<Channel>(spec, options_.default_concurrency);
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

}  // namespace fairlead
