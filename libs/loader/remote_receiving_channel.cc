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
#include "libs/loader/epoch_reception.h"
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

// A wait this long is one that a person would notice (parity DS-02).
constexpr absl::Duration kStall = absl::Seconds(1);

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
      buffers_((MaxPrefetch(options_) + 1) * options_.num_servers,
               options_.landing.allocate),
      reception_(options_.num_servers,
                 {.prefetch_size = options_.prefetch_size,
                  .max_prefetch_size = options_.max_prefetch_size,
                  .credit_bytes = options_.credit_bytes,
                  .recovery_timeout = options_.recovery_timeout}),
      gateways_(options_.num_servers),
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
    for (size_t i = 0; i < options_.num_servers; ++i) {
      const ServerEpoch& last = reception_.server(i);
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
    starting_ += clock_.MonotonicNow() - before;
    for (size_t i = 0; i < options_.num_servers; ++i) {
      if (!parts[i].has_value()) continue;
      reception_.Start(i, std::move(parts[i]->ledger),
                       absl::Uniform<uint64_t>(random_));
      streams.push_back(Attach(i, parts[i]->channel));
    }
  }
  for (const auto& stream : streams) stream->Start();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<ReceivedBatch>> RemoteReceivingChannel::Recv() {
  EpochReception::Next next;
  std::shared_ptr<GatewayStream> stream;
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
    waited_ += now - before;
    if (now - before >= kStall) ++stalls_;
    if (cancelled_) return absl::CancelledError("the channel was cancelled");
    if (!reception_.has_next()) return std::nullopt;
    next = reception_.Take(waited_, now);
    stream = gateways_[next.server].stream;
    is_last = reception_.IsConsumed(next.server);
  }
  if (next.returns_credit && stream != nullptr) {
    std::optional<v1::ConsumedBatch> consumed;
    if (next.result.ok() && next.result->delivery.timeline()) {
      consumed = Consumed(*next.result);
    }
    stream->Grant(next.messages, next.bytes, consumed);
  }
  if (is_last && stream != nullptr) stream->Finish();
  if (!next.result.ok()) return std::move(next.result).status();
  return std::optional<ReceivedBatch>(*std::move(next.result));
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
  std::vector<v1::EpochProgress> progress(options_.num_servers);
  for (size_t i = 0; i < options_.num_servers; ++i) {
    if (IsActive(options_, i)) progress[i] = reception_.progress(i);
  }
  return progress;
}

RemoteReceivingChannel::Stats RemoteReceivingChannel::stats() const {
  MutexLock lock(&mutex_);
  Stats stats = reception_.stats();
  stats.recoveries = recoveries_;
  stats.waited = waited_;
  stats.stalls = stalls_;
  stats.decoding = decoding_;
  stats.landing = landing_;
  stats.starting = starting_;
  return stats;
}

void RemoteReceivingChannel::DropEpoch() {
  // Those of the epoch before had all of this one to end in.
  for (const auto& stream : finishing_) stream->Cancel();
  for (size_t i = 0; i < gateways_.size(); ++i) {
    const auto stream = std::exchange(gateways_[i].stream, nullptr);
    if (stream == nullptr) continue;
    if (reception_.IsConsumed(i)) {
      finishing_.push_back(stream);
    } else {
      stream->Cancel();
    }
  }
  reception_.Drop();
  recovery_news_ = true;
}

std::shared_ptr<GatewayStream> RemoteReceivingChannel::Attach(
    size_t server, const SamplingChannel& channel) {
  Gateway& gateway = gateways_[server];
  if (gateway.connection == nullptr ||
      gateway.address != channel.gateway_address) {
    gateway.address = channel.gateway_address;
    gateway.connection =
        rpc::MakeChannel(channel.gateway_address, options_.security);
  }
  GatewayStream::Listener* const listener = this;
  gateway.stream = std::make_shared<GatewayStream>(
      gateway.connection,
      reception_.Attach(server, channel, clock_.MonotonicNow()), clock_,
      listener);
  ++open_streams_;
  return gateway.stream;
}

std::optional<size_t> RemoteReceivingChannel::ServerOf(
    const GatewayStream* stream) const {
  for (size_t i = 0; i < gateways_.size(); ++i) {
    if (gateways_[i].stream.get() == stream) return i;
  }
  return std::nullopt;
}

void RemoteReceivingChannel::OnResponse(
    const std::shared_ptr<GatewayStream>& stream, grpc::ByteBuffer& response) {
  const absl::Duration now = clock_.MonotonicNow();
  absl::StatusOr<DecodedResponse> decoded =
      DecodeReceiveResponse(response, buffers_);
  const absl::Duration decoded_at = clock_.MonotonicNow();
  if (decoded.ok() && std::holds_alternative<EncodedBatch>(decoded->event)) {
    const absl::Status landed =
        Land(options_.landing, std::get<EncodedBatch>(decoded->event));
    if (!landed.ok()) decoded = landed;
  }
  const absl::Duration landed_at = clock_.MonotonicNow();
  uint64_t batch_bytes = 0;
  EpochReception::Reply reply = EpochReception::Reply::kNone;
  {
    MutexLock lock(&mutex_);
    decoding_ += decoded_at - now;
    landing_ += landed_at - decoded_at;
    const std::optional<size_t> server = ServerOf(stream.get());
    if (!server.has_value() || !IsStreaming(*server)) return;
    if (!decoded.ok()) {
      reception_.OnUnreadable(*server, decoded.status(), response.Length(),
                              now);
    } else if (auto* end = std::get_if<v1::EpochEnd>(&decoded->event)) {
      reception_.OnEpochEnd(*server, *end);
    } else if (auto* error = std::get_if<v1::BatchError>(&decoded->event)) {
      reply = reception_.OnBatchError(*server, *error, now);
    } else {
      auto& batch = std::get<EncodedBatch>(decoded->event);
      batch_bytes = batch.bytes;
      reply =
          reception_.OnBatch(*server, std::move(batch), decoded->delivery, now);
    }
    if (reception_.IsConsumed(*server)) stream->Finish();
  }
  if (reply == EpochReception::Reply::kCutOff) stream->Cancel();
  if (reply == EpochReception::Reply::kReturnCredit) {
    stream->Grant(1, batch_bytes);
  }
}

void RemoteReceivingChannel::OnEnd(std::shared_ptr<GatewayStream> stream,
                                   const absl::Status& status) {
  MutexLock lock(&mutex_);
  --open_streams_;
  const std::optional<size_t> server = ServerOf(stream.get());
  finishing_.erase(std::remove(finishing_.begin(), finishing_.end(), stream),
                   finishing_.end());
  ended_streams_.push_back(std::move(stream));
  if (!server.has_value()) return;
  gateways_[*server].stream = nullptr;
  if (!IsStreaming(*server)) return;
  // A gateway that hangs up in the middle has gone away, whatever it calls it.
  Break(*server,
        status.ok() ? absl::UnavailableError("the stream was closed") : status);
}

void RemoteReceivingChannel::Break(size_t server, const absl::Status& status) {
  if (reception_.Break(server, status, absl::Now())) recovery_news_ = true;
}

void RemoteReceivingChannel::RunRecovery() {
  while (true) {
    size_t server = 0;
    {
      MutexLock lock(&mutex_);
      const std::optional<size_t> first = reception_.FirstToRetry();
      recovery_news_ = false;
      mutex_.AwaitWithDeadline(
          absl::Condition(this, &RemoteReceivingChannel::RecoveryHasNews),
          first.has_value() ? reception_.server(*first).retry_at()
                            : absl::InfiniteFuture());
      if (stopping_) return;
      const std::optional<size_t> due = reception_.FirstToRetry();
      if (!due.has_value() ||
          reception_.server(*due).retry_at() > absl::Now()) {
        continue;
      }
      server = *due;
    }
    Recover(server);
  }
}

void RemoteReceivingChannel::Recover(size_t server) {
  uint64_t generation = 0;
  uint64_t epoch = 0;
  uint32_t attempt = 0;
  std::vector<v1::BatchRange> held;
  std::vector<std::shared_ptr<GatewayStream>> ended;  // let go of unlocked
  {
    MutexLock lock(&mutex_);
    ended.swap(ended_streams_);
    const ServerEpoch& broken = reception_.server(server);
    if (broken.state() != ServerEpoch::State::kBroken) return;  // a new epoch
    reception_.Recover(server);
    generation = generation_;
    epoch = broken.ledger().epoch();
    attempt = broken.ledger().attempt();
    held = broken.ledger().held();
  }
  const absl::StatusOr<SamplingChannel> channel =
      options_.start_epoch(server, epoch, attempt, held);
  std::shared_ptr<GatewayStream> stream;
  {
    MutexLock lock(&mutex_);
    if (generation != generation_ ||
        reception_.server(server).state() != ServerEpoch::State::kRecovering) {
      return;
    }
    if (!channel.ok()) {
      Break(server, channel.status());
      return;
    }
    ++recoveries_;
    stream = Attach(server, *channel);
  }
  stream->Start();
}

}  // namespace fairlead
