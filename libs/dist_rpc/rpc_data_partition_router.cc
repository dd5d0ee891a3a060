#include "libs/dist_rpc/rpc_data_partition_router.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

namespace fairlead {

RpcDataPartitionRouter::Route::~Route() {
  if (router_ == nullptr) return;
  MutexLock lock(&router_->mutex_);
  --router_->loads_.at(*worker_).outstanding;
}

void RpcDataPartitionRouter::Route::ReportFailure() {
  const absl::Duration now = router_->clock_.MonotonicNow();
  MutexLock lock(&router_->mutex_);
  router_->loads_.at(*worker_).paused_until =
      now + router_->options_.failure_pause;
}

RpcDataPartitionRouter::RpcDataPartitionRouter(
    PartitionToWorkers partition_to_workers, Options options,
    const Clock* clock)
    : partition_to_workers_(std::move(partition_to_workers)),
      options_(std::move(options)),
      clock_(*clock) {
  for (const std::vector<std::string>& workers : partition_to_workers_) {
    for (const std::string& worker : workers) loads_[worker];
  }
}

absl::StatusOr<std::unique_ptr<RpcDataPartitionRouter>>
RpcDataPartitionRouter::Create(PartitionToWorkers partition_to_workers,
                               Options options, const Clock* clock) {
  for (size_t p = 0; p < partition_to_workers.size(); ++p) {
    if (!partition_to_workers[p].empty()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("partition_to_workers: partition ", p, " of ",
                     partition_to_workers.size(), " has no worker"));
  }
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<RpcDataPartitionRouter>(new RpcDataPartitionRouter(
      std::move(partition_to_workers), std::move(options), clock));
}

absl::StatusOr<RpcDataPartitionRouter::Route>
RpcDataPartitionRouter::GetToWorker(uint32_t partition) {
  if (partition >= partition_to_workers_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("partition: there is no ", partition, "; there are ",
                     partition_to_workers_.size(), ", counted from 0"));
  }
  const std::vector<std::string>& workers = partition_to_workers_[partition];
  const absl::Duration now = clock_.MonotonicNow();
  MutexLock lock(&mutex_);
  const std::string* best = nullptr;
  std::optional<std::tuple<bool, uint64_t, uint64_t>> least;
  for (const std::string& worker : workers) {
    if (options_.is_there != nullptr && !options_.is_there(worker)) continue;
    const Load& load = loads_.at(worker);
    const std::tuple rank(load.paused_until > now, load.outstanding,
                          load.last_turn);
    if (least.has_value() && *least <= rank) continue;
    least = rank;
    best = &worker;
  }
  if (best == nullptr) {
    return absl::UnavailableError(absl::StrCat(
        "partition ", partition,
        ": all that serve it are gone: ", absl::StrJoin(workers, ", ")));
  }
  Load& load = loads_.at(*best);
  ++load.outstanding;
  load.last_turn = ++turns_;
  return Route(this, best);
}

uint64_t RpcDataPartitionRouter::outstanding(const std::string& worker) const {
  MutexLock lock(&mutex_);
  const auto it = loads_.find(worker);
  return it == loads_.end() ? 0 : it->second.outstanding;
}

}  // namespace fairlead
