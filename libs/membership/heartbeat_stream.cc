#include "libs/membership/heartbeat_stream.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/status_conversion.h"

namespace fairlead {

HeartbeatStream::HeartbeatStream(const std::shared_ptr<grpc::Channel>& registry,
                                 const v1::HeartbeatRequest& beat)
    : stub_(registry), beat_(beat) {
  stub_.async()->Heartbeat(&context_, this);
  AddHold();  // beats are begun outside of gRPC's calls
  StartCall();
}

HeartbeatStream::~HeartbeatStream() {
  context_.TryCancel();
  AwaitEnd().IgnoreError();
}

absl::StatusOr<v1::HeartbeatResponse> HeartbeatStream::Beat(
    absl::Duration timeout) {
  {
    MutexLock lock(&mutex_);
    has_written_ = false;
    has_read_ = false;
    if (!broken_) {
      StartWrite(&beat_);
      StartRead(&response_);
    }
    const bool answered = mutex_.AwaitWithTimeout(
        absl::Condition(this, &HeartbeatStream::IsAnswered), timeout);
    if (answered && !broken_) return response_;
    if (!answered) {
      broken_ = true;
      context_.TryCancel();
    }
    if (!answered) {
      return absl::DeadlineExceededError(
          absl::StrCat("the registry did not answer a heartbeat within ",
                       absl::FormatDuration(timeout)));
    }
  }
  return AwaitEnd();
}

absl::Status HeartbeatStream::AwaitEnd() {
  bool was_held = false;
  {
    MutexLock lock(&mutex_);
    was_held = std::exchange(is_held_, false);
  }
  if (was_held) RemoveHold();
  MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &HeartbeatStream::IsDone));
  // One that the registry closes as if all were well is over all the same.
  return done_->ok() ? absl::UnavailableError("the registry hung up") : *done_;
}

void HeartbeatStream::OnReadDone(bool ok) {
  MutexLock lock(&mutex_);
  (ok ? has_read_ : broken_) = true;
}

void HeartbeatStream::OnWriteDone(bool ok) {
  MutexLock lock(&mutex_);
  (ok ? has_written_ : broken_) = true;
}

void HeartbeatStream::OnDone(const grpc::Status& status) {
  MutexLock lock(&mutex_);
  done_ = rpc::ToAbslStatus(status);
}

}  // namespace fairlead
