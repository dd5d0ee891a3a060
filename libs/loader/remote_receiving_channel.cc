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
#include "libs/loader/epoch_start.h"
#include "libs/loader/gateway_stream.h"
#include "libs/loader/receive_response.h"
#include "libs/loader/receiving_options.h"
#include "libs/loader/sampling_input.h"
#include "libs/loader/server_epoch.h"
#include "libs/rpc/channel.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

absl::Status WithContext(const absl::Status& status, absl::string_view what) {
  return {status.code(),
          absl::StrCat(what, ": ", std::string(status.message()))};
}

// How long a gateway may take to end a stream that has come to its end.
constexpr absl::Duration kFinishing = absl::Seconds(5);

// What the gateway is told of a batch, but for when that was written.
v1::ConsumedBatch Consumed(const ReceivedBatch& batch) {
  v1::ConsumedBatch consumed;
  consumed.set_epoch(batch.message.header.epoch());
  consumed.set_batch_index(batch.message.header.batch_index());
  consumed.set_received_ns(
      static_cast<uint64_t>(absl::ToInt64Nanoseconds(batch.received)));
  consumed.set_consumed_ns(
      static_cast<uint64_t>(absl::ToInt64Nanoseconds(batch.consumed)));
  return consumed;
}

using State = ServerEpoch::State;

}  // namespace

absl::StatusOr<std::unique_ptr<RemoteReceivingChannel>>
RemoteReceivingChannel::Create(Options options) {
  FAIRLEAD_RETURN_IF_ERROR(Validate(options));
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<RemoteReceivingChannel>(
      new RemoteReceivingChannel(std::move(options)));
}

RemoteReceivingChannel::RemoteReceivingChannel(Options options)
    : options_(std::move(options)),
      // One more than can be waiting, for the batch that the trainer works on.
      buffers_((options_.prefetch_size + 1) * options_.num_servers),
      servers_(options_.num_servers,
               {.epoch = ServerEpoch(
                    {.prefetch_size = options_.prefetch_size,
                     .credit_bytes = options_.credit_bytes,
                     .recovery_timeout = options_.recovery_timeout})}),
      recovery_([this] { RunRecovery(); }) {}

RemoteReceivingChannel::~RemoteReceivingChannel() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    DropEpoch();
  }
  recovery_.join();
  MutexLock lock(&mutex_);
  // These end by themselves, unless their gateway is stuck.
  mutex_.AwaitWithTimeout(
      absl::Condition(this, &RemoteReceivingChannel::AllStreamsEnded),
      kFinishing);
  for (const auto& stream : finishing_) stream->Cancel();
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
      const ServerEpoch& last = servers_[i].epoch;
      if (last.has_ledger() && last.ledger().epoch() == epoch) {
        attempts[i] = last.ledger().attempt() + 1;
      }
    }
  }
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<std::optional<StartedPart>> parts,
                            StartOnServers(options_, epoch, attempts, had));
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
      if (!parts[i].has_value()) continue;
      Server& server = servers_[i];
      server.epoch.Start(std::move(parts[i]->ledger),
                         absl::Uniform<uint64_t>(random_));
      ++running_;
      streams.push_back(Attach(server, parts[i]->channel));
    }
  }
  for (const auto& stream : streams) stream->Start();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<ReceivedBatch>> RemoteReceivingChannel::Recv() {
  Item item;
  std::optional<v1::ConsumedBatch> consumed;
  bool is_last = false;
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
      if (item.result->delivery.timeline()) consumed = Consumed(*item.result);
    }
    if (item.stream != nullptr) {
      Server* server = FindServer(item.stream.get());
      if (server != nullptr) {
        server->epoch.ReturnCredit();
        is_last = IsConsumed(*server);
      }
      ++stats_.requested;
    }
  }
  if (item.stream != nullptr) {
    item.stream->Grant(1, item.bytes, consumed);
    if (is_last) item.stream->Finish();
  }
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
    if (!IsActive(options_, i)) continue;
    std::vector<const EpochLedger::Booking*> not_yet;
    for (const Item& item : queue_) {
      if (item.server == i) not_yet.push_back(&item.booking);
    }
    progress[i] = servers_[i].epoch.ledger().ProgressWithout(not_yet);
  }
  return progress;
}

RemoteReceivingChannel::Stats RemoteReceivingChannel::stats() const {
  MutexLock lock(&mutex_);
  Stats stats = stats_;
  stats.queued = queue_.size();
  return stats;
}

bool RemoteReceivingChannel::IsConsumed(const Server& server) const {
  return server.epoch.state() == State::kEnded &&
         std::none_of(queue_.begin(), queue_.end(), [&](const Item& item) {
           return item.stream == server.stream;
         });
}

void RemoteReceivingChannel::DropEpoch() {
  // Those of the epoch before had all of this one to end in.
  for (const auto& stream : finishing_) stream->Cancel();
  for (Server& server : servers_) {
    if (server.stream != nullptr && IsConsumed(server)) {
      finishing_.push_back(std::move(server.stream));
    } else if (server.stream != nullptr) {
      server.stream->Cancel();
    }
    server.stream = nullptr;
    server.epoch.End();
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
  const size_t index = IndexOf(server);
  ServerEpoch::Waiting waiting;
  for (const Item& item : queue_) {
    if (!item.result.ok() || item.result->server != index) continue;
    ++waiting.batches;
    waiting.bytes += item.bytes;
  }
  const v1::Subscribe subscribe = server.epoch.Attach(channel, waiting);
  stats_.requested += server.epoch.credit();
  GatewayStream::Listener* const listener = this;
  server.stream =
      std::make_shared<GatewayStream>(server.gateway, subscribe, clock_,
                                      listener);
  for (Item& item : queue_) {
    if (item.result.ok() && item.result->server == index) {
      item.stream = server.stream;
    }
  }
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
  const absl::Duration now = clock_.MonotonicNow();
  absl::StatusOr<DecodedResponse> decoded =
      DecodeReceiveResponse(response, buffers_);
  const uint64_t response_bytes = response.Length();
  bool give_back = false;
  uint64_t give_back_bytes = 0;
  {
    MutexLock lock(&mutex_);
    Server* const server = FindServer(stream.get());
    if (server == nullptr || server->epoch.state() != State::kStreaming) return;
    if (!decoded.ok()) {
      // It took a batch's credit, as far as can be known.
      server->epoch.TakeCredit();
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
    if (!server->epoch.TakeCredit()) {
      EndServer(*server,
                absl::InternalError(absl::StrCat(
                    "gateway at ", server->gateway_address,
                    ": sent more than the trainer gave it credit for")));
      stream->Cancel();
      return;
    }
    if (auto* error = std::get_if<v1::BatchError>(&decoded->event)) {
      give_back = OnBatchError(*server, *error);
    } else {
      auto& batch = std::get<EncodedBatch>(decoded->event);
      give_back_bytes = batch.bytes;
      give_back = OnBatch(*server, stream, std::move(batch), decoded->delivery,
                          now);
    }
    if (give_back) {
      server->epoch.ReturnCredit();
      ++stats_.requested;
    }
  }
  if (give_back) stream->Grant(1, give_back_bytes);
}

bool RemoteReceivingChannel::OnBatch(
    Server& server, const std::shared_ptr<GatewayStream>& stream,
    EncodedBatch batch, const v1::DeliveryStamps& delivery,
    absl::Duration now) {
  EpochLedger::Booking booking;
  const EpochLedger::Verdict verdict =
      server.epoch.OnBatch(batch.message.header, batch.seed_digest, &booking);
  if (verdict != EpochLedger::Verdict::kNew) return OnVerdict(server, verdict);
  const uint64_t bytes = batch.bytes;
  ReceivedBatch received;
  received.message = std::move(batch.message);
  received.buffer = std::move(batch.buffer);
  received.bytes = bytes;
  received.server = IndexOf(server);
  received.delivery = delivery;
  received.received = now;
  queue_.push_back({.result = std::move(received),
                    .stream = stream,
                    .bytes = bytes,
                    .server = IndexOf(server),
                    .booking = std::move(booking)});
  return false;
}

bool RemoteReceivingChannel::OnBatchError(Server& server,
                                          const v1::BatchError& error) {
  EpochLedger::Booking booking;
  const EpochLedger::Verdict verdict =
      server.epoch.OnBatchError(error, &booking);
  if (verdict != EpochLedger::Verdict::kNew) return OnVerdict(server, verdict);
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
  if (!server.epoch.ledger().IsEndOfThis(end)) {
    ++stats_.stale;
    return;
  }
  EndServer(server, server.epoch.ledger().OnEpochEnd(end));
}

void RemoteReceivingChannel::EndServer(Server& server, absl::Status status) {
  // What was cancelled was not lost.
  if (!absl::IsCancelled(status)) {
    stats_.missing += server.epoch.ledger().num_missing();
  }
  server.epoch.End();
  --running_;
  if (server.stream != nullptr && IsConsumed(server)) server.stream->Finish();
  if (!status.ok()) queue_.push_back({.result = std::move(status)});
}

void RemoteReceivingChannel::OnEnd(std::shared_ptr<GatewayStream> stream,
                                   const absl::Status& status) {
  MutexLock lock(&mutex_);
  --open_streams_;
  Server* const server = FindServer(stream.get());
  finishing_.erase(std::remove(finishing_.begin(), finishing_.end(), stream),
                   finishing_.end());
  ended_streams_.push_back(std::move(stream));
  if (server == nullptr) return;
  server->stream = nullptr;
  if (server->epoch.state() != State::kStreaming) return;
  // A gateway that hangs up in the middle has gone away, whatever it calls it.
  Break(*server,
        status.ok() ? absl::UnavailableError("the stream was closed") : status);
}

void RemoteReceivingChannel::Break(Server& server, const absl::Status& status) {
  std::optional<absl::Status> over = server.epoch.Break(status, absl::Now());
  if (over.has_value()) {
    EndServer(server, *std::move(over));
  } else {
    recovery_news_ = true;
  }
}

RemoteReceivingChannel::Server* RemoteReceivingChannel::FirstToRetry() {
  Server* first = nullptr;
  for (Server& server : servers_) {
    if (server.epoch.state() == State::kBroken &&
        (first == nullptr ||
         server.epoch.retry_at() < first->epoch.retry_at())) {
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
          first == nullptr ? absl::InfiniteFuture() : first->epoch.retry_at());
      if (stopping_) return;
      const Server* const due = FirstToRetry();
      if (due == nullptr || due->epoch.retry_at() > absl::Now()) continue;
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
    if (server.epoch.state() != State::kBroken) return;  // a new epoch began
    server.epoch.Recover();
    generation = generation_;
    epoch = server.epoch.ledger().epoch();
    attempt = server.epoch.ledger().attempt();
    held = server.epoch.ledger().held();
  }
  const absl::StatusOr<SamplingChannel> channel =
      options_.start_epoch(index, epoch, attempt, held);
  std::shared_ptr<GatewayStream> stream;
  {
    MutexLock lock(&mutex_);
    Server& server = servers_[index];
    if (generation != generation_ ||
        server.epoch.state() != State::kRecovering) {
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
