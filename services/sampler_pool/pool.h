#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_H_

#include <cstdint>
#include <deque>
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
#include "libs/batch_maker/prepared_batch.h"
#include "libs/clock/clock.h"
#include "libs/cuda/accelerator.h"
#include "libs/dist_graph/row_gather.h"
#include "libs/fair_scheduler/fair_scheduler.h"
#include "libs/graph/dataset.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/row_cache/row_cache.h"
#include "libs/shm_channel/crash_note.h"
#include "libs/shm_channel/doorbell.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"
#include "services/sampler_pool/channel_table.h"
#include "services/sampler_pool/pool_metrics.h"

namespace fairlead {

struct PoolOptions {
  std::string shm_dir;               // where segments are made
  uint64_t shm_budget_bytes = 0;     // of all segments together
  uint64_t memory_budget_bytes = 0;  // of all lists of seeds; 0 for any
  int workers = 1;                   // sampling threads
  uint64_t max_channels = 1024;
  SchedulerOptions scheduler = {};
  // Whether channels that are not here are UNAVAILABLE until Reconcile().
  bool awaits_assignments = false;

  // How many times in a row a batch may kill the process while nothing else is
  // sampled, before it is failed untried; 0 for any number.
  uint32_t poison_attempts = 0;

  // Memory for rows of other partitions that are asked for often.
  uint64_t feature_cache_bytes = 0;

  // A GPU that does what it can of each batch, of the pool's dataset; null for
  // the CPU alone. Must outlive the pool.
  cuda::Accelerator* accelerator = nullptr;

  // For tests of what fails: asked before each try at a batch, by workers.
  std::function<absl::Status(uint64_t channel_id, uint64_t batch_index)>
      inject_failure = nullptr;
};

// Makes the batches of many channels with a few worker threads, and hands them
// to the channels' consumers through shared memory.
//
// A worker asks the table of channels for work, samples its topology, reserves
// exactly the space it needs, and gathers the features straight into it.
// Nothing here ever blocks on a channel (see ChannelTable), nor on another
// partition: a batch that needs something of one is put aside until that has
// answered, and its worker takes up another.
//
// A batch that kills the process would do so again and again. So what was in
// workers' hands when the one before this died is suspect: each of these is
// worked on while no other worker does anything, until it is done, or has died
// so often that it is poisonous.
//
// Thread-safe. Knows no gRPC.
class Pool {
 public:
  // `dataset`, `clock` and `metrics` must outlive the pool. `remote` asks other
  // partitions; may be null where the dataset has one.
  static absl::StatusOr<std::unique_ptr<Pool>> Start(
      const Dataset& dataset, const PoolOptions& options, const Clock& clock,
      PoolMetrics& metrics, std::unique_ptr<RemotePartitions> remote = nullptr);

  // Lets the batches in the making come to an end, and removes every segment.
  ~Pool();

  // The calls of protos/fairlead/v1/sampler_pool.proto, with its codes.
  absl::StatusOr<v1::RegisterInputResponse> RegisterInput(
      const v1::ChannelSpec& spec) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::PlanSamplingInputResponse> PlanInput(
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
  PoolSnapshot TakeSnapshot() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::AttachConsumerResponse> AttachConsumer(
      const v1::AttachConsumerRequest& request) ABSL_LOCKS_EXCLUDED(mutex_);

  std::vector<uint64_t> channel_ids() ABSL_LOCKS_EXCLUDED(mutex_);

  // Batches that wait for other partitions, now.
  uint64_t num_put_aside() const ABSL_LOCKS_EXCLUDED(mutex_);
  RowCache::Counts cache_counts() const { return caches_.counts(); }

  // Makes the pool hold these channels, and of `held_before`, which it held
  // when their list was asked for, no others. Returns why some could not be
  // made, one error each; that is no reason not to serve the others.
  std::vector<absl::Status> Reconcile(const std::vector<uint64_t>& held_before,
                                      const std::vector<v1::ChannelSpec>& specs)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // As the table of channels keeps it while it waits for room.
  struct Batch final : public PreparedBatch, public MadeBatch {
    uint64_t bytes() const override { return PreparedBatch::bytes(); }

    void NoteRemoteWait(absl::Duration wait) {
      remote += wait;
      if (trace.sampled_ns() == 0) remote_in_sampling += wait;
    }

    absl::Duration remote;              // waited for other partitions
    absl::Duration remote_in_sampling;  // of this, for their neighbours
    absl::Duration made_at;             // if there was no room for it then
  };

  using Work = ChannelTable::Work;
  using Outcome = ChannelTable::Outcome;

  // A piece of work in a worker's hands, or put aside.
  struct Task {
    CrashNote::Work name() const {
      return {work.plan->fingerprint(), work.run->epoch, work.batch_index};
    }

    Work work;
    std::unique_ptr<Batch> batch;  // null where work.made is there
    absl::Duration cost = absl::ZeroDuration();  // so far
    int tries = 1;
    bool is_begun = false;
    absl::Status fetched;   // what became of what it waited for
    absl::Status poisoned;  // why it is not even tried
  };

  Pool(const Dataset& dataset, const PoolOptions& options, const Clock& clock,
       PoolMetrics& metrics, std::unique_ptr<Doorbell> doorbell,
       std::unique_ptr<CrashNote> note,
       std::unique_ptr<RemotePartitions> remote);

  void RunWorker(int worker);
  void RunDoorbell();

  // The next piece of work, in the worker's hands until EndTurn(); null once
  // the pool shuts down.
  std::unique_ptr<Task> WaitForWork() ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Null if there is nothing that may be begun now.
  std::unique_ptr<Task> NextTask(absl::Duration now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether it must be alone; notes in it why it is not to be tried, if so.
  bool IsSuspect(Task& task) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndTurn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // One that has a sampler for the plan, if there is.
  std::unique_ptr<Batch> TakeSpare(const ChannelPlan& plan)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Gives a channel its buffer if it has none: that may take time.
  absl::Status EnsureBuffer(const ChannelTable::ChannelPtr& channel)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Does one piece of work, as far as it goes, without the lock. Nullopt if it
  // waits for other partitions.
  std::optional<Outcome> Do(Task& task, absl::Status* error)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // True once its message is planned; several times, if the channel wants that.
  absl::StatusOr<bool> Prepare(Task& task);
  absl::Status Restart(Task& task);
  // Lets go of it until other partitions have answered.
  void PutAside(std::unique_ptr<Task> task) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Commit(const Work& work, Batch& batch,
                      ShmReservation& reservation);

  const Dataset& dataset_;
  const PoolOptions options_;
  const Clock& clock_;
  PoolMetrics& metrics_;
  const std::unique_ptr<Doorbell> doorbell_;
  const RowCaches caches_;
  std::unique_ptr<RemotePartitions> remote_;

  mutable Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  ChannelTable table_ ABSL_GUARDED_BY(mutex_);
  // Its slots are the workers'; the rest is guarded by mutex_. Null if nobody
  // is to be suspected.
  const std::unique_ptr<CrashNote> note_;
  int busy_ ABSL_GUARDED_BY(mutex_) = 0;  // workers with work in their hands
  bool one_is_alone_ ABSL_GUARDED_BY(mutex_) = false;  // of these
  // Waits until all hands are empty, as does whoever would come after it.
  std::unique_ptr<Task> suspect_ ABSL_GUARDED_BY(mutex_);
  // Other partitions have answered; they go before what is new.
  std::deque<std::unique_ptr<Task>> resumed_ ABSL_GUARDED_BY(mutex_);
  uint64_t put_aside_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Batch>> spares_ ABSL_GUARDED_BY(mutex_);

  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_H_
