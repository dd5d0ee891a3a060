#include "services/sampler_pool/pool.h"

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/status/status_macros.h"
#include "services/sampler_pool/epoch_run.h"
#include "xxhash.h"

namespace fairlead {

absl::StatusOr<std::unique_ptr<Pool>> Pool::Start(
    const Dataset& dataset, const PoolOptions& options, const Clock& clock,
    PoolMetrics& metrics, std::unique_ptr<RemotePartitions> remote) {
  if (options.workers < 1 || options.workers > 1024) {
    return absl::InvalidArgumentError(
        absl::StrCat("--workers=", options.workers,
                     ": must be between 1 and 1024 sampling threads"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<Doorbell> doorbell,
                            Doorbell::Create(options.shm_dir));
  std::unique_ptr<CrashNote> note;
  if (options.poison_attempts > 0) {
    // Whoever serves this partition from this folder is its successor.
    FAIRLEAD_ASSIGN_OR_RETURN(
        note, CrashNote::Open(options.shm_dir,
                              XXH3_64bits_withSeed(dataset.name().data(),
                                                   dataset.name().size(),
                                                   dataset.partition()),
                              static_cast<size_t>(options.workers)));
    if (note->num_suspects() > 0) {
      std::cerr << "sampler_pool: the one before died over at most "
                << note->num_suspects()
                << " batches; each is sampled alone now, until it is done\n";
    }
  }
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<Pool> pool(new Pool(dataset, options, clock, metrics,
                                      std::move(doorbell), std::move(note),
                                      std::move(remote)));
  pool->threads_.emplace_back([p = pool.get()] { p->RunDoorbell(); });
  for (int i = 0; i < options.workers; ++i) {
    pool->threads_.emplace_back([p = pool.get(), i] { p->RunWorker(i); });
  }
  return pool;
}

Pool::Pool(const Dataset& dataset, const PoolOptions& options,
           const Clock& clock, PoolMetrics& metrics,
           std::unique_ptr<Doorbell> doorbell, std::unique_ptr<CrashNote> note,
           std::unique_ptr<RemotePartitions> remote)
    : dataset_(dataset),
      options_(options),
      clock_(clock),
      metrics_(metrics),
      doorbell_(std::move(doorbell)),
      caches_(dataset, options.feature_cache_bytes),
      remote_(std::move(remote)),
      table_({.shm_dir = options.shm_dir,
              .shm_budget_bytes = options.shm_budget_bytes,
              .memory_budget_bytes = options.memory_budget_bytes,
              .max_channels = options.max_channels,
              .scheduler = options.scheduler,
              .awaits_assignments = options.awaits_assignments}),
      note_(std::move(note)) {
  metrics_.workers.Set(options_.workers);
}

Pool::~Pool() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    table_.UnregisterAll(clock_.MonotonicNow());
  }
  doorbell_->Stop();
  for (std::thread& thread : threads_) thread.join();
  // Cancels what was asked of others; the answers still come here.
  remote_.reset();
}

absl::StatusOr<v1::RegisterInputResponse> Pool::RegisterInput(
    const v1::ChannelSpec& spec) {
  {
    MutexLock lock(&mutex_);
    while (true) {
      FAIRLEAD_ASSIGN_OR_RETURN(const ChannelTable::Registering registering,
                                table_.BeginRegister(spec));
      if (registering.is_mine) break;
      if (!registering.is_busy) return registering.response;
      // Another call is at the same; its end is an answer to this one too.
      const auto has_ended = [this, &spec]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return !table_.IsInitialising(spec.channel_id());
      };
      mutex_.Await(absl::Condition(&has_ended));
    }
  }
  // It may read all the seeds: not under the lock that all channels share.
  absl::StatusOr<ChannelPlan> plan = ChannelPlan::Create(
      dataset_, spec.input(), spec.config(), options_.accelerator);
  MutexLock lock(&mutex_);
  return table_.EndRegister(spec.channel_id(), std::move(plan),
                            clock_.MonotonicNow());
}

absl::StatusOr<v1::PlanSamplingInputResponse> Pool::PlanInput(
    const v1::ChannelSpec& spec) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const ChannelPlan plan,
      ChannelPlan::Create(dataset_, spec.input(), spec.config()));
  MutexLock lock(&mutex_);
  return table_.DescribePlan(spec, plan);
}

absl::Status Pool::EnsureBuffer(const ChannelTable::ChannelPtr& channel) {
  ShmChannelOptions options;
  {
    MutexLock lock(&mutex_);
    if (channel->producer != nullptr) return absl::OkStatus();
    options = table_.BufferOptions(*channel);
  }
  absl::StatusOr<std::unique_ptr<ShmProducer>> producer =
      ShmProducer::Create(options);
  if (!producer.ok()) {
    return absl::Status(
        producer.status().code(),
        absl::StrCat(ChannelName(channel->spec), ": no buffer of ",
                     options.capacity_bytes,
                     " bytes in --shm_dir=", options.directory, ": ",
                     std::string(producer.status().message())));
  }
  MutexLock lock(&mutex_);
  table_.SetBuffer(*channel, *std::move(producer));
  return absl::OkStatus();
}

absl::StatusOr<v1::StartEpochResponse> Pool::StartEpoch(
    const v1::StartEpochRequest& request) {
  ChannelTable::ChannelPtr channel;
  std::shared_ptr<const ChannelPlan> plan;
  {
    MutexLock lock(&mutex_);
    FAIRLEAD_ASSIGN_OR_RETURN(channel, table_.Find(request.channel_id()));
    if (ChannelTable::IsStale(*channel, request)) {
      return ChannelTable::CurrentEpoch(*channel);
    }
    plan = channel->plan;
  }
  // A pass over the seeds, and maybe gigabytes of memory: not under the lock.
  FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<EpochRun> run,
                            EpochRun::Create(*plan, request));
  FAIRLEAD_RETURN_IF_ERROR(EnsureBuffer(channel));

  MutexLock lock(&mutex_);
  FAIRLEAD_RETURN_IF_ERROR(table_.Find(request.channel_id()).status());
  if (!ChannelTable::IsStale(*channel, request)) {
    table_.StartEpoch(*channel, std::move(run), clock_.MonotonicNow());
  }
  return ChannelTable::CurrentEpoch(*channel);
}

absl::Status Pool::CancelEpoch(uint64_t channel_id, uint64_t epoch) {
  MutexLock lock(&mutex_);
  return table_.CancelEpoch(channel_id, epoch, clock_.MonotonicNow());
}

absl::Status Pool::UpdateInput(uint64_t channel_id,
                               const v1::ChannelControl& control) {
  MutexLock lock(&mutex_);
  return table_.Update(channel_id, control, clock_.MonotonicNow());
}

void Pool::UnregisterInput(uint64_t channel_id) {
  ChannelTable::ChannelPtr gone;  // let go of without the lock
  MutexLock lock(&mutex_);
  gone = table_.Unregister(channel_id, clock_.MonotonicNow());
}

absl::StatusOr<v1::ChannelDescription> Pool::DescribeInput(
    uint64_t channel_id) {
  MutexLock lock(&mutex_);
  FAIRLEAD_ASSIGN_OR_RETURN(v1::ChannelDescription description,
                            table_.Describe(channel_id));
  for (const SeedRange& range : ComputeWorkerSeedRanges(
           description.seeds(),
           table_.Find(channel_id).ok()
               ? (*table_.Find(channel_id))->plan->batch_size()
               : 1,
           static_cast<uint64_t>(options_.workers))) {
    description.add_input_sizes(range.end - range.begin);
  }
  return description;
}

PoolSnapshot Pool::TakeSnapshot() {
  MutexLock lock(&mutex_);
  uint64_t suspects = 0;
  uint64_t poisonous = 0;
  if (note_ != nullptr) {
    poisonous = note_->CountDeathsAlone(options_.poison_attempts);
    suspects = note_->num_suspects() - poisonous;
  }
  return {.channels = table_.SnapshotAll(),
          .now = clock_.MonotonicNow(),
          .shm_budget_bytes = table_.budget().limit_bytes(),
          .shm_promised_bytes = table_.budget().used_bytes(),
          .put_aside = put_aside_,
          .suspects = suspects,
          .poisonous = poisonous};
}

std::vector<v1::ChannelDescription> Pool::DescribeAll() {
  MutexLock lock(&mutex_);
  return table_.DescribeAll();
}

absl::StatusOr<v1::AttachConsumerResponse> Pool::AttachConsumer(
    const v1::AttachConsumerRequest& request) {
  if (request.wake_consumer().slot() >= Doorbell::kSlots) {
    return absl::InvalidArgumentError(
        absl::StrCat("wake_consumer.slot: ", request.wake_consumer().slot(),
                     " is not below ", Doorbell::kSlots));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::shared_ptr<DoorbellRinger> ringer,
      DoorbellRinger::Open(options_.shm_dir, request.wake_consumer().name()));
  ChannelTable::ChannelPtr channel;
  {
    MutexLock lock(&mutex_);
    FAIRLEAD_ASSIGN_OR_RETURN(channel, table_.Find(request.channel_id()));
  }
  FAIRLEAD_RETURN_IF_ERROR(EnsureBuffer(channel));
  MutexLock lock(&mutex_);
  FAIRLEAD_RETURN_IF_ERROR(table_.Find(request.channel_id()).status());
  return table_.Attach(*channel, std::move(ringer),
                       request.wake_consumer().slot(), doorbell_->name());
}

std::vector<uint64_t> Pool::channel_ids() {
  MutexLock lock(&mutex_);
  return table_.ids();
}

std::vector<absl::Status> Pool::Reconcile(
    const std::vector<uint64_t>& held_before,
    const std::vector<v1::ChannelSpec>& specs) {
  absl::flat_hash_set<uint64_t> gone(held_before.begin(), held_before.end());
  std::vector<absl::Status> errors;
  for (const v1::ChannelSpec& spec : specs) {
    gone.erase(spec.channel_id());
    absl::Status status = RegisterInput(spec).status();
    // What it was told while this pool was away.
    if (status.ok()) status = UpdateInput(spec.channel_id(), spec.control());
    if (!status.ok()) errors.push_back(status);
  }
  for (const uint64_t id : gone) UnregisterInput(id);
  MutexLock lock(&mutex_);
  table_.NoteAssigned();
  return errors;
}

uint64_t Pool::num_put_aside() const {
  MutexLock lock(&mutex_);
  return put_aside_;
}

}  // namespace fairlead
