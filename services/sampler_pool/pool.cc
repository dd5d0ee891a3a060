#include "services/sampler_pool/pool.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/util/message_differencer.h"
#include "libs/fair_scheduler/round_robin_scheduler.h"
#include "libs/sampling/epoch_plan.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/message_tag.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

constexpr uint64_t kDefaultConcurrency = 4;  // parity GL-082
constexpr uint64_t kDefaultBufferMessages = 64;
constexpr uint64_t kDefaultBufferBytes = 64 << 20;
// Room for what must pass whatever the batches' size: errors, ends of epochs.
constexpr uint64_t kMinBufferBytes = 4096;
constexpr size_t kMaxErrorText = 1024;

uint64_t OrDefault(uint64_t value, uint64_t fallback) {
  return value == 0 ? fallback : value;
}

uint64_t Nanoseconds(absl::Duration time) {
  return static_cast<uint64_t>(absl::ToInt64Nanoseconds(time));
}

std::string ChannelName(const v1::ChannelSpec& spec) {
  return absl::StrCat("channel ", spec.channel_id(), " (worker_key ",
                      spec.worker_key(), ")");
}

std::string EncodeError(const v1::ChannelSpec& spec, const EpochRun& run,
                        uint64_t batch_index, const absl::Status& status) {
  v1::BatchError error;
  error.set_channel_id(spec.channel_id());
  error.set_epoch(run.epoch);
  error.set_attempt(run.attempt);
  error.set_batch_index(batch_index);
  error.set_code(static_cast<int32_t>(status.code()));
  error.set_message(absl::StrCat(ChannelName(spec), ", epoch ", run.epoch,
                                 ", batch ", batch_index, ": ",
                                 std::string(status.message()))
                        .substr(0, kMaxErrorText));
  return error.SerializeAsString();
}

std::string EncodeEnd(const v1::ChannelSpec& spec, const ChannelPlan& plan,
                      const EpochRun& run) {
  v1::EpochEnd end;
  end.set_channel_id(spec.channel_id());
  end.set_epoch(run.epoch);
  end.set_attempt(run.attempt);
  end.set_batches(plan.batches_per_epoch());
  end.set_failed_batches(run.failed);
  end.set_seed_digest(run.seed_digest);
  return end.SerializeAsString();
}

MessageTag TagOf(ChannelMessageTag::Kind kind, const EpochRun& run,
                 uint64_t batch_index) {
  return ChannelMessageTag{.kind = kind,
                           .epoch = run.epoch,
                           .attempt = run.attempt,
                           .batch_index = batch_index}
      .Encode();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Pool>> Pool::Start(const Dataset& dataset,
                                                  const PoolOptions& options,
                                                  const Clock& clock,
                                                  PoolMetrics& metrics) {
  if (options.workers < 1 || options.workers > 1024) {
    return absl::InvalidArgumentError(
        absl::StrCat("--workers=", options.workers,
                     ": must be between 1 and 1024 sampling threads"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<Doorbell> doorbell,
                            Doorbell::Create(options.shm_dir));
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<Pool> pool(
      new Pool(dataset, options, clock, metrics, std::move(doorbell)));
  pool->threads_.emplace_back([p = pool.get()] { p->RunDoorbell(); });
  for (int i = 0; i < options.workers; ++i) {
    pool->threads_.emplace_back([p = pool.get()] { p->RunWorker(); });
  }
  return pool;
}

Pool::Pool(const Dataset& dataset, const PoolOptions& options,
           const Clock& clock, PoolMetrics& metrics,
           std::unique_ptr<Doorbell> doorbell)
    : dataset_(dataset),
      options_(options),
      clock_(clock),
      metrics_(metrics),
      doorbell_(std::move(doorbell)),
      budget_(options.shm_budget_bytes),
      scheduler_(std::make_unique<RoundRobinScheduler>()),
      by_slot_(Doorbell::kSlots) {
  metrics_.workers.Set(options_.workers);
}

Pool::~Pool() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    for (const auto& [id, channel] : channels_) Cancel(*channel);
  }
  doorbell_->Stop();
  for (std::thread& thread : threads_) thread.join();
}

absl::StatusOr<Pool::ChannelPtr> Pool::Find(uint64_t channel_id) const {
  const auto it = channels_.find(channel_id);
  if (it == channels_.end()) {
    return absl::NotFoundError(absl::StrCat(
        "channel ", channel_id,
        ": not in this sampler pool; it is gone or was never registered here, "
        "so register the input again"));
  }
  return it->second;
}

absl::StatusOr<v1::RegisterInputResponse> Pool::RegisterInput(
    const v1::ChannelSpec& spec) {
  v1::RegisterInputResponse response;
  if (spec.channel_id() == 0) {
    return absl::InvalidArgumentError("spec.channel_id: 0 is never an id");
  }
  {
    MutexLock lock(&mutex_);
    const auto it = channels_.find(spec.channel_id());
    if (it != channels_.end()) {
      const Channel& channel = *it->second;
      if (!google::protobuf::util::MessageDifferencer::Equals(channel.spec,
                                                              spec)) {
        return absl::AlreadyExistsError(absl::StrCat(
            ChannelName(channel.spec),
            ": is here with another input or config; destroy it first, or use "
            "another worker_key"));
      }
      response.set_seeds(channel.plan.seeds().size());
      response.set_batches(channel.plan.batches_per_epoch());
      return response;
    }
    if (channels_.size() >= options_.max_channels) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "this sampler pool holds --max_channels=", options_.max_channels,
          " channels already"));
    }
  }

  FAIRLEAD_ASSIGN_OR_RETURN(
      ChannelPlan plan,
      ChannelPlan::Create(dataset_, spec.input(), spec.config()));
  ShmChannelOptions shm;
  shm.directory = options_.shm_dir;
  shm.capacity_bytes =
      OrDefault(spec.options().buffer_bytes(), kDefaultBufferBytes);
  if (shm.capacity_bytes < kMinBufferBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("options.buffer_bytes: ", shm.capacity_bytes,
                     " is less than ", kMinBufferBytes));
  }
  shm.max_messages = static_cast<uint32_t>(
      OrDefault(spec.options().buffer_capacity(), kDefaultBufferMessages));
  const uint64_t concurrency =
      OrDefault(spec.options().worker_concurrency(), kDefaultConcurrency);
  absl::StatusOr<std::unique_ptr<ShmProducer>> producer =
      ShmProducer::Create(shm, &budget_);
  if (!producer.ok()) {
    return absl::Status(
        producer.status().code(),
        absl::StrCat(ChannelName(spec), ": no buffer of ", shm.capacity_bytes,
                     " bytes in --shm_dir=", options_.shm_dir, ": ",
                     std::string(producer.status().message())));
  }
  response.set_seeds(plan.seeds().size());
  response.set_batches(plan.batches_per_epoch());
  auto channel = std::make_shared<Channel>(spec, std::move(plan),
                                           *std::move(producer), concurrency);
  // Until a batch has shown its size, each may take its share of the buffer.
  channel->expected_bytes =
      std::max<uint64_t>(1, shm.capacity_bytes / (2 * concurrency));

  MutexLock lock(&mutex_);
  if (!channels_.emplace(spec.channel_id(), channel).second) {
    // Two calls at once, of which this one lost: the other's answer holds.
    return absl::UnavailableError(absl::StrCat(
        ChannelName(spec), ": is being registered by another call; try again"));
  }
  by_slot_[spec.channel_id() % Doorbell::kSlots].push_back(spec.channel_id());
  FAIRLEAD_RETURN_IF_ERROR(scheduler_->Add(
      spec.channel_id(),
      {.max_in_flight = static_cast<uint32_t>(channel->max_in_flight)}));
  NoteState(*channel, v1::CHANNEL_STATE_IDLE);
  return response;
}

absl::StatusOr<v1::StartEpochResponse> Pool::StartEpoch(
    const v1::StartEpochRequest& request) {
  ChannelPtr channel;
  const auto is_stale = [&request](const Channel& of) {
    return of.run != nullptr && std::pair(request.epoch(), request.attempt()) <=
                                    std::pair(of.run->epoch, of.run->attempt);
  };
  const auto answer = [](const Channel& of) {
    v1::StartEpochResponse response;
    response.set_epoch(of.run->epoch);
    response.set_attempt(of.run->attempt);
    response.set_batches(of.plan.batches_per_epoch());
    return response;
  };
  {
    MutexLock lock(&mutex_);
    FAIRLEAD_ASSIGN_OR_RETURN(channel, Find(request.channel_id()));
    if (is_stale(*channel)) return answer(*channel);
  }
  // A pass over the seeds: not under the lock that all channels share.
  FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<EpochRun> run,
                            EpochRun::Create(channel->plan, request));

  MutexLock lock(&mutex_);
  FAIRLEAD_RETURN_IF_ERROR(Find(request.channel_id()).status());
  if (is_stale(*channel)) return answer(*channel);
  Cancel(*channel);
  channel->run = std::move(run);
  FAIRLEAD_RETURN_IF_ERROR(scheduler_->SetBacklog(
      channel->spec.channel_id(), channel->run->cursor.remaining()));
  if (channel->run->done()) {
    channel->outgoing.push_back(
        {.tag = TagOf(ChannelMessageTag::Kind::kEpochEnd, *channel->run, 0),
         .batch = nullptr,
         .small = EncodeEnd(channel->spec, channel->plan, *channel->run)});
  }
  Advance(*channel);
  return answer(*channel);
}

void Pool::UnregisterInput(uint64_t channel_id) {
  ChannelPtr channel;  // let go of without the lock: it may unmap a segment
  MutexLock lock(&mutex_);
  const auto it = channels_.find(channel_id);
  if (it == channels_.end()) return;
  channel = it->second;
  channels_.erase(it);
  std::vector<uint64_t>& in_slot = by_slot_[channel_id % Doorbell::kSlots];
  in_slot.erase(std::find(in_slot.begin(), in_slot.end(), channel_id));
  Cancel(*channel);
  scheduler_->Remove(channel_id);
  channel->producer->Close();
  WakeConsumer(*channel);
  NoteState(*channel, v1::CHANNEL_STATE_UNSPECIFIED);
}

// What a run has under way is of no more use. Batches with a worker end as
// kCancelled when they see the flag.
void Pool::Cancel(Channel& channel) {
  if (channel.run != nullptr) channel.run->cancelled = true;
  const uint64_t id = channel.spec.channel_id();
  for (const Outgoing& outgoing : channel.outgoing) {
    if (outgoing.batch == nullptr) continue;
    --channel.in_flight;
    scheduler_->OnDone(id, absl::ZeroDuration(), clock_.MonotonicNow());
  }
  channel.outgoing.clear();
  channel.credits.clear();
  // Both calls can only fail for a channel that is not there.
  (void)scheduler_->SetBacklog(id, 0);
  (void)scheduler_->SetCredit(id, 0);
}

absl::StatusOr<v1::ChannelDescription> Pool::DescribeInput(
    uint64_t channel_id) {
  MutexLock lock(&mutex_);
  FAIRLEAD_ASSIGN_OR_RETURN(const ChannelPtr channel, Find(channel_id));
  v1::ChannelDescription description;
  description.set_channel_id(channel_id);
  description.set_backend_id(channel->spec.backend_id());
  description.set_worker_key(channel->spec.worker_key());
  description.set_state(StateOf(*channel));
  description.set_seeds(channel->plan.seeds().size());
  description.set_batches(channel->plan.batches_per_epoch());
  for (const SeedRange& range : ComputeWorkerSeedRanges(
           channel->plan.seeds().size(), channel->plan.batch_size(),
           static_cast<uint64_t>(options_.workers))) {
    description.add_input_sizes(range.end - range.begin);
  }
  if (channel->run != nullptr) {
    description.set_started(true);
    description.set_epoch(channel->run->epoch);
    description.set_attempt(channel->run->attempt);
    description.set_submitted_batches(channel->run->submitted);
    description.set_completed_batches(channel->run->completed);
    description.set_failed_batches(channel->run->failed);
  }
  return description;
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

  MutexLock lock(&mutex_);
  FAIRLEAD_ASSIGN_OR_RETURN(const ChannelPtr channel,
                            Find(request.channel_id()));
  channel->consumer = std::move(ringer);
  channel->consumer_slot = request.wake_consumer().slot();
  WakeConsumer(*channel);  // for what is there already
  v1::AttachConsumerResponse response;
  response.set_segment(channel->producer->name());
  response.mutable_wake_producer()->set_name(doorbell_->name());
  response.mutable_wake_producer()->set_slot(request.channel_id() %
                                             Doorbell::kSlots);
  return response;
}

std::vector<absl::Status> Pool::Reconcile(
    const std::vector<v1::ChannelSpec>& specs) {
  absl::flat_hash_set<uint64_t> gone;
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, channel] : channels_) gone.insert(id);
  }
  std::vector<absl::Status> errors;
  for (const v1::ChannelSpec& spec : specs) {
    gone.erase(spec.channel_id());
    const absl::Status status = RegisterInput(spec).status();
    if (!status.ok()) errors.push_back(status);
  }
  for (const uint64_t id : gone) UnregisterInput(id);
  return errors;
}

void Pool::WakeConsumer(Channel& channel) {
  if (channel.consumer != nullptr)
    channel.consumer->Ring(channel.consumer_slot);
}

void Pool::RunDoorbell() {
  while (true) {
    const std::vector<uint32_t> slots =
        doorbell_->Wait(absl::InfiniteDuration());
    MutexLock lock(&mutex_);
    if (stopping_) return;
    for (const uint32_t slot : slots) {
      for (const uint64_t id : by_slot_[slot]) Advance(*channels_[id]);
    }
  }
}

bool Pool::HasWorkOrStops() const {
  return stopping_ || !with_room_.empty() ||
         scheduler_->HasRunnable(clock_.MonotonicNow());
}

std::optional<Pool::Work> Pool::WaitForWork() {
  MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &Pool::HasWorkOrStops));
  if (stopping_) return std::nullopt;
  if (!with_room_.empty()) {
    Work work = std::move(with_room_.front());
    with_room_.pop_front();
    return work;
  }
  Work work;
  work.channel = channels_.at(*scheduler_->Next(clock_.MonotonicNow()));
  Channel& channel = *work.channel;
  work.run = channel.run;
  work.batch_index = *work.run->cursor.Next();
  ++work.run->submitted;
  ++channel.in_flight;
  // The scheduler's credit is the number of these, so there is one.
  work.credit = std::move(channel.credits.front());
  channel.credits.pop_front();
  return work;
}

void Pool::RunWorker() {
  NeighborSampler sampler(dataset_);
  auto scratch = std::make_unique<PreparedBatch>();
  while (std::optional<Work> work = WaitForWork()) {
    const absl::Duration start = clock_.MonotonicNow();
    absl::Status error;
    Outcome outcome;
    try {
      outcome = Do(*work, sampler, scratch, &error);
    } catch (const std::exception& e) {
      // Out of memory, most likely: it costs this batch, not the process.
      outcome = Outcome::kFailed;
      error = absl::InternalError(e.what());
    }
    if (scratch == nullptr) scratch = std::make_unique<PreparedBatch>();
    const absl::Duration cost = clock_.MonotonicNow() - start;
    metrics_.busy_seconds.Increment(absl::ToDoubleSeconds(cost));
    Finish(*std::move(work), outcome, error, cost);
  }
}

Pool::Outcome Pool::Do(Work& work, NeighborSampler& sampler,
                       std::unique_ptr<PreparedBatch>& scratch,
                       absl::Status* error) {
  if (work.run->cancelled) return Outcome::kCancelled;
  if (work.prepared != nullptr) {
    *error = Commit(work, *work.prepared, *work.reservation);
    return error->ok() ? Outcome::kCommitted : Outcome::kFailed;
  }
  *error = Prepare(work, sampler, scratch.get());
  if (!error->ok()) return Outcome::kFailed;
  if (work.run->cancelled) return Outcome::kCancelled;

  work.message_bytes = scratch->writer->total_bytes();
  absl::StatusOr<ShmReservation> reservation =
      work.channel->producer->ReserveFrom(work.credit->credit,
                                          work.message_bytes);
  if (absl::IsResourceExhausted(reservation.status())) {
    work.prepared = std::move(scratch);
    return Outcome::kWaitsForRoom;
  }
  if (absl::IsOutOfRange(reservation.status())) {
    *error = absl::ResourceExhaustedError(absl::StrCat(
        "its message of ", work.message_bytes,
        " bytes is larger than the channel's whole buffer; raise the "
        "backend's buffer_bytes (and --shm_budget), or lower batch_size or "
        "fanout"));
    return Outcome::kFailed;
  }
  *error = reservation.ok() ? Commit(work, *scratch, *reservation)
                            : reservation.status();
  if (absl::IsCancelled(*error)) return Outcome::kCancelled;
  return error->ok() ? Outcome::kCommitted : Outcome::kFailed;
}

absl::Status Pool::Prepare(const Work& work, NeighborSampler& sampler,
                           PreparedBatch* batch) {
  const ChannelPlan& plan = work.channel->plan;
  batch->trace.Clear();
  batch->trace.set_queued_ns(Nanoseconds(work.credit->since));
  batch->trace.set_started_ns(Nanoseconds(clock_.MonotonicNow()));
  work.run->SeedsOf(plan, work.batch_index, &batch->seeds);
  FAIRLEAD_RETURN_IF_ERROR(sampler.Sample(plan.sampler_options(),
                                          {.seeds = batch->seeds,
                                           .seed_type = plan.seed_type(),
                                           .epoch = work.run->epoch,
                                           .batch_index = work.batch_index},
                                          &batch->subgraph));
  batch->trace.set_sampled_ns(Nanoseconds(clock_.MonotonicNow()));
  v1::MessageHeader header;
  header.set_channel_id(work.channel->spec.channel_id());
  header.set_epoch(work.run->epoch);
  header.set_batch_index(work.batch_index);
  header.set_attempt(work.run->attempt);
  FAIRLEAD_ASSIGN_OR_RETURN(
      batch->writer,
      BatchWriter::Plan(plan, header, batch->seeds, batch->subgraph));
  return absl::OkStatus();
}

absl::Status Pool::Commit(const Work& work, PreparedBatch& batch,
                          ShmReservation& reservation) {
  const absl::Duration reserved = clock_.MonotonicNow();
  FAIRLEAD_RETURN_IF_ERROR(batch.writer->WriteTo(reservation.bytes()));
  const absl::Duration written = clock_.MonotonicNow();
  batch.trace.set_features_ns(Nanoseconds(written));
  batch.trace.set_committed_ns(Nanoseconds(written));
  batch.writer->Stamp(reservation.bytes(), batch.trace);
  FAIRLEAD_RETURN_IF_ERROR(reservation.Commit(
      TagOf(ChannelMessageTag::Kind::kBatch, *work.run, work.batch_index)));

  metrics_.batch_bytes.Increment(
      static_cast<double>(batch.writer->total_bytes()));
  metrics_.sampled_edges.Increment(
      static_cast<double>(batch.subgraph.TotalEdges()));
  metrics_.write_seconds.Observe(absl::ToDoubleSeconds(written - reserved));
  metrics_.queue_seconds.Observe(
      1e-9 *
      static_cast<double>(batch.trace.started_ns() - batch.trace.queued_ns()));
  metrics_.sample_seconds.Observe(
      1e-9 *
      static_cast<double>(batch.trace.sampled_ns() - batch.trace.started_ns()));
  return absl::OkStatus();
}

void Pool::Finish(Work work, Outcome outcome, const absl::Status& error,
                  absl::Duration cost) {
  Channel& channel = *work.channel;
  work.credit.reset();  // what is left of the promise is free again
  MutexLock lock(&mutex_);
  const auto known = channels_.find(channel.spec.channel_id());
  // Unregistered meanwhile: there is nothing left to book it with.
  if (known == channels_.end() || known->second != work.channel) return;
  if (work.run->cancelled) outcome = Outcome::kCancelled;
  // Of a message that did not fit nothing is learnt: room for another such is
  // never promised, and the channel's next batch would never begin.
  if (work.message_bytes > 0 && outcome != Outcome::kFailed) {
    channel.expected_bytes =
        channel.knows_size
            ? std::max(channel.expected_bytes, work.message_bytes)
            : work.message_bytes;
    channel.knows_size = true;
  }
  if (outcome == Outcome::kWaitsForRoom) {
    channel.outgoing.push_back({.tag = TagOf(ChannelMessageTag::Kind::kBatch,
                                             *work.run, work.batch_index),
                                .batch = std::move(work.prepared),
                                .small = {}});
    metrics_.waits_for_room.Increment();
    Advance(channel);
    return;
  }
  --channel.in_flight;
  scheduler_->OnDone(channel.spec.channel_id(), cost, clock_.MonotonicNow());
  switch (outcome) {
    case Outcome::kCommitted:
      metrics_.batches_ok.Increment();
      WakeConsumer(channel);
      EndBatch(channel, *work.run, /*failed=*/false);
      break;
    case Outcome::kFailed:
      metrics_.batches_failed.Increment();
      channel.outgoing.push_back(
          {.tag = TagOf(ChannelMessageTag::Kind::kBatchError, *work.run,
                        work.batch_index),
           .batch = nullptr,
           .small =
               EncodeError(channel.spec, *work.run, work.batch_index, error)});
      EndBatch(channel, *work.run, /*failed=*/true);
      break;
    case Outcome::kCancelled:
    case Outcome::kWaitsForRoom:
      break;
  }
  Advance(channel);
}

void Pool::EndBatch(Channel& channel, EpochRun& run, bool failed) {
  ++run.completed;
  if (failed) ++run.failed;
  if (!run.done()) return;
  channel.outgoing.push_back(
      {.tag = TagOf(ChannelMessageTag::Kind::kEpochEnd, run, 0),
       .batch = nullptr,
       .small = EncodeEnd(channel.spec, channel.plan, run)});
}

void Pool::Advance(Channel& channel) {
  SendWaiting(channel);
  RefillCredit(channel);
  NoteState(channel, StateOf(channel));
}

// In order: what was made first goes first, so a large batch cannot be
// overtaken for ever by smaller ones.
void Pool::SendWaiting(Channel& channel) {
  if (!channel.outgoing.empty()) {
    // Promises of batches that have not begun are in the way of ones that are
    // made: they are asked for anew.
    channel.credits.clear();
  }
  while (!channel.outgoing.empty()) {
    Outgoing& next = channel.outgoing.front();
    absl::StatusOr<ShmReservation> reservation =
        channel.producer->Reserve(next.bytes(), absl::ZeroDuration());
    if (absl::IsDeadlineExceeded(reservation.status())) return;
    if (next.batch != nullptr && !reservation.ok()) {
      // Closed or corrupt: whoever reads the channel is told by the channel.
      --channel.in_flight;
      scheduler_->OnDone(channel.spec.channel_id(), absl::ZeroDuration(),
                         clock_.MonotonicNow());
    } else if (next.batch != nullptr) {
      Work work;
      work.run = channel.run;
      work.batch_index = (*ChannelMessageTag::Decode(next.tag)).batch_index;
      work.channel = channels_.at(channel.spec.channel_id());
      work.prepared = std::move(next.batch);
      work.reservation = *std::move(reservation);
      with_room_.push_back(std::move(work));
    } else if (reservation.ok()) {
      std::memcpy(reservation->bytes().data(), next.small.data(),
                  next.small.size());
      if (reservation->Commit(next.tag).ok()) WakeConsumer(channel);
    }
    channel.outgoing.pop_front();
  }
}

void Pool::RefillCredit(Channel& channel) {
  const uint64_t backlog =
      channel.run == nullptr ? 0 : channel.run->cursor.remaining();
  uint64_t wanted = 0;
  if (channel.outgoing.empty() && channel.in_flight < channel.max_in_flight) {
    wanted = std::min(backlog, channel.max_in_flight - channel.in_flight);
  }
  while (channel.credits.size() > wanted) channel.credits.pop_back();
  while (channel.credits.size() < wanted) {
    absl::StatusOr<ShmCredit> credit =
        channel.producer->TryPromise(channel.expected_bytes);
    if (!credit.ok()) break;
    channel.credits.push_back(
        {.credit = *std::move(credit), .since = clock_.MonotonicNow()});
  }
  // It can only fail for a channel that is not there.
  (void)scheduler_->SetCredit(channel.spec.channel_id(),
                              channel.credits.size());
}

v1::ChannelState Pool::StateOf(const Channel& channel) const {
  if (channel.run == nullptr ||
      (channel.run->done() && channel.outgoing.empty())) {
    return v1::CHANNEL_STATE_IDLE;
  }
  const auto waiting = std::count_if(
      channel.outgoing.begin(), channel.outgoing.end(),
      [](const Outgoing& outgoing) { return outgoing.batch != nullptr; });
  const bool moves = !channel.credits.empty() ||
                     channel.in_flight > static_cast<uint64_t>(waiting);
  return moves ? v1::CHANNEL_STATE_RUNNABLE : v1::CHANNEL_STATE_PARKED;
}

void Pool::NoteState(Channel& channel, v1::ChannelState state) {
  if (channel.noted_state == state) return;
  metrics_.CountChannel(channel.noted_state, -1);
  metrics_.CountChannel(state, +1);
  channel.noted_state = state;
}

}  // namespace fairlead
