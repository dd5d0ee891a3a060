#include "libs/loader/server_epoch.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/rpc/lost_connection.h"
#include "libs/sampling/recovery.h"

namespace fairlead {

void ServerEpoch::Start(EpochLedger ledger, uint64_t backoff_seed) {
  ledger_.emplace(std::move(ledger));
  backoff_.emplace(backoff_seed);
  progress_ = true;
  state_ = State::kEnded;
}

v1::Subscribe ServerEpoch::Attach(const SamplingChannel& channel,
                                  const Waiting& waiting, absl::Duration now) {
  gateway_address_ = channel.gateway_address;
  ledger_->set_channel_id(channel.channel_id);
  here_ = waiting.batches;
  credit_ = prefetch_.size() - std::min(here_, prefetch_.size());
  prefetch_.OnStream(credit_, now);
  state_ = State::kStreaming;
  v1::Subscribe subscribe;
  subscribe.set_channel_id(channel.channel_id);
  subscribe.set_epoch(ledger_->epoch());
  subscribe.set_attempt(ledger_->attempt());
  subscribe.mutable_credit()->set_messages(credit_);
  subscribe.mutable_credit()->set_bytes(
      limits_.credit_bytes - std::min(waiting.bytes, limits_.credit_bytes));
  return subscribe;
}

bool ServerEpoch::TakeCredit(absl::Duration now) {
  if (credit_ == 0) return false;
  --credit_;
  ++here_;
  prefetch_.OnMessage(now);
  return true;
}

void ServerEpoch::RefundCredit(absl::Duration now) {
  --here_;
  ++credit_;
  prefetch_.OnGrant(1, now);
}

uint64_t ServerEpoch::ReturnCredit(absl::Duration waited, absl::Duration now) {
  --here_;
  prefetch_.OnTake(here_, waited, now);
  const uint64_t has = credit_ + here_;
  const uint64_t more = prefetch_.size() - std::min(has, prefetch_.size());
  credit_ += more;
  prefetch_.OnGrant(more, now);
  return more;
}

EpochLedger::Verdict ServerEpoch::OnBatch(const v1::MessageHeader& header,
                                          uint64_t seed_digest,
                                          EpochLedger::Booking* booking) {
  const EpochLedger::Verdict verdict = ledger_->OnBatch(header, seed_digest);
  if (verdict != EpochLedger::Verdict::kNew) return verdict;
  progress_ = true;
  if (!kRecovers) return verdict;
  booking->seed_digest = seed_digest;
  v1::BatchRange& range = booking->batches.emplace_back();
  range.set_begin(header.batch_index());
  range.set_end(header.batch_index() + 1);
  return verdict;
}

EpochLedger::Verdict ServerEpoch::OnBatchError(const v1::BatchError& error,
                                               EpochLedger::Booking* booking) {
  booking->failed = true;
  const EpochLedger::Verdict verdict =
      ledger_->OnBatchError(error, &booking->batches);
  if (verdict == EpochLedger::Verdict::kNew) progress_ = true;
  return verdict;
}

std::optional<absl::Status> ServerEpoch::Break(const absl::Status& status,
                                               absl::Time now) {
  if (progress_) {
    progress_ = false;
    backoff_->Reset();
    give_up_at_ = now + limits_.recovery_timeout;
  }
  const absl::Duration wait = backoff_->Next();
  const std::string what =
      absl::StrCat("channel ", ledger_->channel_id(), ", epoch ",
                   ledger_->epoch(), ", gateway at ", gateway_address_);
  // A gateway that finds no channel does not know why: its pool may have ended,
  // or our lease run out. The registry is asked next, whose word is final.
  const bool is_gone = state_ == State::kStreaming && absl::IsNotFound(status);
  if (!kRecovers || (!is_gone && !rpc::MayBeLostConnection(status))) {
    return absl::Status(
        status.code(), absl::StrCat(what, ": ", std::string(status.message())));
  }
  if (now + wait >= give_up_at_) {
    return absl::Status(
        status.code(),
        absl::StrCat(what, ": could not be resumed within ",
                     absl::FormatDuration(limits_.recovery_timeout), ": ",
                     std::string(status.message())));
  }
  state_ = State::kBroken;
  retry_at_ = now + wait;
  return std::nullopt;
}

void ServerEpoch::Recover() {
  state_ = State::kRecovering;
  ledger_->NextAttempt();
}

}  // namespace fairlead
