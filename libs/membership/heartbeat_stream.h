#ifndef FAIRLEAD_LIBS_MEMBERSHIP_HEARTBEAT_STREAM_H_
#define FAIRLEAD_LIBS_MEMBERSHIP_HEARTBEAT_STREAM_H_

#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {

// RegistryService.Heartbeat as one member makes it: a beat, an answer, a beat.
// Cancel() may come from any thread, all else from one.
class HeartbeatStream final
    : private grpc::ClientBidiReactor<v1::HeartbeatRequest,
                                      v1::HeartbeatResponse> {
 public:
  // Opens the stream.
  HeartbeatStream(const std::shared_ptr<grpc::Channel>& registry,
                  const v1::HeartbeatRequest& beat);
  // Hangs up, and waits until gRPC is done.
  ~HeartbeatStream() override;

  // Sends a beat and waits for its answer. After an error the stream is over:
  // DEADLINE_EXCEEDED if there was no answer in time, otherwise how the
  // registry or the network ended it.
  absl::StatusOr<v1::HeartbeatResponse> Beat(absl::Duration timeout)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends a Beat() that waits.
  void Cancel() { context_.TryCancel(); }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  bool IsAnswered() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return broken_ || (has_written_ && has_read_);
  }
  bool IsDone() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return done_.has_value();
  }
  // Waits for the end of the stream, and says how it was.
  absl::Status AwaitEnd() ABSL_LOCKS_EXCLUDED(mutex_);

  v1::RegistryService::Stub stub_;
  const v1::HeartbeatRequest beat_;
  grpc::ClientContext context_;
  v1::HeartbeatResponse response_;

  Mutex mutex_;
  bool has_written_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_read_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_held_ ABSL_GUARDED_BY(mutex_) = true;  // OnDone waits for us
  std::optional<absl::Status> done_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_MEMBERSHIP_HEARTBEAT_STREAM_H_
