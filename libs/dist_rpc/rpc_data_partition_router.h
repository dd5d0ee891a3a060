#ifndef FAIRLEAD_LIBS_DIST_RPC_RPC_DATA_PARTITION_ROUTER_H_
#define FAIRLEAD_LIBS_DIST_RPC_RPC_DATA_PARTITION_ROUTER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/clock/clock.h"
#include "libs/sync/mutex.h"

namespace fairlead {

// By partition the names of the workers that have it.
using PartitionToWorkers = std::vector<std::vector<std::string>>;

// Which of the workers that have a partition to ask (parity GL-127, GL-128:
// there in turn, whether they live or not).
//
//   FAIRLEAD_ASSIGN_OR_RETURN(auto route, router->GetToWorker(partition));
//   const absl::Status status = Ask(route.worker());
//   if (!status.ok()) route.ReportFailure();
//
// Passes over workers that are gone. Among the others it prefers those of
// which no failure was reported for `failure_pause`, then those that have the
// fewest calls outstanding, then the one whose turn it is. Thread-safe.
class RpcDataPartitionRouter {
 public:
  struct Options {
    // Whether a worker is there: for example MemberWatch::Has. Called under a
    // lock; empty means that all are.
    std::function<bool(const std::string&)> is_there = nullptr;
    absl::Duration failure_pause = absl::Seconds(5);
  };

  // A call that is outstanding until this is destroyed. The router must
  // outlive it. Thread-compatible.
  class Route {
   public:
    Route(Route&& other) noexcept
        : router_(std::exchange(other.router_, nullptr)),
          worker_(other.worker_) {}
    Route& operator=(Route&& other) noexcept {
      std::swap(router_, other.router_);
      std::swap(worker_, other.worker_);
      return *this;
    }
    ~Route();

    const std::string& worker() const { return *worker_; }
    // The worker did not answer, or not as it should.
    void ReportFailure();

   private:
    friend class RpcDataPartitionRouter;
    Route(RpcDataPartitionRouter* router, const std::string* worker)
        : router_(router), worker_(worker) {}

    RpcDataPartitionRouter* router_;
    const std::string* worker_;  // the router's
  };

  // `clock` must outlive it. INVALID_ARGUMENT, naming it, if a partition has no
  // worker.
  static absl::StatusOr<std::unique_ptr<RpcDataPartitionRouter>> Create(
      PartitionToWorkers partition_to_workers, Options options,
      const Clock* clock);

  // INVALID_ARGUMENT for a partition that is not; UNAVAILABLE, naming them, if
  // all its workers are gone.
  absl::StatusOr<Route> GetToWorker(uint32_t partition)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Calls that are under way to a worker.
  uint64_t outstanding(const std::string& worker) const
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Load {
    uint64_t outstanding = 0;
    uint64_t last_turn = 0;
    absl::Duration paused_until = -absl::InfiniteDuration();
  };

  RpcDataPartitionRouter(PartitionToWorkers partition_to_workers,
                         Options options, const Clock* clock);

  const PartitionToWorkers partition_to_workers_;
  const Options options_;
  const Clock& clock_;

  mutable Mutex mutex_;
  uint64_t turns_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of all workers, whatever partitions they have. None is added or removed.
  std::map<std::string, Load> loads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_DIST_RPC_RPC_DATA_PARTITION_ROUTER_H_
