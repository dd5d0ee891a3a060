#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_CHANNEL_TABLE_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_CHANNEL_TABLE_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/fair_scheduler/fair_scheduler.h"
#include "libs/shm_channel/doorbell.h"
#include "libs/shm_channel/shm_budget.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/telemetry/state_times.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"
#include "services/sampler_pool/channel_lifecycle.h"
#include "services/sampler_pool/epoch_run.h"

namespace fairlead {

// A batch that a worker has made as far as it can without room for it.
class MadeBatch {
 public:
  virtual ~MadeBatch() = default;
  virtual uint64_t bytes() const = 0;  // of its message
};

inline constexpr uint32_t kDefaultConcurrency = 4;      // parity GL-082
inline constexpr uint32_t kMaxDefaultConcurrency = 32;  // parity GL-085

// What a pool knows of its channels: who may be served next, what is in the
// making, what waits for room, what has come to its end. All that decides, and
// nothing that works: no threads, no clock, no sampling, so a simulator can
// drive it through anything. `now` is a reading of a monotonic clock.
//
// A batch is begun only with a promise of room for what batches of its channel
// have taken so far; one that turns out larger waits, made, until there is room
// (parity W-01, W-12). Thread-compatible.
class ChannelTable {
 public:
  struct Options {
    std::string shm_dir;
    uint64_t shm_budget_bytes = 0;     // of all buffers together
    uint64_t memory_budget_bytes = 0;  // of all inputs; 0 for any
    uint64_t max_channels = 1024;
    // Batches of a channel in the making, where its trainer leaves that open.
    uint32_t default_concurrency = kDefaultConcurrency;
    SchedulerOptions scheduler = {};
    // Whether channels that were here before a restart may still come: what is
    // not here is UNAVAILABLE until NoteAssigned, and NOT_FOUND after it.
    bool awaits_assignments = false;
  };

  // Something made for a channel that has no room for it yet: a batch, or a
  // small message (a batch error, the end of an epoch) encoded already.
  struct Outgoing {
    MessageTag tag;
    std::unique_ptr<MadeBatch> batch;
    std::string small;

    uint64_t bytes() const {
      return batch != nullptr ? batch->bytes() : small.size();
    }
  };

  // A promise of room for a batch that is yet to begin.
  struct HeldCredit {
    ShmCredit credit;
    absl::Duration since;  // from then on the batch could have begun
  };

  // Where a channel's time goes, as CHANNEL_STATE_IDLE and so on.
  enum class TimedState : uint8_t { kIdle, kRunnable, kParked, kPaused };
  using Times = StateTimes<TimedState, 4>;

  // All that is known of a channel. What is const may be read by workers; the
  // rest belongs to the table.
  struct Channel {
    Channel(const v1::ChannelSpec& channel_spec, uint32_t default_concurrency);
    uint64_t id() const { return spec.channel_id(); }

    const v1::ChannelSpec spec;
    const uint64_t buffer_bytes;
    const uint32_t buffer_messages;
    const uint32_t max_in_flight;

    LifecycleState life = LifecycleState::kInitialising;
    v1::ChannelControl control;
    // Once kReady. Never changes, and outlives the channel with its workers.
    std::shared_ptr<const ChannelPlan> plan;
    // Once it is needed: an idle channel takes no memory.
    std::shared_ptr<ShmProducer> producer;

    std::shared_ptr<EpochRun> run;  // the latest epoch; null before the first
    uint32_t in_flight = 0;         // batches begun and not ended, of any epoch
    uint64_t expected_bytes = 0;    // of the next message
    bool knows_size = false;  // whether expected_bytes is the largest so far
    std::deque<HeldCredit> credits;
    std::deque<Outgoing> outgoing;  // made, waiting for room, in order
    std::shared_ptr<DoorbellRinger> consumer;
    uint32_t consumer_slot = 0;

    Times times;
    uint64_t ok_batches = 0;  // of all epochs
    uint64_t failed_batches = 0;
  };
  using ChannelPtr = std::shared_ptr<Channel>;

  // A batch to begin, or one that waited for room and now has it.
  struct Work {
    ChannelPtr channel;
    std::shared_ptr<const ChannelPlan> plan;
    std::shared_ptr<ShmProducer> producer;
    std::shared_ptr<EpochRun> run;
    uint64_t batch_index = 0;
    std::optional<HeldCredit> credit;           // to begin with
    std::unique_ptr<MadeBatch> made;            // to finish
    std::optional<ShmReservation> reservation;  // to finish
    uint64_t message_bytes = 0;                 // once known
  };

  // How a piece of work came to its end for the worker.
  enum class Outcome { kCommitted, kFailed, kCancelled, kWaitsForRoom };

  explicit ChannelTable(const Options& options)
      : options_(options),
        budget_(options.shm_budget_bytes),
        scheduler_(options.scheduler),
        by_slot_(Doorbell::kSlots) {}

  // --- control -------------------------------------------------------------
  struct Registering {
    bool is_mine = false;  // to make the plan, and call EndRegister
    bool is_busy = false;  // another is at it: ask again when that has ended
    v1::RegisterInputResponse response;  // otherwise
  };
  // The codes of RegistryService.RegisterSamplingInput.
  absl::StatusOr<Registering> BeginRegister(const v1::ChannelSpec& spec);
  // What registering it would take, and say; changes nothing.
  absl::StatusOr<v1::PlanSamplingInputResponse> DescribePlan(
      const v1::ChannelSpec& spec, const ChannelPlan& plan) const;
  absl::StatusOr<v1::RegisterInputResponse> EndRegister(
      uint64_t channel_id, absl::StatusOr<ChannelPlan> plan,
      absl::Duration now);
  // All the channels that should be here are.
  void NoteAssigned() { is_assigned_ = true; }
  // NOT_FOUND, and for a channel that makes nothing any more DATA_LOSS.
  absl::StatusOr<ChannelPtr> Find(uint64_t channel_id) const;

  // Options of the buffer that a channel lacks, if it does.
  ShmChannelOptions BufferOptions(const Channel& channel) const;
  // Nothing if it has got one meanwhile.
  void SetBuffer(Channel& channel, std::unique_ptr<ShmProducer> producer);

  // Whether that start changes nothing.
  static bool IsStale(const Channel& channel,
                      const v1::StartEpochRequest& request);
  // Takes up a run that is not stale, and cancels the one before. REQUIRES a
  // buffer.
  void StartEpoch(Channel& channel, std::shared_ptr<EpochRun> run,
                  absl::Duration now);
  static v1::StartEpochResponse CurrentEpoch(const Channel& channel);
  absl::Status CancelEpoch(uint64_t channel_id, uint64_t epoch,
                           absl::Duration now);
  absl::Status Update(uint64_t channel_id, const v1::ChannelControl& control,
                      absl::Duration now);
  // Hands the channel over, for the caller to let go of where it may take time:
  // it may unmap a buffer. Null if it is not here.
  ChannelPtr Unregister(uint64_t channel_id, absl::Duration now);
  void UnregisterAll(absl::Duration now);

  absl::StatusOr<v1::ChannelDescription> Describe(uint64_t channel_id) const;
  std::vector<v1::ChannelDescription> DescribeAll() const;

  // What a description says and does not, for metrics.
  struct Snapshot {
    v1::ChannelDescription description;
    Times times;
    uint64_t ok_batches = 0;  // of all epochs
    uint64_t failed_batches = 0;
  };
  std::vector<Snapshot> SnapshotAll() const;
  std::vector<uint64_t> ids() const;
  bool IsInitialising(uint64_t channel_id) const;

  // REQUIRES a buffer.
  v1::AttachConsumerResponse Attach(Channel& channel,
                                    std::shared_ptr<DoorbellRinger> ringer,
                                    uint32_t slot, const std::string& doorbell);

  // --- work ------------------------------------------------------------------
  // Whether NextWork has something.
  bool HasWork(absl::Duration now) const {
    return !with_room_.empty() || scheduler_.HasRunnable(now);
  }
  // When it may have something though nothing else happens.
  absl::Duration NextEvent() const { return scheduler_.NextRateEvent(); }
  std::optional<Work> NextWork(absl::Duration now);
  // Books the outcome, and passes on what it frees. `error` is of kFailed.
  void Finish(Work work, Outcome outcome, const absl::Status& error,
              absl::Duration cost, absl::Duration now);
  // Consumers have freed room in channels of these slots.
  void Rung(absl::Span<const uint32_t> slots, absl::Duration now);

  struct Counts {
    uint64_t ok_batches = 0;
    uint64_t failed_batches = 0;
    uint64_t waits_for_room = 0;
  };
  const Counts& counts() const { return counts_; }
  const ShmBudget& budget() const { return budget_; }

 private:
  absl::Status CheckRoomForChannel() const;
  absl::Status CheckOptions(const Channel& channel) const;
  absl::Status CheckMemory(uint64_t bytes) const;
  // Hands out room: first to what waits for it, then as credit.
  void Advance(Channel& channel, absl::Duration now);
  void SendWaiting(Channel& channel, absl::Duration now);
  void RefillCredit(Channel& channel, absl::Duration now);
  void EndBatch(Channel& channel, EpochRun& run, bool failed);
  void PushEnd(Channel& channel, const EpochRun& run, bool cancelled);
  void PushError(Channel& channel, EpochRun& run, uint64_t batch_index,
                 const absl::Status& error);
  void CancelRun(Channel& channel, absl::Duration now);
  void OnDamage(Channel& channel, absl::Duration now);
  void EndIfIdle(Channel& channel);
  v1::ChannelState StateOf(const Channel& channel) const;
  // To be called after whatever may have changed it.
  void NoteState(Channel& channel, absl::Duration now) const;
  ChannelLimits LimitsOf(const Channel& channel) const;

  const Options options_;
  ShmBudget budget_;
  uint64_t memory_used_ = 0;  // by the plans of all channels
  FairScheduler scheduler_;
  absl::flat_hash_map<uint64_t, ChannelPtr> channels_;
  // Doorbell slots are fewer than channels may be: those that share one are
  // looked at together.
  std::vector<std::vector<uint64_t>> by_slot_;
  std::deque<Work> with_room_;
  bool is_assigned_ = false;
  Counts counts_;
};

// "channel 7 (worker_key loader_0)", as errors name it.
std::string ChannelName(const v1::ChannelSpec& spec);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_CHANNEL_TABLE_H_
