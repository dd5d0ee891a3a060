#ifndef FAIRLEAD_LIBS_MEMBERSHIP_MEMBER_WATCH_H_
#define FAIRLEAD_LIBS_MEMBERSHIP_MEMBER_WATCH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace grpc {
class ClientContext;
}

namespace fairlead::rpc {
class Security;
}

namespace fairlead {

// Who is in the cluster, kept up to date by RegistryService.WatchMembers: those
// whose lease runs out are gone from it. While the registry is away it stays as
// it was last.
//
// One thread of its own. Thread-safe.
class MemberWatch {
 public:
  using Members = std::map<std::string, v1::Member>;  // by name

  struct Options {
    std::string registry;                               // as Membership's
    std::shared_ptr<rpc::Security> security = nullptr;  // likewise
    v1::Role role = v1::ROLE_UNSPECIFIED;               // every role
    std::string name_prefix = {};  // only members whose names begin so
    absl::Duration connect_timeout = absl::Seconds(60);
    // Called with them at first and after each change, by this one's thread; no
    // more once it is destroyed. Must be quick, and call nothing of this class.
    std::function<void(const Members&)> on_change = nullptr;
  };

  // Returns once it knows who is there. DEADLINE_EXCEEDED, naming the registry,
  // if that does not answer in time.
  static absl::StatusOr<std::unique_ptr<MemberWatch>> Start(Options options);
  ~MemberWatch();

  Members members() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether there is a member of that name.
  bool Has(const std::string& name) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Rises with every change.
  uint64_t version() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Waits until `holds` of the members; false if it does not by the deadline.
  // `holds` is called from any thread, under a lock: it must be quick and call
  // nothing of this class.
  bool Await(absl::FunctionRef<bool(const Members&)> holds,
             absl::Time deadline) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Waits until version() is another than that; false as above.
  bool AwaitChange(uint64_t version, absl::Time deadline) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Has what Await() waits for looked at again, since it is of something else,
  // too, and that has changed.
  void Reconsider() const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
  }

 private:
  explicit MemberWatch(Options options);

  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  void Apply(const v1::WatchMembersResponse& response, bool is_first)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  const std::shared_ptr<grpc::Channel> channel_;

  mutable Mutex mutex_;
  Members members_ ABSL_GUARDED_BY(mutex_);
  uint64_t version_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: nothing is known yet
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);  // how the last stream ended

  std::thread thread_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_MEMBERSHIP_MEMBER_WATCH_H_
