#include "services/registry/etcd_lease.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// A registry that ends is not held up by an etcd that is away: the lease runs
// out by itself.
constexpr absl::Duration kFarewell = absl::Milliseconds(500);

}  // namespace

EtcdLease::EtcdLease(Options options)
    : options_(std::move(options)),
      client_(options_.endpoints, options_.call_deadline, options_.security) {}

absl::StatusOr<std::unique_ptr<EtcdLease>> EtcdLease::Hold(Options options) {
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<EtcdLease> lease(new EtcdLease(std::move(options)));
  FAIRLEAD_RETURN_IF_ERROR(lease->Put());
  lease->thread_ = std::thread([l = lease.get()] { l->Run(); });
  return lease;
}

EtcdLease::~EtcdLease() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  client_.Stop();
  if (thread_.joinable()) thread_.join();
  if (lease_ == 0) return;
  EtcdClient(options_.endpoints, std::min(kFarewell, options_.call_deadline),
             options_.security)
      .RevokeLease(lease_)
      .IgnoreError();
}

absl::Status EtcdLease::Put() {
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t lease,
                            client_.GrantLease(options_.ttl));
  etcdserverpb::PutRequest put;
  put.set_key(options_.key);
  put.set_lease(lease);
  FAIRLEAD_RETURN_IF_ERROR(client_.Put(put));
  lease_ = lease;
  return absl::OkStatus();
}

void EtcdLease::Run() {
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_),
                                  options_.ttl / 3)) {
        return;
      }
    }
    if (lease_ != 0) {
      const absl::StatusOr<bool> alive = client_.KeepAlive(lease_);
      if (alive.ok() && !*alive) lease_ = 0;
    }
    // The calls themselves try again, and after them this loop does.
    if (lease_ == 0) Put().IgnoreError();
  }
}

}  // namespace fairlead
