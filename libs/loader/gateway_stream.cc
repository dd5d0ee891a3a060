#include "libs/loader/gateway_stream.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/status_conversion.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {
namespace {

constexpr char kReceiveMethod[] = "/fairlead.v1.ChannelGatewayService/Receive";

}  // namespace

GatewayStream::GatewayStream(const std::shared_ptr<grpc::Channel>& gateway,
                             const v1::Subscribe& subscribe, Listener* listener)
    : listener_(listener), stub_(gateway), subscribe_(subscribe) {}

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
    Write(request);
  }
  StartCall();
}

void GatewayStream::Grant(uint64_t messages, uint64_t bytes) {
  MutexLock lock(&mutex_);
  if (ended_) return;
  pending_.set_messages(pending_.messages() + messages);
  pending_.set_bytes(pending_.bytes() + bytes);
  if (writing_) return;
  v1::ReceiveRequest request;
  request.mutable_credit()->Swap(&pending_);
  Write(request);
}

void GatewayStream::Write(const v1::ReceiveRequest& request) {
  writing_ = true;
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
  if (!ok || ended_ || (pending_.messages() == 0 && pending_.bytes() == 0)) {
    return;
  }
  v1::ReceiveRequest request;
  request.mutable_credit()->Swap(&pending_);
  Write(request);
}

void GatewayStream::OnDone(const grpc::Status& status) {
  listener_->OnEnd(std::move(self_), rpc::ToAbslStatus(status));
}

}  // namespace fairlead
