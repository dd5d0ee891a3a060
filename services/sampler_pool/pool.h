#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/clock/clock.h"
#include "libs/fair_scheduler/fair_scheduler.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/shm_channel/doorbell.h"
#include "libs/shm_channel/shm_budget.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"
#include "services/sampler_pool/channel_plan.h"
#include "services/sampler_pool/epoch_run.h"
#include "services/sampler_pool/outgoing.h"
#include "services/sampler_pool/pool_metrics.h"

namespace fairlead {

struct PoolOptions {
  std::string shm_dir;            // where segments are made
  uint64_t shm_budget_bytes = 0;  // of all segments together
  int workers = 1;                // sampling threads
  uint64_t max_channels = 1024;
};

// Makes the batches of many channels with a few worker threads, and hands them
// to the channels' consumers through shared memory.
//
// A worker asks the scheduler for a channel, claims that channel's next batch,
// samples its topology, reserves exactly the space it needs, and gathers the
// features straight into it. Nothing here ever blocks on a channel: a batch is
// begun only with a promise of room for what batches of its channel have
// taken so far, and one that turns out larger waits, sampled, outside the
// workers until its consumer frees room (parity W-01, W-12).
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
  void UnregisterInput(uint64_t channel_id) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::ChannelDescription> DescribeInput(uint64_t channel_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::AttachConsumerResponse> AttachConsumer(
      const v1::AttachConsumerRequest& request) ABSL_LOCKS_EXCLUDED(mutex_);

  // Makes the pool hold just these channels. Returns why some could not be
  // made, one error each; that is no reason not to serve the others.
  std::vector<absl::Status> Reconcile(const std::vector<v1::ChannelSpec>& specs)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // A promise of room for a batch that is yet to begin.
  struct HeldCredit {
    ShmCredit credit;
    absl::Duration since;
  };

  // All that the pool knows of a channel. Members that are not const are
  // guarded by mutex_; `producer` has its own synchronisation.
  struct Channel {
    Channel(const v1::ChannelSpec& channel_spec, ChannelPlan channel_plan,
            std::unique_ptr<ShmProducer> channel_producer, uint64_t concurrency)
        : spec(channel_spec),
          plan(std::move(channel_plan)),
          producer(std::move(channel_producer)),
          max_in_flight(concurrency) {}

    const v1::ChannelSpec spec;
    const ChannelPlan plan;
    const std::unique_ptr<ShmProducer> producer;
    const uint64_t max_in_flight;

    std::shared_ptr<EpochRun> run;  // the latest epoch; null before the first
    uint64_t in_flight = 0;         // batches begun and not ended, of any epoch
    uint64_t expected_bytes = 0;    // of the next message
    bool knows_size = false;  // whether expected_bytes is the largest so far
    std::deque<HeldCredit> credits;
    std::deque<Outgoing> outgoing;  // made, waiting for room, in order
    std::shared_ptr<DoorbellRinger> consumer;
    uint32_t consumer_slot = 0;
    v1::ChannelState noted_state = v1::CHANNEL_STATE_UNSPECIFIED;  // in metrics
  };
  using ChannelPtr = std::shared_ptr<Channel>;

  // A batch to begin, or one that waited for room and now has it.
  struct Work {
    ChannelPtr channel;
    std::shared_ptr<EpochRun> run;
    uint64_t batch_index = 0;
    std::optional<HeldCredit> credit;           // to begin with
    std::unique_ptr<PreparedBatch> prepared;    // to finish
    std::optional<ShmReservation> reservation;  // to finish
    uint64_t message_bytes = 0;                 // once known
  };

  // How a piece of work came to its end for the worker.
  enum class Outcome { kCommitted, kFailed, kCancelled, kWaitsForRoom };

  Pool(const Dataset& dataset, const PoolOptions& options, const Clock& clock,
       PoolMetrics& metrics, std::unique_ptr<Doorbell> doorbell);

  void RunWorker();
  void RunDoorbell();

  // The next piece of work; nullopt once the pool shuts down.
  std::optional<Work> WaitForWork() ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Does one piece of work without the lock. `scratch` is this worker's to
  // use again; it is gone if the batch waits for room.
  Outcome Do(Work& work, NeighborSampler& sampler,
             std::unique_ptr<PreparedBatch>& scratch, absl::Status* error)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Prepare(const Work& work, NeighborSampler& sampler,
                       PreparedBatch* batch);
  absl::Status Commit(const Work& work, PreparedBatch& batch,
                      ShmReservation& reservation);

  // Books the outcome, and passes on what it frees.
  void Finish(Work work, Outcome outcome, const absl::Status& error,
              absl::Duration cost) ABSL_LOCKS_EXCLUDED(mutex_);

  // Hands out room: first to what waits for it, then as credit.
  void Advance(Channel& channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendWaiting(Channel& channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RefillCredit(Channel& channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndBatch(Channel& channel, EpochRun& run, bool failed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Cancel(Channel& channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeConsumer(Channel& channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::ChannelState StateOf(const Channel& channel) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteState(Channel& channel, v1::ChannelState state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<ChannelPtr> Find(uint64_t channel_id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Dataset& dataset_;
  const PoolOptions options_;
  const Clock& clock_;
  PoolMetrics& metrics_;
  const std::unique_ptr<Doorbell> doorbell_;
  ShmBudget budget_;

  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<FairScheduler> scheduler_ ABSL_GUARDED_BY(mutex_)
      ABSL_PT_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, ChannelPtr> channels_ ABSL_GUARDED_BY(mutex_);
  // Doorbell slots are fewer than channels may be: those that share one are
  // looked at together.
  std::vector<std::vector<uint64_t>> by_slot_ ABSL_GUARDED_BY(mutex_);
  std::deque<Work> with_room_ ABSL_GUARDED_BY(mutex_);

  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_H_
