#include "libs/loader/gateway_stream.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/status_conversion.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {
namespace {

constexpr char kReceiveMethod[] = "/fairlead.v1.ChannelGatewayService/Receive";

}  // namespace

GatewayStream::GatewayStream(const std::shared_ptr<grpc::Channel>& gateway,
                             const v1::Subscribe& subscribe, const Clock& clock,
                             Listener* listener)
    : clock_(clock),
      listener_(listener),
      stub_(gateway),
      subscribe_(subscribe) {}

void GatewayStream::Start() {
  self_ = shared_from_this();
  stub_.PrepareBidiStreamingCall(&context_, kReceiveMethod, {}, this);
  // Grant() writes from outside the reactions, which gRPC allows only under a
  // hold; OnReadDone gives it back when the stream ends.
  AddHold();
  StartRead(&response_);
  {
    MutexLock lock(&mutex_);
    v1::ReceiveRequest request;
    *request.mutable_subscribe() = subscribe_;
    Write(std::move(request));
  }
  StartCall();
}

void GatewayStream::Grant(uint64_t messages, uint64_t bytes,
                          const std::optional<v1::ConsumedBatch>& consumed) {
  MutexLock lock(&mutex_);
  if (ended_ || finishing_) return;
  v1::Credit& credit = *pending_.mutable_credit();
  credit.set_messages(credit.messages() + messages);
  credit.set_bytes(credit.bytes() + bytes);
  if (consumed.has_value()) *pending_.add_consumed() = *consumed;
  if (!writing_) Write(std::exchange(pending_, {}));
}

void GatewayStream::Finish() {
  MutexLock lock(&mutex_);
  if (ended_ || finishing_) return;
  finishing_ = true;
  if (!writing_) StartWritesDone();
}

void GatewayStream::Write(v1::ReceiveRequest request) {
  writing_ = true;
  for (v1::ConsumedBatch& consumed : *request.mutable_consumed()) {
    consumed.set_reported_ns(
        static_cast<uint64_t>(absl::ToInt64Nanoseconds(clock_.MonotonicNow())));
  }
  grpc::Slice slice(request.ByteSizeLong());
  request.SerializeToArray(const_cast<uint8_t*>(slice.begin()),
                           static_cast<int>(slice.size()));
  request_ = grpc::ByteBuffer(&slice, 1);
  // gRPC never runs a reaction from within this call, so the lock is safe.
  StartWrite(&request_);
}

void GatewayStream::OnReadDone(bool ok) {
  if (ok) {
    listener_->OnResponse(self_, response_);
    response_.Clear();
    StartRead(&response_);
    return;
  }
  {
    MutexLock lock(&mutex_);
    ended_ = true;
  }
  RemoveHold();
}

void GatewayStream::OnWriteDone(bool ok) {
  MutexLock lock(&mutex_);
  writing_ = false;
  if (!ok || ended_) return;
  if (pending_.has_credit()) {
    Write(std::exchange(pending_, {}));
  } else if (finishing_) {
    StartWritesDone();
  }
}

void GatewayStream::OnDone(const grpc::Status& status) {
  listener_->OnEnd(std::move(self_), rpc::ToAbslStatus(status));
}

}  // namespace fairlead
