#ifndef FAIRLEAD_SERVICES_REGISTRY_GATHER_CALLS_H_
#define FAIRLEAD_SERVICES_REGISTRY_GATHER_CALLS_H_

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

// The AllGather calls that wait for others. None costs a thread. Thread-safe.
class GatherCalls {
 public:
  // `core` must outlive the calls.
  explicit GatherCalls(RegistryCore& core) : core_(core) {}

  // Writes the caller's value down, and answers when all are there. The reactor
  // of the call, which has its place among its client's streams, or is refused;
  // `response` lives as long as it.
  grpc::ServerUnaryReactor* AllGather(
      const Caller& caller, const v1::AllGatherRequest& asked,
      v1::AllGatherResponse& response,
      absl::StatusOr<rpc::OpenStreams::Place> place)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The state is another: whoever has all values now is answered.
  void OnChanged() ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends every call with UNAVAILABLE: to be made again, elsewhere or later.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Call;

  std::vector<std::shared_ptr<Call>> Calls() ABSL_LOCKS_EXCLUDED(mutex_);
  void Forget(const Call* call) ABSL_LOCKS_EXCLUDED(mutex_);

  RegistryCore& core_;
  Mutex mutex_;
  std::vector<std::shared_ptr<Call>> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_GATHER_CALLS_H_
