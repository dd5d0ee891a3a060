#include "libs/loader/remote_receiving_channel.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/loader/encoded_batch.h"
#include "libs/loader/epoch_ledger.h"
#include "libs/loader/gateway_stream.h"
#include "libs/loader/receive_response.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/sampling_input.h"
#include "libs/rpc/backoff.h"
#include "libs/rpc/channel.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

// Whether a stream that ended so may be resumed. ABORTED is not: another reader
// has the channel, and taking it back would only start a fight. Besides
// UNAVAILABLE, these are how a connection's death can look.
bool IsWorthResuming(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return true;
    default:
      return false;
  }
}

absl::Status WithContext(const absl::Status& status, absl::string_view what) {
  return {status.code(),
          absl::StrCat(what, ": ", std::string(status.message()))};
}

}  // namespace

absl::StatusOr<std::unique_ptr<RemoteReceivingChannel>>
RemoteReceivingChannel::Create(Options options) {
  if (options.num_servers == 0) {
    return absl::InvalidArgumentError("num_servers: must be at least 1, got 0");
  }
  if (options.prefetch_size < 1) {
    return absl::InvalidArgumentError(
        "prefetch_size: must be at least 1, got 0; with 0 no batch could come");
  }
  if (options.credit_bytes < 1) {
    return absl::InvalidArgumentError(
        "credit_bytes: must be at least 1, got 0; with 0 no batch could come");
  }
  if (options.active_mask.empty()) {
    options.active_mask.assign(options.num_servers, true);
  }
  if (options.active_mask.size() != options.num_servers) {
    return absl::InvalidArgumentError(absl::StrCat(
        "active_mask: has ", options.active_mask.size(), " entries for ",
        options.num_servers, " servers; give one for each, or none"));
  }
  if (options.start_epoch == nullptr) {
    return absl::InvalidArgumentError("start_epoch: must be set");
  }
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<RemoteReceivingChannel>(
      new RemoteReceivingChannel(std::move(options)));
}

RemoteReceivingChannel::RemoteReceivingChannel(Options options)
    : options_(std::move(options)),
      // One more than can be waiting, for the batch that the trainer works on.
      buffers_((options_.prefetch_size + 1) * options_.num_servers),
      servers_(options_.num_servers),
      recovery_([this] { RunRecovery(); }) {}

RemoteReceivingChannel::~RemoteReceivingChannel() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    DropEpoch();
  }
  recovery_.join();
  MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &RemoteReceivingChannel::AllStreamsEnded));
}

absl::Status RemoteReceivingChannel::ResumeEpoch(
    uint64_t epoch, absl::Span<const v1::EpochProgress> had) {
  if (!had.empty() && had.size() != options_.num_servers) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cursor: is of ", had.size(), " servers, but this loader has ",
        options_.num_servers, "; go on with the same partitions"));
  }
  const absl::Duration before = clock_.MonotonicNow();
  uint64_t generation = 0;
  std::vector<std::shared_ptr<GatewayStream>> ended;  // let go of unlocked
  std::vector<uint32_t> attempts(options_.num_servers, 0);
  {
    MutexLock lock(&mutex_);
    ended.swap(ended_streams_);
    DropEpoch();
    generation = ++generation_;
    started_ = false;
    cancelled_ = false;
    // What is under way of the epoch as it was started before is not of this
    // start.
    for (size_t i = 0; i < servers_.size(); ++i) {
      const std::optional<EpochLedger>& last = servers_[i].ledger;
      if (last.has_value() && last->epoch() == epoch) {
        attempts[i] = last->attempt() + 1;
      }
    }
  }
  std::vector<std::optional<SamplingChannel>> channels(options_.num_servers);
  for (size_t i = 0; i < options_.num_servers; ++i) {
    if (!options_.active_mask[i]) {
      if (had.empty() || had[i].batches() == 0) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "cursor: server ", i, " had ", had[i].batches(),
          " batches, and now has none; go on with the same seeds"));
    }
    std::vector<v1::BatchRange> held;
    if (!had.empty()) held.assign(had[i].held().begin(), had[i].held().end());
    FAIRLEAD_ASSIGN_OR_RETURN(
        channels[i], StartEpochPersistently(i, epoch, attempts[i], held));
  }
  std::vector<std::optional<EpochLedger>> ledgers(options_.num_servers);
  for (size_t i = 0; i < options_.num_servers; ++i) {
    if (!channels[i].has_value()) continue;
    ledgers[i].emplace(channels[i]->channel_id, epoch, channels[i]->batches,
                       attempts[i]);
    if (had.empty()) continue;
    FAIRLEAD_RETURN_IF_ERROR(ledgers[i]->Restore(had[i]));
  }
  std::vector<std::shared_ptr<GatewayStream>> streams;
  {
    MutexLock lock(&mutex_);
    if (generation != generation_) {
      return absl::CancelledError(absl::StrCat(
          "epoch ", epoch, ": another StartEpoch came in between"));
    }
    started_ = true;
    stats_.starting += clock_.MonotonicNow() - before;
    for (size_t i = 0; i < options_.num_servers; ++i) {
      if (!channels[i].has_value()) continue;
      Server& server = servers_[i];
      server.ledger.emplace(*std::move(ledgers[i]));
      server.backoff.emplace(absl::Uniform<uint64_t>(random_));
      server.progress = true;
      ++running_;
      streams.push_back(Attach(server, *channels[i]));
    }
  }
  for (const auto& stream : streams) stream->Start();
  return absl::OkStatus();
}

absl::StatusOr<SamplingChannel> RemoteReceivingChannel::StartEpochPersistently(
    size_t server, uint64_t epoch, uint32_t attempt,
    absl::Span<const v1::BatchRange> held) {
  const absl::Time deadline = absl::Now() + options_.recovery_timeout;
  rpc::Backoff backoff(absl::Uniform<uint64_t>(absl::BitGen()));
  while (true) {
    absl::StatusOr<SamplingChannel> channel =
        options_.start_epoch(server, epoch, attempt, held);
    if (channel.ok() || !IsTransient(channel.status())) return channel;
    const absl::Duration wait = backoff.Next();
    if (absl::Now() + wait >= deadline) return channel;
    absl::SleepFor(wait);
  }
}

absl::StatusOr<std::optional<ReceivedBatch>> RemoteReceivingChannel::Recv() {
  Item item;
  {
    MutexLock lock(&mutex_);
    if (!started_) {
      return absl::FailedPreconditionError(
          "no epoch runs; call StartEpoch first");
    }
    const absl::Duration before = clock_.MonotonicNow();
    mutex_.Await(absl::Condition(this, &RemoteReceivingChannel::CanReceive));
    const absl::Duration now = clock_.MonotonicNow();
    stats_.waited += now - before;
    if (cancelled_) return absl::CancelledError("the channel was cancelled");
    if (queue_.empty()) return std::nullopt;
    item = std::move(queue_.front());
    queue_.pop_front();
    if (item.result.ok()) {
      item.result->consumed = now;
      ++stats_.batches;
      stats_.bytes += item.result->bytes;
    }
    if (item.stream != nullptr) {
      Server* server = FindServer(item.stream.get());
      if (server != nullptr) ++server->credit;
      ++stats_.requested;
    }
  }
  if (item.stream != nullptr) item.stream->Grant(1, item.bytes);
  if (!item.result.ok()) return std::move(item.result).status();
  return std::optional<ReceivedBatch>(*std::move(item.result));
}

void RemoteReceivingChannel::Cancel() {
  MutexLock lock(&mutex_);
  cancelled_ = true;
}

absl::StatusOr<std::vector<v1::EpochProgress>>
RemoteReceivingChannel::progress() const {
  MutexLock lock(&mutex_);
  if (!started_) {
    return absl::FailedPreconditionError(
        "no epoch runs; call StartEpoch first");
  }
  std::vector<v1::EpochProgress> progress(servers_.size());
  for (size_t i = 0; i < servers_.size(); ++i) {
    if (!options_.active_mask[i]) continue;
    std::vector<const EpochLedger::Booking*> not_yet;
    for (const Item& item : queue_) {
      if (item.server == i) not_yet.push_back(&item.booking);
    }
    progress[i] = servers_[i].ledger->ProgressWithout(not_yet);
  }
  return progress;
}

RemoteReceivingChannel::Stats RemoteReceivingChannel::stats() const {
  MutexLock lock(&mutex_);
  Stats stats = stats_;
  stats.queued = queue_.size();
  return stats;
}

void RemoteReceivingChannel::DropEpoch() {
  for (Server& server : servers_) {
    if (server.stream != nullptr) server.stream->Cancel();
    server.stream = nullptr;
    server.state = State::kEnded;
  }
  running_ = 0;
  queue_.clear();
  recovery_news_ = true;
}

std::shared_ptr<GatewayStream> RemoteReceivingChannel::Attach(
    Server& server, const SamplingChannel& channel) {
  if (server.gateway == nullptr ||
      server.gateway_address != channel.gateway_address) {
    server.gateway_address = channel.gateway_address;
    server.gateway = rpc::MakeChannel(channel.gateway_address);
  }
  server.ledger->set_channel_id(channel.channel_id);
  // What waits in the queue counts against the credit of the new stream too,
  // or each break would make room for another prefetch_size batches.
  const size_t index = IndexOf(server);
  uint64_t waiting = 0;
  uint64_t waiting_bytes = 0;
  for (Item& item : queue_) {
    if (!item.result.ok() || item.result->server != index) continue;
    ++waiting;
    waiting_bytes += item.bytes;
  }
  server.credit =
      options_.prefetch_size - std::min(waiting, options_.prefetch_size);
  stats_.requested += server.credit;
  v1::Subscribe subscribe;
  subscribe.set_channel_id(channel.channel_id);
  subscribe.set_epoch(server.ledger->epoch());
  subscribe.set_attempt(server.ledger->attempt());
  subscribe.mutable_credit()->set_messages(server.credit);
  subscribe.mutable_credit()->set_bytes(
      options_.credit_bytes - std::min(waiting_bytes, options_.credit_bytes));
  GatewayStream::Listener* const listener = this;
  server.stream =
      std::make_shared<GatewayStream>(server.gateway, subscribe, listener);
  for (Item& item : queue_) {
    if (item.result.ok() && item.result->server == index) {
      item.stream = server.stream;
    }
  }
  server.state = State::kStreaming;
  ++open_streams_;
  return server.stream;
}

RemoteReceivingChannel::Server* RemoteReceivingChannel::FindServer(
    const GatewayStream* stream) {
  for (Server& server : servers_) {
    if (server.stream.get() == stream) return &server;
  }
  return nullptr;
}

void RemoteReceivingChannel::OnResponse(
    const std::shared_ptr<GatewayStream>& stream, grpc::ByteBuffer& response) {
  absl::StatusOr<DecodedResponse> decoded =
      DecodeReceiveResponse(response, buffers_);
  const uint64_t response_bytes = response.Length();
  bool give_back = false;
  uint64_t give_back_bytes = 0;
  {
    MutexLock lock(&mutex_);
    Server* const server = FindServer(stream.get());
    if (server == nullptr || server->state != State::kStreaming) return;
    if (!decoded.ok()) {
      // It took a batch's credit, as far as can be known.
      if (server->credit > 0) --server->credit;
      queue_.push_back(
          {.result = WithContext(
               decoded.status(),
               absl::StrCat("gateway at ", server->gateway_address)),
           .stream = stream,
           .bytes = response_bytes});
      return;
    }
    if (auto* end = std::get_if<v1::EpochEnd>(&decoded->event)) {
      OnEpochEnd(*server, *end);
      return;
    }
    if (server->credit == 0) {
      EndServer(*server,
                absl::InternalError(absl::StrCat(
                    "gateway at ", server->gateway_address,
                    ": sent more than the trainer gave it credit for")));
      stream->Cancel();
      return;
    }
    --server->credit;
    if (auto* error = std::get_if<v1::BatchError>(&decoded->event)) {
      give_back = OnBatchError(*server, *error);
    } else {
      auto& batch = std::get<EncodedBatch>(decoded->event);
      give_back_bytes = batch.bytes;
      give_back = OnBatch(*server, stream, std::move(batch), decoded->delivery);
    }
    if (give_back) ++server->credit;
    if (give_back) ++stats_.requested;
  }
  if (give_back) stream->Grant(1, give_back_bytes);
}

bool RemoteReceivingChannel::OnBatch(
    Server& server, const std::shared_ptr<GatewayStream>& stream,
    EncodedBatch batch, const v1::DeliveryStamps& delivery) {
  const EpochLedger::Verdict verdict =
      server.ledger->OnBatch(batch.message.header, batch.seed_digest);
  if (verdict != EpochLedger::Verdict::kNew) return OnVerdict(server, verdict);
  server.progress = true;
  const uint64_t bytes = batch.bytes;
  const uint64_t index = batch.message.header.batch_index();
  EpochLedger::Booking booking{.seed_digest = batch.seed_digest};
  v1::BatchRange& range = booking.batches.emplace_back();
  range.set_begin(index);
  range.set_end(index + 1);
  ReceivedBatch received;
  received.message = std::move(batch.message);
  received.buffer = std::move(batch.buffer);
  received.bytes = bytes;
  received.server = IndexOf(server);
  received.delivery = delivery;
  received.received = clock_.MonotonicNow();
  queue_.push_back({.result = std::move(received),
                    .stream = stream,
                    .bytes = bytes,
                    .server = IndexOf(server),
                    .booking = std::move(booking)});
  return false;
}

bool RemoteReceivingChannel::OnBatchError(Server& server,
                                          const v1::BatchError& error) {
  EpochLedger::Booking booking{.failed = true};
  const EpochLedger::Verdict verdict =
      server.ledger->OnBatchError(error, &booking.batches);
  if (verdict != EpochLedger::Verdict::kNew) return OnVerdict(server, verdict);
  server.progress = true;
  for (const v1::BatchRange& range : booking.batches) {
    stats_.failed += range.end() - range.begin();
  }
  queue_.push_back({.result = ToStatus(error),
                    .stream = server.stream,
                    .bytes = 0,
                    .server = IndexOf(server),
                    .booking = std::move(booking)});
  return false;
}

bool RemoteReceivingChannel::OnVerdict(Server& server,
                                       EpochLedger::Verdict verdict) {
  if (verdict == EpochLedger::Verdict::kForeign) {
    queue_.push_back(
        {.result = absl::DataLossError(absl::StrCat(
             "gateway at ", server.gateway_address,
             ": sent a batch of another channel, or beyond the epoch's last")),
         .stream = server.stream,
         .bytes = 0});
    return false;
  }
  ++(verdict == EpochLedger::Verdict::kDuplicate ? stats_.duplicates
                                                 : stats_.stale);
  return true;
}

void RemoteReceivingChannel::OnEpochEnd(Server& server,
                                        const v1::EpochEnd& end) {
  if (!server.ledger->IsEndOfThis(end)) {
    ++stats_.stale;
    return;
  }
  EndServer(server, server.ledger->OnEpochEnd(end));
}

void RemoteReceivingChannel::EndServer(Server& server, absl::Status status) {
  // What was cancelled was not lost.
  if (!absl::IsCancelled(status)) {
    stats_.missing += server.ledger->num_missing();
  }
  server.state = State::kEnded;
  --running_;
  if (!status.ok()) queue_.push_back({.result = std::move(status)});
}

void RemoteReceivingChannel::OnEnd(std::shared_ptr<GatewayStream> stream,
                                   const absl::Status& status) {
  MutexLock lock(&mutex_);
  --open_streams_;
  Server* const server = FindServer(stream.get());
  ended_streams_.push_back(std::move(stream));
  if (server == nullptr) return;
  server->stream = nullptr;
  if (server->state != State::kStreaming) return;
  // A gateway that hangs up in the middle has gone away, whatever it calls it.
  Break(*server,
        status.ok() ? absl::UnavailableError("the stream was closed") : status);
}

void RemoteReceivingChannel::Break(Server& server, const absl::Status& status) {
  const absl::Time now = absl::Now();
  if (server.progress) {
    server.progress = false;
    server.backoff->Reset();
    server.give_up_at = now + options_.recovery_timeout;
  }
  const absl::Duration wait = server.backoff->Next();
  const std::string what = absl::StrCat(
      "channel ", server.ledger->channel_id(), ", epoch ",
      server.ledger->epoch(), ", gateway at ", server.gateway_address);
  // A gateway that finds no channel does not know why: its pool may have ended,
  // or our lease run out. start_epoch asks the registry, whose word is final.
  const bool is_gone =
      server.state == State::kStreaming && absl::IsNotFound(status);
  if (!is_gone && !IsWorthResuming(status)) {
    EndServer(server, WithContext(status, what));
  } else if (now + wait >= server.give_up_at) {
    EndServer(
        server,
        WithContext(status, absl::StrCat(what, ": could not be resumed within ",
                                         absl::FormatDuration(
                                             options_.recovery_timeout))));
  } else {
    server.state = State::kBroken;
    server.retry_at = now + wait;
    recovery_news_ = true;
  }
}

RemoteReceivingChannel::Server* RemoteReceivingChannel::FirstToRetry() {
  Server* first = nullptr;
  for (Server& server : servers_) {
    if (server.state == State::kBroken &&
        (first == nullptr || server.retry_at < first->retry_at)) {
      first = &server;
    }
  }
  return first;
}

void RemoteReceivingChannel::RunRecovery() {
  while (true) {
    size_t index = 0;
    {
      MutexLock lock(&mutex_);
      const Server* const first = FirstToRetry();
      recovery_news_ = false;
      mutex_.AwaitWithDeadline(
          absl::Condition(this, &RemoteReceivingChannel::RecoveryHasNews),
          first == nullptr ? absl::InfiniteFuture() : first->retry_at);
      if (stopping_) return;
      const Server* const due = FirstToRetry();
      if (due == nullptr || due->retry_at > absl::Now()) continue;
      index = IndexOf(*due);
    }
    Recover(index);
  }
}

void RemoteReceivingChannel::Recover(size_t index) {
  uint64_t generation = 0;
  uint64_t epoch = 0;
  uint32_t attempt = 0;
  std::vector<v1::BatchRange> held;
  std::vector<std::shared_ptr<GatewayStream>> ended;  // let go of unlocked
  {
    MutexLock lock(&mutex_);
    ended.swap(ended_streams_);
    Server& server = servers_[index];
    if (server.state != State::kBroken) return;  // a new epoch began
    server.state = State::kRecovering;
    server.ledger->NextAttempt();
    generation = generation_;
    epoch = server.ledger->epoch();
    attempt = server.ledger->attempt();
    held = server.ledger->held();
  }
  const absl::StatusOr<SamplingChannel> channel =
      options_.start_epoch(index, epoch, attempt, held);
  std::shared_ptr<GatewayStream> stream;
  {
    MutexLock lock(&mutex_);
    Server& server = servers_[index];
    if (generation != generation_ || server.state != State::kRecovering) {
      return;
    }
    if (!channel.ok()) {
      Break(server, channel.status());
      return;
    }
    ++stats_.recoveries;
    stream = Attach(server, *channel);
  }
  stream->Start();
}

}  // namespace fairlead
