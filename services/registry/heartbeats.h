#ifndef FAIRLEAD_SERVICES_REGISTRY_HEARTBEATS_H_
#define FAIRLEAD_SERVICES_REGISTRY_HEARTBEATS_H_

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/open_streams.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_core.h"
#include "services/registry/tenancy.h"

namespace fairlead {

// The Heartbeat streams that are open, one for each member that this registry
// is the home of. None costs a thread. Thread-safe.
class Heartbeats {
 public:
  // `core` must outlive the streams.
  explicit Heartbeats(RegistryCore& core) : core_(core) {}

  // The reactor of a new stream, which has its place among its client's; or is
  // refused, if it has none.
  grpc::ServerBidiReactor<v1::HeartbeatRequest, v1::HeartbeatResponse>* Open(
      const Caller& caller, absl::StatusOr<rpc::OpenStreams::Place> place)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends every stream with UNAVAILABLE: members turn to another registry, or
  // wait for the next one.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Stream;

  void Forget(const Stream* stream) ABSL_LOCKS_EXCLUDED(mutex_);

  RegistryCore& core_;
  Mutex mutex_;
  std::vector<std::shared_ptr<Stream>> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_HEARTBEATS_H_
