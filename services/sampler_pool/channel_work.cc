// What ChannelTable gives workers to do, what becomes of it, and who has the
// room for it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/sampling/epoch_plan.h"
#include "libs/tensor_message/message_tag.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "services/sampler_pool/channel_table.h"

namespace fairlead {
namespace {

constexpr size_t kMaxErrorText = 1024;

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

}  // namespace fairlead
