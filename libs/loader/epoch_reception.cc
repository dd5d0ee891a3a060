#include "libs/loader/epoch_reception.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace fairlead {

void EpochReception::Start(size_t server, EpochLedger ledger,
                           uint64_t backoff_seed) {
  servers_[server].Start(std::move(ledger), backoff_seed);
  ++running_;
}

v1::Subscribe EpochReception::Attach(size_t server,
                                     const SamplingChannel& channel,
                                     absl::Duration now) {
  ServerEpoch::Waiting waiting;
  for (Item& item : queue_) {
    if (item.next.server != server) continue;
    // A failure takes up no room here, so its credit is not held back.
    item.next.returns_credit = item.next.result.ok();
    if (!item.next.result.ok()) continue;
    ++waiting.batches;
    waiting.bytes += item.next.bytes;
  }
  v1::Subscribe subscribe = servers_[server].Attach(channel, waiting, now);
  stats_.requested += servers_[server].credit();
  return subscribe;
}

void EpochReception::Drop() {
  for (ServerEpoch& server : servers_) server.End();
  running_ = 0;
  queue_.clear();
}

bool EpochReception::TakesCredit(size_t server, absl::Duration now) {
  if (servers_[server].TakeCredit(now)) return true;
  EndServer(server, absl::InternalError(absl::StrCat(
                        "gateway at ", servers_[server].gateway_address(),
                        ": sent more than the trainer gave it credit for")));
  return false;
}

EpochReception::Reply EpochReception::OnBatch(
    size_t server, EncodedBatch batch, const v1::DeliveryStamps& delivery,
    absl::Duration now) {
  if (!TakesCredit(server, now)) return Reply::kCutOff;
  EpochLedger::Booking booking;
  const EpochLedger::Verdict verdict = servers_[server].OnBatch(
      batch.message.header, batch.seed_digest, &booking);
  if (verdict != EpochLedger::Verdict::kNew) {
    return Refuse(server, verdict, now);
  }
  const uint64_t bytes = batch.bytes;
  ReceivedBatch received = ToReceived(std::move(batch), now);
  received.server = server;
  received.delivery = delivery;
  queue_.push_back({.next = {.result = std::move(received),
                             .server = server,
                             .bytes = bytes,
                             .returns_credit = true},
                    .booking = std::move(booking)});
  return Reply::kNone;
}

EpochReception::Reply EpochReception::OnBatchError(size_t server,
                                                   const v1::BatchError& error,
                                                   absl::Duration now) {
  if (!TakesCredit(server, now)) return Reply::kCutOff;
  EpochLedger::Booking booking;
  const EpochLedger::Verdict verdict =
      servers_[server].OnBatchError(error, &booking);
  if (verdict != EpochLedger::Verdict::kNew) {
    return Refuse(server, verdict, now);
  }
  for (const v1::BatchRange& range : booking.batches) {
    stats_.failed += range.end() - range.begin();
  }
  queue_.push_back({.next = {.result = ToStatus(error),
                             .server = server,
                             .returns_credit = true},
                    .booking = std::move(booking)});
  return Reply::kNone;
}

EpochReception::Reply EpochReception::Refuse(size_t server,
                                             EpochLedger::Verdict verdict,
                                             absl::Duration now) {
  if (verdict == EpochLedger::Verdict::kForeign) {
    queue_.push_back(
        {.next = {.result = absl::DataLossError(absl::StrCat(
                      "gateway at ", servers_[server].gateway_address(),
                      ": sent a batch of another channel, or beyond the "
                      "epoch's last")),
                  .server = server,
                  .returns_credit = true}});
    return Reply::kNone;
  }
  ++(verdict == EpochLedger::Verdict::kDuplicate ? stats_.duplicates
                                                 : stats_.stale);
  servers_[server].RefundCredit(now);
  ++stats_.requested;
  return Reply::kReturnCredit;
}

void EpochReception::OnEpochEnd(size_t server, const v1::EpochEnd& end) {
  const EpochLedger& ledger = servers_[server].ledger();
  if (ledger.IsEndOfThis(end)) {
    EndServer(server, ledger.OnEpochEnd(end));
  } else {
    ++stats_.stale;
  }
}

void EpochReception::OnUnreadable(size_t server, const absl::Status& why,
                                  uint64_t bytes, absl::Duration now) {
  // A batch's, as far as can be known.
  const bool had_credit = servers_[server].TakeCredit(now);
  queue_.push_back(
      {.next = {.result = absl::Status(
                    why.code(), absl::StrCat("gateway at ",
                                             servers_[server].gateway_address(),
                                             ": ", std::string(why.message()))),
                .server = server,
                .bytes = bytes,
                .returns_credit = had_credit}});
}

bool EpochReception::Break(size_t server, const absl::Status& status,
                           absl::Time now) {
  std::optional<absl::Status> over = servers_[server].Break(status, now);
  if (!over.has_value()) return true;
  EndServer(server, *std::move(over));
  return false;
}

void EpochReception::EndServer(size_t server, absl::Status status) {
  // What was cancelled was not lost.
  if (!absl::IsCancelled(status)) {
    stats_.missing += servers_[server].ledger().num_missing();
  }
  servers_[server].End();
  --running_;
  if (status.ok()) return;
  queue_.push_back({.next = {.result = std::move(status), .server = server}});
}

std::optional<size_t> EpochReception::FirstToRetry() const {
  std::optional<size_t> first;
  for (size_t i = 0; i < servers_.size(); ++i) {
    if (servers_[i].state() == ServerEpoch::State::kBroken &&
        (!first.has_value() ||
         servers_[i].retry_at() < servers_[*first].retry_at())) {
      first = i;
    }
  }
  return first;
}

EpochReception::Next EpochReception::Take(absl::Duration waited,
                                          absl::Duration now) {
  Next next = std::move(queue_.front().next);
  queue_.pop_front();
  if (next.result.ok()) {
    next.result->consumed = now;
    ++stats_.batches;
    stats_.bytes += next.bytes;
  }
  if (next.returns_credit) {
    next.messages = servers_[next.server].ReturnCredit(waited, now);
    stats_.requested += next.messages;
  }
  return next;
}

bool EpochReception::IsConsumed(size_t server) const {
  return servers_[server].state() == ServerEpoch::State::kEnded &&
         std::none_of(queue_.begin(), queue_.end(), [&](const Item& item) {
           return item.next.server == server;
         });
}

v1::EpochProgress EpochReception::progress(size_t server) const {
  std::vector<const EpochLedger::Booking*> not_yet;
  for (const Item& item : queue_) {
    if (item.next.server == server) not_yet.push_back(&item.booking);
  }
  return servers_[server].ledger().ProgressWithout(not_yet);
}

ReceiveStats EpochReception::stats() const {
  ReceiveStats stats = stats_;
  stats.queued = queue_.size();
  for (const ServerEpoch& server : servers_) {
    stats.prefetch += server.prefetch_size();
  }
  return stats;
}

}  // namespace fairlead
