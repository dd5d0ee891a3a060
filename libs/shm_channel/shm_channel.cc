#include "libs/shm_channel/shm_channel.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/shm_channel/channel_memory.h"
#include "libs/shm_channel/deadline.h"
#include "libs/shm_channel/segment_layout.h"
#include "libs/shm_channel/shm_budget.h"
#include "libs/status/status_macros.h"

namespace fairlead {

using internal::ChannelMemory;
using internal::Deadline;
using internal::PlaceHolder;

namespace {

ShmChannelStats StatsOf(const ChannelMemory& memory) {
  const ChannelMemory::Counters counters = memory.counters();
  return {.committed_messages = counters.committed_messages,
          .committed_bytes = counters.committed_bytes,
          .depth_messages = counters.depth_messages,
          .used_bytes = counters.used_bytes,
          .high_water_bytes = counters.high_water_bytes,
          .reclaimed_messages = counters.reclaimed_messages,
          .producer_wait = counters.producer_wait,
          .consumer_wait = counters.consumer_wait,
          .producers = counters.producers,
          .consumers = counters.consumers,
          .dead = counters.dead};
}

absl::Status CheckOption(absl::string_view name, uint64_t value,
                         uint64_t limit) {
  if (value >= 1 && value <= limit) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " ", value, " must be between 1 and ", limit));
}

}  // namespace

absl::StatusOr<ShmChannelStats> InspectShmChannel(absl::string_view directory,
                                                  absl::string_view name) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::shared_ptr<ChannelMemory> memory,
                            ChannelMemory::OpenToInspect(directory, name));
  return StatsOf(*memory);
}

absl::Status ShmReservation::Commit(const MessageTag& tag) {
  FAIRLEAD_RETURN_IF_ERROR(holder_.memory().Commit(holder_.place(), tag));
  holder_.Release();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ShmProducer>> ShmProducer::Create(
    const ShmChannelOptions& options, ShmBudget* budget) {
  FAIRLEAD_RETURN_IF_ERROR(CheckOption("capacity_bytes", options.capacity_bytes,
                                       internal::kMaxCapacity));
  FAIRLEAD_RETURN_IF_ERROR(CheckOption("max_messages", options.max_messages,
                                       internal::kMaxMessages));
  const uint64_t capacity = internal::AlignUp(options.capacity_bytes);
  const uint64_t bytes = internal::DataOffset(options.max_messages) + capacity;
  if (budget != nullptr) FAIRLEAD_RETURN_IF_ERROR(budget->Take(bytes));
  absl::StatusOr<std::shared_ptr<ChannelMemory>> memory =
      ChannelMemory::Create(options.directory, capacity, options.max_messages);
  if (!memory.ok()) {
    if (budget != nullptr) budget->GiveBack(bytes);
    return memory.status();
  }
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<ShmProducer>(
      new ShmProducer(*std::move(memory), budget, bytes));
}

absl::StatusOr<std::unique_ptr<ShmProducer>> ShmProducer::Open(
    absl::string_view directory, absl::string_view name) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::shared_ptr<ChannelMemory> memory,
      ChannelMemory::Open(directory, name, internal::Role::kProducer,
                          /*is_shared=*/true, nullptr));
  return std::unique_ptr<ShmProducer>(
      new ShmProducer(std::move(memory), nullptr, 0));
}

ShmProducer::~ShmProducer() {
  if (budget_ != nullptr) budget_->GiveBack(budget_bytes_);
}

absl::Status ShmProducer::CheckSize(uint64_t bytes) const {
  if (bytes <= memory_->capacity()) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat(
      "a message of ", bytes, " bytes is larger than the channel, which holds ",
      memory_->capacity()));
}

absl::StatusOr<ShmReservation> ShmProducer::Reserve(uint64_t bytes,
                                                    absl::Duration timeout) {
  FAIRLEAD_RETURN_IF_ERROR(CheckSize(bytes));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ChannelMemory::Place> place,
                            memory_->Take(bytes, Deadline::After(timeout)));
  if (!place.has_value()) {
    return absl::DeadlineExceededError(absl::StrCat(
        "channel segment ", name(), ": no room for ", bytes, " bytes"));
  }
  return ShmReservation(PlaceHolder(memory_, *place));
}

absl::StatusOr<ShmCredit> ShmProducer::TryPromise(uint64_t bytes) {
  absl::StatusOr<ShmReservation> reservation =
      Reserve(bytes, absl::ZeroDuration());
  if (absl::IsDeadlineExceeded(reservation.status())) {
    return absl::ResourceExhaustedError(reservation.status().message());
  }
  FAIRLEAD_RETURN_IF_ERROR(reservation.status());
  return ShmCredit(std::move(reservation->holder_));
}

absl::StatusOr<ShmReservation> ShmProducer::ReserveFrom(ShmCredit& credit,
                                                        uint64_t bytes) {
  FAIRLEAD_RETURN_IF_ERROR(CheckSize(bytes));
  FAIRLEAD_ASSIGN_OR_RETURN(const bool resized,
                            memory_->TryResize(credit.holder_.place(), bytes));
  if (resized) return ShmReservation(std::move(credit.holder_));
  // Not where it was promised; elsewhere, maybe.
  absl::StatusOr<ShmReservation> elsewhere =
      Reserve(bytes, absl::ZeroDuration());
  if (elsewhere.ok()) credit.holder_.Free();
  if (absl::IsDeadlineExceeded(elsewhere.status())) {
    return absl::ResourceExhaustedError(elsewhere.status().message());
  }
  return elsewhere;
}

ShmChannelStats ShmProducer::stats() const { return StatsOf(*memory_); }

absl::StatusOr<std::unique_ptr<ShmConsumer>> ShmConsumer::Open(
    absl::string_view directory, absl::string_view name,
    const ShmConsumerOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::shared_ptr<ChannelMemory> memory,
      ChannelMemory::Open(directory, name, internal::Role::kConsumer,
                          options.is_shared, options.budget));
  return std::unique_ptr<ShmConsumer>(new ShmConsumer(std::move(memory)));
}

absl::StatusOr<std::unique_ptr<ShmConsumer>> ShmConsumer::OpenInProcess(
    const ShmProducer& producer, bool is_shared) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::shared_ptr<ChannelMemory> memory,
      producer.memory_->Join(internal::Role::kConsumer, is_shared));
  return std::unique_ptr<ShmConsumer>(new ShmConsumer(std::move(memory)));
}

absl::StatusOr<ShmMessage> ShmConsumer::Receive(absl::Duration timeout) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::optional<ChannelMemory::Received> received,
      memory_->Receive(Deadline::After(timeout)));
  if (!received.has_value()) {
    return absl::DeadlineExceededError(
        absl::StrCat("channel segment ", memory_->name(), ": no message"));
  }
  return ShmMessage(PlaceHolder(memory_, received->place), received->tag);
}

ShmChannelStats ShmConsumer::stats() const { return StatsOf(*memory_); }

}  // namespace fairlead
