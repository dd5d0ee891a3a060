#include "services/channel_gateway/channel_gateway_service.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "libs/clock/clock.h"
#include "libs/rpc/open_streams.h"
#include "libs/rpc/security.h"
#include "libs/rpc/status_conversion.h"
#include "libs/security/identity.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_message/trace_stamps.h"
#include "libs/timeline/batch_stages.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "services/channel_gateway/delivery.h"
#include "services/channel_gateway/gateway_metrics.h"
#include "services/channel_gateway/response_frame.h"
#include "services/channel_gateway/timeline_log.h"

namespace fairlead {
namespace {

// Parity DS-02.
constexpr absl::Duration kSlowFetch = absl::Seconds(1);

// Reads a request off the wire. The reader leaves `bytes` as it was.
template <typename Request>
bool Parse(const grpc::ByteBuffer& bytes, Request* request) {
  grpc::ByteBuffer copy(bytes);  // shares the slices
  grpc::ProtoBufferReader reader(&copy);
  return reader.status().ok() && request->ParseFromZeroCopyStream(&reader);
}

// The job that calls; null where that cannot be known.
std::optional<std::string> JobOf(const grpc::ServerContextBase& context) {
  std::optional<security::Identity> caller = rpc::CallerOf(context);
  if (!caller.has_value()) return std::nullopt;
  return std::move(caller->job);
}

// All that is known of a batch when it is sent.
v1::BatchTimeline SentTimeline(uint64_t channel_id,
                               const DeliveredMessage& message,
                               absl::Duration now) {
  v1::BatchTimeline timeline;
  timeline.set_channel_id(channel_id);
  timeline.set_epoch(message.tag().epoch);
  timeline.set_batch_index(message.tag().batch_index);
  timeline.set_attempt(message.tag().attempt);
  timeline.set_bytes(message.bytes().size());
  if (auto stamps = ReadTraceStamps(message.bytes())) {
    *timeline.mutable_pool() = *std::move(stamps);
  }
  v1::DeliveryStamps& delivery = *timeline.mutable_delivery();
  delivery.set_received_ns(
      static_cast<uint64_t>(absl::ToInt64Nanoseconds(message.received())));
  delivery.set_sent_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(now)));
  delivery.set_timeline(true);
  return timeline;
}

// Of a batch that was consumed.
CreditHeld HeldIn(const BatchStages& stages) {
  // The way back, with the credit, is what `error_ns` is of.
  return {
      .by_network = absl::Nanoseconds(stages.DurationNs(BatchStage::kNetwork) +
                                      stages.error_ns),
      .by_trainer = absl::Nanoseconds(stages.DurationNs(BatchStage::kConsume))};
}

// One trainer's stream. Owned by itself until gRPC is done with it, and by
// Delivery for as long as it may call.
//
//   reading ── Subscribe ──► Delivery ── Send ──► writing ── OnWriteDone ──┐
//      ▲          Credit        ▲                                          │
//      └────────────────────────┴──────────────── OnSent ◄─────────────────┘
class ReceiveStream final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public MessageSink,
      public std::enable_shared_from_this<ReceiveStream> {
 public:
  // `number` is no other stream's.
  ReceiveStream(std::optional<std::string> job, Delivery& delivery,
                const Clock& clock, GatewayMetrics& metrics,
                TimelineLog& timelines, uint64_t number,
                std::atomic<int64_t>& streams)
      : job_(std::move(job)),
        delivery_(delivery),
        clock_(clock),
        metrics_(metrics),
        timelines_(timelines),
        number_(number),
        streams_(streams),
        last_sampled_(clock.MonotonicNow()) {}

  void Start(std::shared_ptr<ReceiveStream> self,
             rpc::OpenStreams::Place place) {
    self_ = std::move(self);
    place_ = std::move(place);
    StartRead(&request_);
  }
  void Refuse(std::shared_ptr<ReceiveStream> self, const absl::Status& why) {
    self_ = std::move(self);
    Finish(why);
  }

  // --- from gRPC
  // ---------------------------------------------------------------
  void OnReadDone(bool ok) override {
    if (!ok) {  // the trainer said its last word, or is gone
      Finish(absl::OkStatus());
      return;
    }
    v1::ReceiveRequest request;
    if (!Parse(request_, &request)) {
      Finish(absl::InvalidArgumentError("request: is no ReceiveRequest"));
      return;
    }
    const absl::Status status = Handle(request);
    if (!status.ok()) {
      Finish(status);
      return;
    }
    StartRead(&request_);
  }

  void OnWriteDone(bool ok) override {
    std::optional<absl::Status> finish;
    {
      MutexLock lock(&mutex_);
      writing_ = false;
      response_.Clear();
      finish = finish_after_write_;
    }
    if (finish.has_value()) {
      grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>::Finish(
          rpc::ToGrpcStatus(*finish));
    } else if (!ok) {
      Finish(absl::UnavailableError("the stream broke"));
    } else {
      delivery_.OnSent(channel_id_.load(), this);
    }
  }

  void OnCancel() override { Finish(absl::CancelledError("the trainer left")); }

  void OnDone() override {
    delivery_.Unsubscribe(channel_id_.load(), this);
    streams_.fetch_sub(1);
    self_.reset();
  }

  // --- from Delivery
  // -----------------------------------------------------------
  std::optional<std::string> job() const override { return job_; }
  bool Send(DeliveredMessage& message) override {
    MutexLock lock(&mutex_);
    if (finished_ || writing_) return false;
    writing_ = true;
    const absl::Duration now = clock_.MonotonicNow();
    const bool is_sampled = timelines_.IsSampled(
        channel_id_.load(), message.tag(), now - last_sampled_);
    if (is_sampled) {  // before the trainer can answer
      last_sampled_ = now;
      timelines_.OnSent(number_,
                        SentTimeline(channel_id_.load(), message, now));
    }
    response_ = FrameReceiveResponse(message, now, is_sampled);
    metrics_.encode_seconds.Observe(
        absl::ToDoubleSeconds(clock_.MonotonicNow() - now));
    StartWrite(&response_);
    return true;
  }

  void Finish(const absl::Status& why) override {
    {
      MutexLock lock(&mutex_);
      if (finished_) return;
      finished_ = true;
      // A stream is finished once, and not while it writes.
      if (writing_) {
        finish_after_write_ = why;
        return;
      }
    }
    grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>::Finish(
        rpc::ToGrpcStatus(why));
  }

 private:
  absl::Status Handle(const v1::ReceiveRequest& request) {
    if (request.consumed_size() > 0) {
      const absl::Duration now = clock_.MonotonicNow();
      CreditHeld held;
      for (const v1::ConsumedBatch& consumed : request.consumed()) {
        const std::optional<BatchStages> stages =
            timelines_.OnConsumed(number_, consumed, now);
        if (stages.has_value()) held += HeldIn(*stages);
      }
      delivery_.AddCreditHeld(channel_id_.load(), this, held);
    }
    switch (request.request_case()) {
      case v1::ReceiveRequest::kSubscribe: {
        const v1::Subscribe& subscribe = request.subscribe();
        if (subscribe.channel_id() == 0) {
          return absl::InvalidArgumentError(
              "subscribe.channel_id: 0 is never an id");
        }
        const uint64_t before = channel_id_.exchange(subscribe.channel_id());
        if (before != 0 && before != subscribe.channel_id()) {
          return absl::InvalidArgumentError(absl::StrCat(
              "subscribe.channel_id: this stream receives channel ", before,
              "; open another stream for channel ", subscribe.channel_id()));
        }
        delivery_.Subscribe(subscribe.channel_id(),
                            {subscribe.epoch(), subscribe.attempt()},
                            subscribe.credit().messages(),
                            subscribe.credit().bytes(), shared_from_this());
        return absl::OkStatus();
      }
      case v1::ReceiveRequest::kCredit:
        if (channel_id_.load() == 0) break;
        delivery_.AddCredit(channel_id_.load(), this,
                            request.credit().messages(),
                            request.credit().bytes());
        return absl::OkStatus();
      case v1::ReceiveRequest::REQUEST_NOT_SET:
        if (channel_id_.load() == 0 || request.consumed_size() == 0) break;
        return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        "request: the first message of a stream must be a Subscribe, later "
        "ones a Subscribe, a Credit, or say what was consumed");
  }

  const std::optional<std::string> job_;
  Delivery& delivery_;
  const Clock& clock_;
  GatewayMetrics& metrics_;
  TimelineLog& timelines_;
  const uint64_t number_;
  std::atomic<int64_t>& streams_;
  std::shared_ptr<ReceiveStream> self_;
  rpc::OpenStreams::Place place_;
  grpc::ByteBuffer request_;
  std::atomic<uint64_t> channel_id_{0};  // 0 until subscribed

  Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  // When a batch was; at first, when the stream began.
  absl::Duration last_sampled_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> finish_after_write_ ABSL_GUARDED_BY(mutex_);
  grpc::ByteBuffer response_ ABSL_GUARDED_BY(mutex_);
};

// One unary fetch: a reader with credit for one message, and a deadline.
class FetchCall final : public grpc::ServerUnaryReactor,
                        public MessageSink,
                        public std::enable_shared_from_this<FetchCall> {
 public:
  FetchCall(std::optional<std::string> job, Delivery& delivery,
            const Clock& clock, GatewayMetrics& metrics,
            grpc::ByteBuffer* response)
      : job_(std::move(job)),
        delivery_(delivery),
        clock_(clock),
        metrics_(metrics),
        response_(response),
        since_(clock.MonotonicNow()) {}

  void Start(std::shared_ptr<FetchCall> self, const grpc::ByteBuffer& bytes,
             absl::StatusOr<rpc::OpenStreams::Place> place) {
    // It may be over, and done with, before this returns.
    const std::shared_ptr<FetchCall> alive = self;
    self_ = std::move(self);
    if (!place.ok()) {
      Finish(place.status());
      return;
    }
    place_ = *std::move(place);
    v1::FetchMessageRequest request;
    if (!Parse(bytes, &request) || request.channel_id() == 0) {
      Finish(absl::InvalidArgumentError(
          "request: must be a FetchMessageRequest with a channel_id"));
      return;
    }
    channel_id_ = request.channel_id();
    delivery_.Subscribe(channel_id_, {request.epoch(), request.attempt()},
                        /*credit_messages=*/1, /*credit_bytes=*/1,
                        shared_from_this());
    const absl::Duration wait = absl::Seconds(request.wait().seconds()) +
                                absl::Nanoseconds(request.wait().nanos());
    // The alarm keeps its function for as long as it lives, which is as long
    // as this does: the function must not keep this alive in turn.
    alarm_.Set(absl::ToChronoTime(absl::Now() + wait),
               [call = weak_from_this()](bool /*expired*/) {
                 if (const auto late = call.lock()) {
                   late->Finish(absl::DeadlineExceededError(
                       "no message came within `wait`"));
                 }
               });
  }

  void OnCancel() override { Finish(absl::CancelledError("the caller left")); }

  void OnDone() override {
    delivery_.Unsubscribe(channel_id_, this);
    alarm_.Cancel();
    self_.reset();
  }

  std::optional<std::string> job() const override { return job_; }
  bool Send(DeliveredMessage& message) override {
    {
      MutexLock lock(&mutex_);
      if (finished_) return false;
      finished_ = true;
    }
    const absl::Duration now = clock_.MonotonicNow();
    *response_ = FrameFetchResponse(message, now);
    metrics_.encode_seconds.Observe(
        absl::ToDoubleSeconds(clock_.MonotonicNow() - now));
    metrics_.fetched_messages.Increment();
    CountIfSlow();
    grpc::ServerUnaryReactor::Finish(grpc::Status::OK);
    return true;
  }

  void Finish(const absl::Status& why) override {
    {
      MutexLock lock(&mutex_);
      if (finished_) return;
      finished_ = true;
    }
    (absl::IsDeadlineExceeded(why) ? metrics_.fetch_timeouts
                                   : metrics_.fetch_errors)
        .Increment();
    CountIfSlow();
    grpc::ServerUnaryReactor::Finish(rpc::ToGrpcStatus(why));
  }

 private:
  void CountIfSlow() {
    if (clock_.MonotonicNow() - since_ >= kSlowFetch) {
      metrics_.slow_fetches.Increment();
    }
  }

  const std::optional<std::string> job_;
  rpc::OpenStreams::Place place_;
  Delivery& delivery_;
  const Clock& clock_;
  GatewayMetrics& metrics_;
  grpc::ByteBuffer* const response_;
  const absl::Duration since_;
  std::shared_ptr<FetchCall> self_;
  uint64_t channel_id_ = 0;
  grpc::Alarm alarm_;

  Mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
ChannelGatewayService::Receive(grpc::CallbackServerContext* context) {
  auto stream = std::make_shared<ReceiveStream>(
      JobOf(*context), delivery_, clock_, metrics_, timelines_,
      streams_.fetch_add(1), subscriptions_);
  ReceiveStream* reactor = stream.get();
  absl::StatusOr<rpc::OpenStreams::Place> place =
      open_.Open(rpc::ClientOf(*context));
  if (subscriptions_.fetch_add(1) >= max_subscriptions_) {
    reactor->Refuse(std::move(stream),
                    absl::ResourceExhaustedError(absl::StrCat(
                        "this channel gateway has --max_subscriptions=",
                        max_subscriptions_, " streams already")));
  } else if (!place.ok()) {
    reactor->Refuse(std::move(stream), place.status());
  } else {
    reactor->Start(std::move(stream), *std::move(place));
  }
  return reactor;
}

grpc::ServerUnaryReactor* ChannelGatewayService::Fetch(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  auto call = std::make_shared<FetchCall>(JobOf(*context), delivery_, clock_,
                                          metrics_, response);
  FetchCall* reactor = call.get();
  reactor->Start(std::move(call), *request,
                 open_.Open(rpc::ClientOf(*context)));
  return reactor;
}

grpc::ServerUnaryReactor* ChannelGatewayService::ListTimelines(
    grpc::CallbackServerContext* context,
    const v1::ListTimelinesRequest* request,
    v1::ListTimelinesResponse* response) {
  for (v1::BatchTimeline& timeline :
       timelines_.List(request->channel_id(), request->limit())) {
    *response->add_timelines() = std::move(timeline);
  }
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace fairlead
