#ifndef FAIRLEAD_SERVICES_REGISTRY_ETCD_LEASE_H_
#define FAIRLEAD_SERVICES_REGISTRY_ETCD_LEASE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/sync/mutex.h"
#include "services/registry/etcd_client.h"

namespace fairlead {

// A key in etcd that is there for as long as this object is, and for `ttl` at
// most after its process died. If etcd was away for longer than that, the key
// comes back with it. Thread-compatible.
class EtcdLease {
 public:
  struct Options {
    std::vector<std::string> endpoints;
    std::shared_ptr<rpc::Security> security;
    absl::Duration call_deadline;
    absl::Duration ttl;
    std::string key;
  };

  // UNAVAILABLE.
  static absl::StatusOr<std::unique_ptr<EtcdLease>> Hold(Options options);
  ~EtcdLease();  // deletes the key, if etcd is there to be told

 private:
  explicit EtcdLease(Options options);

  absl::Status Put();
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  EtcdClient client_;
  int64_t lease_ = 0;  // of the thread, while it runs; 0: ran out

  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_ETCD_LEASE_H_
