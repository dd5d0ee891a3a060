#include "services/channel_gateway/fetch_call.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/clock/clock.h"
#include "libs/rpc/open_streams.h"
#include "libs/rpc/status_conversion.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "services/channel_gateway/parse_request.h"
#include "services/channel_gateway/response_frame.h"

namespace fairlead {
namespace {

// Parity DS-02.
constexpr absl::Duration kSlowFetch = absl::Seconds(1);

}  // namespace

FetchCall::FetchCall(std::optional<std::string> job, Delivery& delivery,
                     const Clock& clock, GatewayMetrics& metrics,
                     grpc::ByteBuffer* response)
    : job_(std::move(job)),
      delivery_(delivery),
      clock_(clock),
      metrics_(metrics),
      response_(response),
      since_(clock.MonotonicNow()) {}

void FetchCall::Start(std::shared_ptr<FetchCall> self,
                      const grpc::ByteBuffer& bytes,
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
  if (!ParseRequest(bytes, &request) || request.channel_id() == 0) {
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

void FetchCall::OnCancel() { Finish(absl::CancelledError("the caller left")); }

void FetchCall::OnDone() {
  delivery_.Unsubscribe(channel_id_, this);
  alarm_.Cancel();
  self_.reset();
}

bool FetchCall::Send(DeliveredMessage& message) {
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

void FetchCall::Finish(const absl::Status& why) {
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

void FetchCall::CountIfSlow() {
  if (clock_.MonotonicNow() - since_ >= kSlowFetch) {
    metrics_.slow_fetches.Increment();
  }
}

}  // namespace fairlead
