#ifndef FAIRLEAD_LIBS_MEMBERSHIP_MEMBERSHIP_H_
#define FAIRLEAD_LIBS_MEMBERSHIP_MEMBERSHIP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "libs/rpc/readiness.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead::rpc {
class Security;
}

namespace fairlead {

class HeartbeatStream;

// A process's place in the cluster: joins the registry, renews its lease, joins
// again when a registry has forgotten it or was restarted, and leaves when it
// is destroyed.
//
// A process is replaced when another joins under its name: say, one that stood
// still for longer than its lease, and was started anew elsewhere. It is told
// when it next renews; from then on it neither renews nor joins nor leaves, so
// that the two never fight over the place.
//
// One thread of its own. Thread-safe.
class Membership {
 public:
  struct Options {
    // host:port; or ip:port of each of several registries, with commas.
    std::string registry;
    std::shared_ptr<rpc::Security> security = nullptr;  // null: plain text
    v1::JoinRequest member;  // what to say of oneself
    absl::Duration connect_timeout = absl::Seconds(60);

    // Called after every Join, with the channel to the registry, before Start()
    // returns and later from the thread. After an error Start() goes on as
    // after one of Join; the thread joins again. May be empty.
    std::function<absl::Status(const v1::JoinResponse&,
                               const std::shared_ptr<grpc::Channel>&)>
        on_joined;

    // Held for "joining" until a Join, with its `on_joined`, has gone through,
    // and again from when the registry says that the lease has run out. While a
    // registry is only away it stays as it is: that stops nothing. Held for
    // "draining" while the registry has the member out of service, of which it
    // hears within a third of a lease. May be null; must outlive the
    // membership.
    rpc::Readiness* readiness = nullptr;

    // Called when it is heard that the registry has taken the member out of
    // service (DrainMember), and not again before it is back. Must call nothing
    // of the membership. May be empty.
    std::function<void()> on_draining;

    // Called at most once, from the thread: status() is not OK any more, and
    // the process should end. May be empty.
    std::function<void()> on_replaced;
  };

  // Joins, trying until `connect_timeout` while the registry cannot be
  // reached; then UNAVAILABLE, naming its address. Any other answer of the
  // registry is final and comes back as it is.
  static absl::StatusOr<std::unique_ptr<Membership>> Start(Options options);

  // Leaves, if a registry can be reached.
  ~Membership();

  // ABORTED, naming who has its place, once it has been replaced.
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Renews the lease now, or joins again if it has run out. How many have run
  // out so far: if more than before, what was made under the one before is
  // gone. As status() if it was replaced; otherwise as the registry answers.
  absl::StatusOr<uint64_t> ConfirmLease() ABSL_LOCKS_EXCLUDED(mutex_);

  // Says another address of this process: joins again with it. As
  // ConfirmLease(), and UNAVAILABLE or DEADLINE_EXCEEDED if no registry
  // answers: it is said then when one does.
  absl::Status SetAddress(const std::string& address)
      ABSL_LOCKS_EXCLUDED(renewing_, mutex_);

  uint64_t member_id() const ABSL_LOCKS_EXCLUDED(mutex_);
  uint32_t rank() const ABSL_LOCKS_EXCLUDED(mutex_);
  const std::string& registry() const { return options_.registry; }
  // Of whatever else this process speaks with.
  const std::shared_ptr<rpc::Security>& security() const {
    return options_.security;
  }

  // For other calls to the same registry.
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  explicit Membership(Options options);

  absl::Status Join() ABSL_LOCKS_EXCLUDED(mutex_);
  void SetJoined(bool joined);
  void SetDraining(bool draining) ABSL_EXCLUSIVE_LOCKS_REQUIRED(renewing_);
  // Renews the lease, or joins again if that is what it takes.
  absl::StatusOr<absl::Duration> Renew() ABSL_LOCKS_EXCLUDED(renewing_, mutex_);
  absl::StatusOr<absl::Duration> JoinAgain()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(renewing_) ABSL_LOCKS_EXCLUDED(mutex_);
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  const std::shared_ptr<grpc::Channel> channel_;

  // One beat on the stream, which is opened if there is none.
  absl::StatusOr<v1::HeartbeatResponse> Beat()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(renewing_) ABSL_LOCKS_EXCLUDED(mutex_);

  // Held over the calls of one renewal.
  Mutex renewing_ ABSL_ACQUIRED_BEFORE(mutex_);
  bool must_join_ ABSL_GUARDED_BY(renewing_) = false;
  bool is_draining_ ABSL_GUARDED_BY(renewing_) = false;

  mutable Mutex mutex_;
  // Made and let go of with renewing_ held; cancelled by whoever ends it.
  std::shared_ptr<HeartbeatStream> stream_ ABSL_GUARDED_BY(mutex_);
  std::string address_ ABSL_GUARDED_BY(mutex_);
  v1::JoinResponse joined_ ABSL_GUARDED_BY(mutex_);
  uint64_t leases_lost_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status replaced_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

// The default name of a service's member: its host's name and `what`, so that
// a restart on the same host keeps it.
std::string DefaultMemberName(const std::string& what);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_MEMBERSHIP_MEMBERSHIP_H_
