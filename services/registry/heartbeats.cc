#include "services/registry/heartbeats.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/open_streams.h"
#include "libs/rpc/status_conversion.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_core.h"
#include "services/registry/registry_state.h"
#include "services/registry/tenancy.h"

namespace fairlead {

// Lives until gRPC is done with it, and for as long as the list has it.
class Heartbeats::Stream final
    : public grpc::ServerBidiReactor<v1::HeartbeatRequest,
                                     v1::HeartbeatResponse> {
 public:
  Stream(Heartbeats& streams, Caller caller)
      : streams_(streams), caller_(std::move(caller)) {
    response_.set_registry_incarnation(streams.core_.incarnation());
  }

  void Start(std::shared_ptr<Stream> self,
             absl::StatusOr<rpc::OpenStreams::Place> place) {
    self_ = std::move(self);
    if (!place.ok()) {
      End(rpc::ToGrpcStatus(place.status()));
      return;
    }
    place_ = *std::move(place);
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      End(grpc::Status::OK);  // the member hung up
      return;
    }
    const absl::Status may =
        streams_.core_.Read([this](const RegistryState& state) {
          return MayActFor(state, caller_, request_.member_id());
        });
    if (!may.ok()) {
      End(rpc::ToGrpcStatus(may));
      return;
    }
    const absl::StatusOr<RegistryState::Renewal> renewal =
        streams_.core_.RenewLease(request_.member_id(), request_.member_name(),
                                  request_.incarnation());
    if (!renewal.ok()) {
      End(rpc::ToGrpcStatus(renewal.status()));
      return;
    }
    MutexLock lock(&mutex_);
    if (finished_) return;
    *response_.mutable_lease() =
        google::protobuf::util::TimeUtil::NanosecondsToDuration(
            absl::ToInt64Nanoseconds(renewal->lease));
    response_.set_draining(renewal->draining);
    writing_ = true;
    StartWrite(&response_);
  }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(&mutex_);
      writing_ = false;
      if (finish_after_write_.has_value()) {
        Finish(*finish_after_write_);
        return;
      }
    }
    if (ok) {
      StartRead(&request_);
    } else {
      End({grpc::StatusCode::UNAVAILABLE, "the stream broke"});
    }
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }
  void OnDone() override {
    streams_.Forget(this);
    self_.reset();
  }

  // A stream is finished once, and not while it writes.
  void End(const grpc::Status& why) {
    MutexLock lock(&mutex_);
    if (finished_) return;
    finished_ = true;
    if (writing_) {
      finish_after_write_ = why;
    } else {
      Finish(why);
    }
  }

 private:
  Heartbeats& streams_;
  const Caller caller_;
  std::shared_ptr<Stream> self_;
  rpc::OpenStreams::Place place_;
  v1::HeartbeatRequest request_;
  v1::HeartbeatResponse response_;

  Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> finish_after_write_ ABSL_GUARDED_BY(mutex_);
};

grpc::ServerBidiReactor<v1::HeartbeatRequest, v1::HeartbeatResponse>*
Heartbeats::Open(const Caller& caller,
                 absl::StatusOr<rpc::OpenStreams::Place> place) {
  auto stream = std::make_shared<Stream>(*this, caller);
  {
    MutexLock lock(&mutex_);
    streams_.push_back(stream);
  }
  stream->Start(stream, std::move(place));
  return stream.get();
}

void Heartbeats::Drain() {
  std::vector<std::shared_ptr<Stream>> streams;
  {
    MutexLock lock(&mutex_);
    streams = streams_;
  }
  for (const auto& stream : streams) {
    stream->End({grpc::StatusCode::UNAVAILABLE,
                 "this registry is being shut down; beat at another"});
  }
}

void Heartbeats::Forget(const Stream* stream) {
  MutexLock lock(&mutex_);
  std::erase_if(streams_, [stream](const std::shared_ptr<Stream>& other) {
    return other.get() == stream;
  });
}

}  // namespace fairlead
