#ifndef FAIRLEAD_LIBS_TENSOR_MESH_REGISTRY_RENDEZVOUS_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_REGISTRY_RENDEZVOUS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/membership/member_watch.h"
#include "libs/membership/membership.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"

namespace fairlead {

// A rendezvous through the registry: a member's line is its address there, and
// goes with its lease.
class RegistryRendezvous final : public MeshRendezvous {
 public:
  // What a member of a job has to join the registry as, with ROLE_TRAINER: so
  // that the others know who it is.
  static std::string NameOf(const std::string& job, uint32_t member);

  // `membership` is NameOf(job, member)'s, and must outlive this; otherwise
  // FAILED_PRECONDITION. DEADLINE_EXCEEDED if the registry does not answer.
  // Whoever joined the registry last under that name is the member.
  static absl::StatusOr<std::unique_ptr<RegistryRendezvous>> Join(
      Membership* membership, const std::string& job, uint32_t member);
  ~RegistryRendezvous() override;

  absl::Status Post(const std::string& line, absl::Time deadline) override;
  void Watch(std::function<void(const Lines&)> on_change) override
      ABSL_LOCKS_EXCLUDED(call_mutex_);

 private:
  RegistryRendezvous(Membership* membership, std::string job,
                     std::unique_ptr<MemberWatch> living);

  Lines LinesOf(const MemberWatch::Members& members) const;
  void Tell() ABSL_LOCKS_EXCLUDED(call_mutex_);
  // Looks at every change of who is there, and tells.
  void Run() ABSL_LOCKS_EXCLUDED(call_mutex_);

  Membership& membership_;
  const std::string job_;
  const std::unique_ptr<MemberWatch> living_;

  // Held over a call of on_change_, so that Watch waits for it.
  Mutex call_mutex_;
  std::function<void(const Lines&)> on_change_ ABSL_GUARDED_BY(call_mutex_);
  Lines told_ ABSL_GUARDED_BY(call_mutex_);

  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_REGISTRY_RENDEZVOUS_H_
