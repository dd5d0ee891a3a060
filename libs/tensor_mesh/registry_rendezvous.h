#ifndef FAIRLEAD_LIBS_TENSOR_MESH_REGISTRY_RENDEZVOUS_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_REGISTRY_RENDEZVOUS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "grpcpp/grpcpp.h"
#include "libs/membership/membership.h"
#include "libs/membership/rendezvous.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"

namespace fairlead {

// A rendezvous through the registry: a member is gone when its lease is. The
// name of a mesh must not have been used by an earlier run, for the registry
// remembers.
//
// Unlike the others it waits until the deadline for a member that is gone
// before it gave anything; one that took part and died is UNAVAILABLE at once.
class RegistryRendezvous final : public MeshRendezvous {
 public:
  // `membership` is of ROLE_TRAINER, and must outlive this.
  RegistryRendezvous(Membership* membership, uint32_t member)
      : membership_(*membership), member_(member) {}
  ~RegistryRendezvous() override { WatchGone(nullptr); }

  absl::StatusOr<std::vector<std::string>> AllGather(
      const std::string& key, absl::Span<const uint32_t> members,
      const std::string& value, absl::Time deadline) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void WatchGone(std::function<void(uint32_t member)> on_gone) override
      ABSL_LOCKS_EXCLUDED(watch_mutex_, mutex_);

 private:
  // Reads the registry's stream until WatchGone ends it.
  void Watch(const std::function<void(uint32_t)>& on_gone)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void ReadStream(const std::function<void(uint32_t)>& on_gone,
                  std::set<uint32_t>& told) ABSL_LOCKS_EXCLUDED(mutex_);

  Membership& membership_;
  const uint32_t member_;

  Mutex watch_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  std::thread watch_ ABSL_GUARDED_BY(watch_mutex_);

  Mutex mutex_;
  // By key without its number: the rounds of barriers are one group's.
  std::map<std::string, std::shared_ptr<Rendezvous>> groups_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, uint32_t> number_of_
      ABSL_GUARDED_BY(mutex_);  // by name
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<grpc::ClientContext> stream_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_REGISTRY_RENDEZVOUS_H_
