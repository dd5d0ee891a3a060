#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/clock/clock.h"
#include "libs/fair_scheduler/fair_scheduler.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/shm_channel/doorbell.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"
#include "services/sampler_pool/channel_table.h"
#include "services/sampler_pool/pool_metrics.h"
#include "services/sampler_pool/prepared_batch.h"

namespace fairlead {

struct PoolOptions {
  std::string shm_dir;            // where segments are made
  uint64_t shm_budget_bytes = 0;  // of all segments together
  int workers = 1;                // sampling threads
  uint64_t max_channels = 1024;
  SchedulerOptions scheduler = {};
  // Whether channels that are not here are UNAVAILABLE until Reconcile().
  bool awaits_assignments = false;

  // For tests of what fails: asked before each try at a batch, by workers.
  std::function<absl::Status(uint64_t channel_id, uint64_t batch_index)>
      inject_failure = nullptr;
};

// Makes the batches of many channels with a few worker threads, and hands them
// to the channels' consumers through shared memory.
//
// A worker asks the table of channels for work, samples its topology, reserves
// exactly the space it needs, and gathers the features straight into it.
// Nothing here ever blocks on a channel (see ChannelTable).
//
// Thread-safe. Knows no gRPC.
class Pool {
 public:
  // `dataset`, `clock` and `metrics` must outlive the pool.
  static absl::StatusOr<std::unique_ptr<Pool>> Start(const Dataset& dataset,
                                                     const PoolOptions& options,
                                                     const Clock& clock,
                                                     PoolMetrics& metrics);

  // Lets the batches in the making come to an end, and removes every segment.
  ~Pool();

  // The calls of protos/fairlead/v1/sampler_pool.proto, with its codes.
  absl::StatusOr<v1::RegisterInputResponse> RegisterInput(
      const v1::ChannelSpec& spec) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::StartEpochResponse> StartEpoch(
      const v1::StartEpochRequest& request) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status CancelEpoch(uint64_t channel_id, uint64_t epoch)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status UpdateInput(uint64_t channel_id,
                           const v1::ChannelControl& control)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void UnregisterInput(uint64_t channel_id) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::ChannelDescription> DescribeInput(uint64_t channel_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<v1::ChannelDescription> DescribeAll() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::AttachConsumerResponse> AttachConsumer(
      const v1::AttachConsumerRequest& request) ABSL_LOCKS_EXCLUDED(mutex_);

  std::vector<uint64_t> channel_ids() ABSL_LOCKS_EXCLUDED(mutex_);

  // Makes the pool hold these channels, and of `held_before`, which it held
  // when their list was asked for, no others. Returns why some could not be
  // made, one error each; that is no reason not to serve the others.
  std::vector<absl::Status> Reconcile(const std::vector<uint64_t>& held_before,
                                      const std::vector<v1::ChannelSpec>& specs)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Work = ChannelTable::Work;
  using Outcome = ChannelTable::Outcome;

  Pool(const Dataset& dataset, const PoolOptions& options, const Clock& clock,
       PoolMetrics& metrics, std::unique_ptr<Doorbell> doorbell);

  void RunWorker();
  void RunDoorbell();

  // The next piece of work; nullopt once the pool shuts down.
  std::optional<Work> WaitForWork() ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Gives a channel its buffer if it has none: that may take time.
  absl::Status EnsureBuffer(const ChannelTable::ChannelPtr& channel)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Does one piece of work without the lock. `scratch` is this worker's to
  // use again; it is gone if the batch waits for room.
  Outcome Do(Work& work, NeighborSampler& sampler,
             std::unique_ptr<PreparedBatch>& scratch, absl::Status* error)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Several times, if the channel wants that.
  absl::Status Prepare(const Work& work, NeighborSampler& sampler,
                       PreparedBatch* batch);
  absl::Status PrepareOnce(const Work& work, NeighborSampler& sampler,
                           PreparedBatch* batch);
  absl::Status Commit(const Work& work, PreparedBatch& batch,
                      ShmReservation& reservation);

  const Dataset& dataset_;
  const PoolOptions options_;
  const Clock& clock_;
  PoolMetrics& metrics_;
  const std::unique_ptr<Doorbell> doorbell_;

  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  ChannelTable table_ ABSL_GUARDED_BY(mutex_);

  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_H_
