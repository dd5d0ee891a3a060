// What a pool's threads do: the workers, which make batches, and the one that
// waits at the doorbell.

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/shm_channel/crash_note.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/message_tag.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "services/sampler_pool/pool.h"

namespace fairlead {
namespace {

// Of a batch that cannot be made: one that is not the graph's own fault may
// go well the next time; one that never does costs no more than this.
constexpr int kTries = 3;

uint64_t Nanoseconds(absl::Duration time) {
  return static_cast<uint64_t>(absl::ToInt64Nanoseconds(time));
}

// A worker that wakes does not take the core of whoever has batches on their
// way, a gateway or trainer of this host: these then move more at a time.
void YieldToOthers() {
  const sched_param parameters = {};
  // Where the host does not allow it, workers are as others.
  (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &parameters);
}

// Whether trying again makes sense.
bool MayPass(const absl::Status& error) {
  return absl::IsInternal(error) || absl::IsUnavailable(error) ||
         absl::IsResourceExhausted(error) || absl::IsDeadlineExceeded(error);
}

}  // namespace

void Pool::RunDoorbell() {
  while (true) {
    const std::vector<uint32_t> slots =
        doorbell_->Wait(absl::InfiniteDuration());
    MutexLock lock(&mutex_);
    if (stopping_) return;
    table_.Rung(slots, clock_.MonotonicNow());
  }
}

bool Pool::HasWorkOrStops() const {
  if (stopping_) return true;
  if (one_is_alone_) return false;
  if (suspect_ != nullptr) return busy_ == 0;
  return !resumed_.empty() || table_.HasWork(clock_.MonotonicNow());
}

std::unique_ptr<Pool::Batch> Pool::TakeSpare(const ChannelPlan& plan) {
  if (spares_.empty()) return std::make_unique<Batch>();
  // The last used of these, which is most likely still in a cache.
  auto found = std::find_if(
      spares_.rbegin(), spares_.rend(),
      [&plan](const auto& spare) { return spare->HasSamplerFor(plan); });
  if (found == spares_.rend()) found = spares_.rbegin();
  std::unique_ptr<Batch> spare = std::move(*found);
  spares_.erase(std::next(found).base());
  return spare;
}

std::unique_ptr<Pool::Task> Pool::WaitForWork() {
  MutexLock lock(&mutex_);
  while (true) {
    if (stopping_) return nullptr;
    const absl::Duration now = clock_.MonotonicNow();
    if (std::unique_ptr<Task> task = NextTask(now)) {
      ++busy_;
      return task;
    }
    mutex_.AwaitWithTimeout(absl::Condition(this, &Pool::HasWorkOrStops),
                            table_.NextEvent() - now);
  }
}

std::unique_ptr<Pool::Task> Pool::NextTask(absl::Duration now) {
  if (one_is_alone_) return nullptr;
  if (suspect_ == nullptr) {
    std::unique_ptr<Task> task;
    if (!resumed_.empty()) {
      task = std::move(resumed_.front());
      resumed_.pop_front();
    } else if (std::optional<Work> work = table_.NextWork(now)) {
      task = std::make_unique<Task>();
      task->work = *std::move(work);
      if (task->work.made == nullptr) {
        task->batch = TakeSpare(*task->work.plan);
      }
    } else {
      return nullptr;
    }
    if (!IsSuspect(*task)) return task;
    suspect_ = std::move(task);
  }
  // Soon: workers wait for no channel, and for no other partition.
  if (busy_ > 0) return nullptr;
  one_is_alone_ = true;
  return std::move(suspect_);
}

bool Pool::IsSuspect(Task& task) const {
  if (note_ == nullptr || note_->num_suspects() == 0) return false;
  const CrashNote::Suspect* suspect = note_->Find(task.name());
  if (suspect == nullptr) return false;
  if (suspect->deaths_alone < options_.poison_attempts) return true;
  task.poisoned = absl::InternalError(absl::StrCat(
      "its sampler pool (partition ", dataset_.partition(), " of ",
      dataset_.name(), ") died ", suspect->deaths, " times while it was made, ",
      suspect->deaths_alone,
      " of them with nothing else in the making, so its ",
      task.work.plan->SeedsOf(task.work.batch_index),
      " seeds are not sampled again; look for how the process died (SIGBUS, "
      "SIGSEGV, out of memory), check the dataset's files, and end the pool "
      "with SIGTERM when it is mended: the next one tries again"));
  return false;
}

void Pool::EndTurn() {
  --busy_;
  one_is_alone_ = false;  // if it was, it was this one
}

void Pool::RunWorker(int worker) {
  YieldToOthers();
  prometheus::Counter& busy_seconds = metrics_.WorkerBusySeconds(worker);
  while (std::unique_ptr<Task> task = WaitForWork()) {
    const absl::Duration start = clock_.MonotonicNow();
    absl::Status error;
    const auto slot = static_cast<size_t>(worker);
    if (note_ != nullptr) note_->Begin(slot, task->name());
    const std::optional<Outcome> outcome = Do(*task, &error);
    if (note_ != nullptr) note_->End(slot);
    const absl::Duration end = clock_.MonotonicNow();
    busy_seconds.Increment(absl::ToDoubleSeconds(end - start));
    task->cost += end - start;
    if (!outcome.has_value()) {
      PutAside(std::move(task));
      continue;
    }
    if (outcome == Outcome::kCommitted) metrics_.batches_ok.Increment();
    if (outcome == Outcome::kFailed) metrics_.batches_failed.Increment();
    if (outcome == Outcome::kWaitsForRoom) metrics_.waits_for_room.Increment();
    // Let go of without the lock: it may be the last of a channel.
    const ChannelTable::ChannelPtr channel = task->work.channel;
    const std::shared_ptr<ShmProducer> producer = task->work.producer;
    const std::shared_ptr<const ChannelPlan> plan = task->work.plan;
    MutexLock lock(&mutex_);
    EndTurn();
    if (note_ != nullptr && outcome == Outcome::kCommitted) {
      note_->Clear(task->name());
    }
    table_.Finish(std::move(task->work), *outcome, error, task->cost, end);
    if (task->batch != nullptr &&
        spares_.size() < static_cast<size_t>(options_.workers)) {
      spares_.push_back(std::move(task->batch));
    }
  }
}

void Pool::PutAside(std::unique_ptr<Task> task) {
  {
    MutexLock lock(&mutex_);
    EndTurn();
    ++put_aside_;
  }
  const RemoteFetches fetches = task->batch->fetches();
  const absl::Duration since = clock_.MonotonicNow();
  // Shared, since a std::function must be able to copy what it holds.
  auto held = std::make_shared<std::unique_ptr<Task>>(std::move(task));
  remote_->Fetch(fetches, [this, held, since](absl::Status status) {
    (*held)->fetched = std::move(status);
    (*held)->batch->NoteRemoteWait(clock_.MonotonicNow() - since);
    MutexLock lock(&mutex_);
    --put_aside_;
    resumed_.push_back(std::move(*held));
  });
}

std::optional<Pool::Outcome> Pool::Do(Task& task, absl::Status* error) {
  Work& work = task.work;
  if (work.run->cancelled) return Outcome::kCancelled;
  if (!task.poisoned.ok()) {
    std::cerr << "sampler_pool: " << ChannelName(work.channel->spec)
              << ", epoch " << work.run->epoch << ", batch " << work.batch_index
              << ": " << task.poisoned.message() << "\n";
    *error = task.poisoned;
    return Outcome::kFailed;
  }
  if (work.made != nullptr) {
    auto& batch = static_cast<Batch&>(*work.made);
    metrics_.room_seconds.Observe(
        absl::ToDoubleSeconds(clock_.MonotonicNow() - batch.made_at));
    *error = Commit(work, batch, *work.reservation);
    return error->ok() ? Outcome::kCommitted : Outcome::kFailed;
  }
  const absl::StatusOr<bool> is_planned = Prepare(task);
  if (!is_planned.ok()) {
    *error = is_planned.status();
    return Outcome::kFailed;
  }
  if (work.run->cancelled) return Outcome::kCancelled;
  if (!*is_planned) return std::nullopt;

  work.message_bytes = task.batch->bytes();
  absl::StatusOr<ShmReservation> reservation =
      work.producer->ReserveFrom(work.credit->credit, work.message_bytes);
  if (absl::IsResourceExhausted(reservation.status())) {
    task.batch->made_at = clock_.MonotonicNow();
    work.made = std::move(task.batch);
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
  *error = reservation.ok() ? Commit(work, *task.batch, *reservation)
                            : reservation.status();
  if (absl::IsCancelled(*error)) return Outcome::kCancelled;
  return error->ok() ? Outcome::kCommitted : Outcome::kFailed;
}

absl::StatusOr<bool> Pool::Prepare(Task& task) {
  // The client has asked again wherever that may help.
  FAIRLEAD_RETURN_IF_ERROR(task.fetched);
  const v1::FailurePolicy policy = task.work.channel->spec.failure_policy();
  const bool retries = policy == v1::FAILURE_POLICY_UNSPECIFIED ||
                       policy == v1::FAILURE_POLICY_RETRY;
  while (true) {
    absl::StatusOr<bool> is_planned = false;
    try {
      const absl::Status begun =
          task.is_begun ? absl::OkStatus() : Restart(task);
      task.is_begun = true;
      is_planned = begun.ok() ? task.batch->Advance(clock_) : begun;
    } catch (const std::exception& e) {
      // Out of memory, most likely: it costs this batch, not the process.
      is_planned = absl::InternalError(e.what());
    }
    if (is_planned.ok()) {
      if (*is_planned || remote_ != nullptr) return is_planned;
      return absl::FailedPreconditionError(
          "it has nodes of other partitions, and nobody to ask for them");
    }
    if (!MayPass(is_planned.status()) || !retries || task.tries == kTries ||
        task.work.run->cancelled) {
      return is_planned;
    }
    ++task.tries;
    task.is_begun = false;
  }
}

absl::Status Pool::Restart(Task& task) {
  const Work& work = task.work;
  v1::TraceStamps& trace = task.batch->trace;
  if (task.tries == 1) {  // what fails first is part of its sampling
    trace.Clear();
    task.batch->remote = absl::ZeroDuration();  // it may be a spare
    task.batch->remote_in_sampling = absl::ZeroDuration();
    trace.set_queued_ns(Nanoseconds(work.credit->since));
    trace.set_started_ns(Nanoseconds(clock_.MonotonicNow()));
  }
  v1::MessageHeader header;
  header.set_channel_id(work.channel->id());
  header.set_epoch(work.run->epoch);
  header.set_batch_index(work.batch_index);
  header.set_attempt(work.run->attempt);
  if (options_.inject_failure != nullptr) {
    FAIRLEAD_RETURN_IF_ERROR(
        options_.inject_failure(work.channel->id(), work.batch_index));
  }
  return task.batch->Restart(work.plan, work.run->seeds, std::move(header),
                             &caches_);
}

absl::Status Pool::Commit(const Work& work, Batch& batch,
                          ShmReservation& reservation) {
  const absl::Duration reserved = clock_.MonotonicNow();
  FAIRLEAD_RETURN_IF_ERROR(batch.writer().WriteTo(reservation.bytes()));
  const absl::Duration written = clock_.MonotonicNow();
  batch.trace.set_features_ns(Nanoseconds(written));
  // The last that can be said in the message is that it is about to go.
  batch.trace.set_committed_ns(Nanoseconds(written));
  batch.writer().Stamp(reservation.bytes(), batch.trace);
  FAIRLEAD_RETURN_IF_ERROR(reservation.Commit(
      ChannelMessageTag{.kind = ChannelMessageTag::Kind::kBatch,
                        .epoch = work.run->epoch,
                        .attempt = work.run->attempt,
                        .batch_index = work.batch_index}
          .Encode()));
  const absl::Duration committed = clock_.MonotonicNow();

  if (batch.is_accelerated()) metrics_.device_batches.Increment();
  const auto between = [](uint64_t from_ns, uint64_t to_ns) {
    return absl::Nanoseconds(static_cast<int64_t>(to_ns - from_ns));
  };
  metrics_.CountBatch(
      batch.bytes(), batch.subgraph().TotalEdges(),
      {.queued = between(batch.trace.queued_ns(), batch.trace.started_ns()),
       .sample = between(batch.trace.started_ns(), batch.trace.sampled_ns()) -
                 batch.remote_in_sampling,
       .remote = batch.remote,
       .features = written - reserved,
       .commit = committed - written});
  return absl::OkStatus();
}

}  // namespace fairlead
