#ifndef FAIRLEAD_SERVICES_REGISTRY_ETCD_CLIENT_H_
#define FAIRLEAD_SERVICES_REGISTRY_ETCD_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/security.h"
#include "libs/sync/mutex.h"
#include "third_party/etcd/rpc.grpc.pb.h"

namespace fairlead {

// The calls of etcd v3, made to the members of one cluster in turn: one that
// does not answer within a quarter of `call_deadline` makes the next call, and
// the next try of this one, go to the next member. Thread-safe.
//
// All calls fail with UNAVAILABLE, naming the members, if none takes it in
// time; with RESOURCE_EXHAUSTED if etcd finds the request too large; with
// OUT_OF_RANGE if it is about a revision that was compacted.
class EtcdClient {
 public:
  // Each endpoint is host:port. With `security` it is spoken to over TLS, and
  // etcd's certificate must be for that host.
  EtcdClient(const std::vector<std::string>& endpoints,
             absl::Duration call_deadline,
             const std::shared_ptr<rpc::Security>& security = nullptr);

  absl::StatusOr<etcdserverpb::RangeResponse> Range(
      const etcdserverpb::RangeRequest& request);
  absl::Status Put(const etcdserverpb::PutRequest& request);
  absl::Status DeleteRange(const etcdserverpb::DeleteRangeRequest& request);

  // `lost_answer` is set if an earlier try may have been carried out.
  absl::StatusOr<etcdserverpb::TxnResponse> Txn(
      const etcdserverpb::TxnRequest& request, bool* lost_answer);

  // A lease's id. `ttl` is rounded up to seconds, and etcd grants no less than
  // some election timeouts.
  absl::StatusOr<int64_t> GrantLease(absl::Duration ttl);
  absl::Status RevokeLease(int64_t lease);
  // False if there is no such lease any more.
  absl::StatusOr<bool> KeepAlive(int64_t lease);

  // Hands what a watch says to `on_response` until that returns false, the
  // stream breaks, or `deadline` is over; says how it ended.
  absl::Status Watch(
      const etcdserverpb::WatchCreateRequest& request, absl::Duration deadline,
      absl::FunctionRef<bool(const etcdserverpb::WatchResponse&)> on_response);

  // Breaks what is under way: calls are tried again, a watch ends.
  void BreakCalls() ABSL_LOCKS_EXCLUDED(mutex_);
  // Breaks it for good: whatever is called from now on fails.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // "etcd at host:port,host:port", for messages.
  const std::string& name() const { return name_; }

 private:
  struct Member {
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<etcdserverpb::KV::Stub> kv;
    std::unique_ptr<etcdserverpb::Lease::Stub> lease;
    std::unique_ptr<etcdserverpb::Watch::Stub> watch;
  };
  using OneTry =
      absl::FunctionRef<grpc::Status(Member& member, grpc::ClientContext*)>;

  absl::Status Call(OneTry one_try, bool* lost_answer = nullptr)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Sets `sent` unless the member was certainly not asked.
  grpc::Status Try(absl::Time deadline, OneTry one_try, bool* sent)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // What gRPC says, and what may be the mend.
  std::string WhyNotConnected(Member& member) const;
  absl::Status Error(const grpc::Status& status) const;

  const std::string name_;
  const bool is_secure_;
  const absl::Duration call_deadline_;
  std::vector<Member> members_;

  Mutex mutex_;
  size_t current_ ABSL_GUARDED_BY(mutex_) = 0;  // of members_
  std::set<grpc::ClientContext*> under_way_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_ETCD_CLIENT_H_
