#include "services/channel_gateway/receive_stream.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/clock/clock.h"
#include "libs/rpc/open_streams.h"
#include "libs/rpc/status_conversion.h"
#include "libs/tensor_message/trace_stamps.h"
#include "libs/timeline/batch_stages.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "services/channel_gateway/parse_request.h"
#include "services/channel_gateway/response_frame.h"

namespace fairlead {
namespace {

using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

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

}  // namespace

ReceiveStream::ReceiveStream(std::optional<std::string> job, Delivery& delivery,
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

void ReceiveStream::Start(std::shared_ptr<ReceiveStream> self,
                          rpc::OpenStreams::Place place) {
  self_ = std::move(self);
  place_ = std::move(place);
  StartRead(&request_);
}

void ReceiveStream::Refuse(std::shared_ptr<ReceiveStream> self,
                           const absl::Status& why) {
  self_ = std::move(self);
  Finish(why);
}

void ReceiveStream::OnReadDone(bool ok) {
  if (!ok) {  // the trainer said its last word, or is gone
    Finish(absl::OkStatus());
    return;
  }
  v1::ReceiveRequest request;
  if (!ParseRequest(request_, &request)) {
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

void ReceiveStream::OnWriteDone(bool ok) {
  std::optional<absl::Status> finish;
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    response_.Clear();
    finish = finish_after_write_;
  }
  if (finish.has_value()) {
    Reactor::Finish(rpc::ToGrpcStatus(*finish));
  } else if (!ok) {
    Finish(absl::UnavailableError("the stream broke"));
  } else {
    delivery_.OnSent(channel_id_.load(), this);
  }
}

void ReceiveStream::OnCancel() {
  Finish(absl::CancelledError("the trainer left"));
}

void ReceiveStream::OnDone() {
  delivery_.Unsubscribe(channel_id_.load(), this);
  streams_.fetch_sub(1);
  self_.reset();
}

bool ReceiveStream::Send(DeliveredMessage& message) {
  MutexLock lock(&mutex_);
  if (finished_ || writing_) return false;
  writing_ = true;
  const absl::Duration now = clock_.MonotonicNow();
  const bool is_sampled = timelines_.IsSampled(
      channel_id_.load(), message.tag(), now - last_sampled_);
  if (is_sampled) {  // before the trainer can answer
    last_sampled_ = now;
    timelines_.OnSent(number_, SentTimeline(channel_id_.load(), message, now));
  }
  response_ = FrameReceiveResponse(message, now, is_sampled);
  metrics_.encode_seconds.Observe(
      absl::ToDoubleSeconds(clock_.MonotonicNow() - now));
  StartWrite(&response_);
  return true;
}

void ReceiveStream::Finish(const absl::Status& why) {
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
  Reactor::Finish(rpc::ToGrpcStatus(why));
}

absl::Status ReceiveStream::Handle(const v1::ReceiveRequest& request) {
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
    case v1::ReceiveRequest::kSubscribe:
      return Subscribe(request.subscribe());
    case v1::ReceiveRequest::kCredit:
      if (channel_id_.load() == 0) break;
      delivery_.AddCredit(channel_id_.load(), this, request.credit().messages(),
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

absl::Status ReceiveStream::Subscribe(const v1::Subscribe& subscribe) {
  if (subscribe.channel_id() == 0) {
    return absl::InvalidArgumentError("subscribe.channel_id: 0 is never an id");
  }
  const uint64_t before = channel_id_.exchange(subscribe.channel_id());
  if (before != 0 && before != subscribe.channel_id()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "subscribe.channel_id: this stream receives channel ", before,
        "; open another stream for channel ", subscribe.channel_id()));
  }
  delivery_.Subscribe(subscribe.channel_id(),
                      {subscribe.epoch(), subscribe.attempt()},
                      subscribe.credit().messages(), subscribe.credit().bytes(),
                      shared_from_this());
  return absl::OkStatus();
}

}  // namespace fairlead
