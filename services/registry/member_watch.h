#ifndef FAIRLEAD_SERVICES_REGISTRY_MEMBER_WATCH_H_
#define FAIRLEAD_SERVICES_REGISTRY_MEMBER_WATCH_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/open_streams.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_core.h"

namespace fairlead {

// The WatchMembers calls that are open. One that waits costs no thread; one
// whose reader is slow collects what changed, and sends it at once when it
// can. Thread-safe.
class MemberWatch {
 public:
  // `core` must outlive the calls.
  explicit MemberWatch(const RegistryCore& core) : core_(core) {}

  // The reactor of a new call, which has its place among its client's streams;
  // or is refused, if it has none.
  grpc::ServerWriteReactor<v1::WatchMembersResponse>* Watch(
      const v1::WatchMembersRequest& request,
      absl::StatusOr<rpc::OpenStreams::Place> place)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // These members came, changed or went.
  void OnChanged(const absl::btree_set<uint64_t>& member_ids)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends every call with UNAVAILABLE.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Call;

  void Forget(const Call* call) ABSL_LOCKS_EXCLUDED(mutex_);

  const RegistryCore& core_;
  Mutex mutex_;
  std::vector<std::shared_ptr<Call>> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_MEMBER_WATCH_H_
