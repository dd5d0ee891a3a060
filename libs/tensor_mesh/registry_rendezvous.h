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
#include "libs/membership/member_watch.h"
#include "libs/membership/membership.h"
#include "libs/membership/rendezvous.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"

namespace fairlead {

// A rendezvous through the registry: a member is gone when its lease is. The
// name of a mesh must not have been used by an earlier run, for the registry
// remembers.
class RegistryRendezvous final : public MeshRendezvous {
 public:
  // What a member of a job has to join the registry as, with ROLE_TRAINER: so
  // that the others know who it was that left.
  static std::string NameOf(const std::string& job, uint32_t member);

  // `membership` is NameOf(job, member)'s, and must outlive this; otherwise
  // FAILED_PRECONDITION. DEADLINE_EXCEEDED if the registry does not answer.
  static absl::StatusOr<std::unique_ptr<RegistryRendezvous>> Join(
      Membership* membership, const std::string& job, uint32_t member);
  ~RegistryRendezvous() override;

  absl::StatusOr<std::vector<std::string>> AllGather(
      const std::string& key, absl::Span<const uint32_t> members,
      const std::string& value, absl::Time deadline) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void WatchGone(std::function<void(uint32_t member)> on_gone) override
      ABSL_LOCKS_EXCLUDED(call_mutex_, mutex_);

 private:
  RegistryRendezvous(Membership* membership, std::string job, uint32_t member,
                     std::unique_ptr<MemberWatch> living);

  // Those that were there and are not.
  std::set<uint32_t> Gone(const MemberWatch::Members& living)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Tell(const std::set<uint32_t>& gone) ABSL_LOCKS_EXCLUDED(call_mutex_);
  // Looks at every change of who is there, and tells.
  void Run() ABSL_LOCKS_EXCLUDED(call_mutex_, mutex_);

  Membership& membership_;
  const std::string job_;
  const uint32_t member_;
  const std::unique_ptr<MemberWatch> living_;

  // Held over a call of on_gone_, so that WatchGone waits for it.
  Mutex call_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  std::function<void(uint32_t)> on_gone_ ABSL_GUARDED_BY(call_mutex_);
  std::set<uint32_t> told_ ABSL_GUARDED_BY(call_mutex_);

  Mutex mutex_;
  // By key without its number: the rounds of barriers are one group's.
  std::map<std::string, std::shared_ptr<Rendezvous>> groups_
      ABSL_GUARDED_BY(mutex_);
  std::set<uint32_t> known_ ABSL_GUARDED_BY(mutex_);  // that were ever there
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_REGISTRY_RENDEZVOUS_H_
