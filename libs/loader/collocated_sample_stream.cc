#include "libs/loader/collocated_sample_stream.h"

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {

absl::StatusOr<std::unique_ptr<CollocatedSampleStream>>
CollocatedSampleStream::Create(const Dataset& dataset,
                               const SampleStreamOptions& options,
                               RemotePartitions* remote,
                               cuda::Accelerator* accelerator) {
  if (dataset.num_partitions() > 1 && remote == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "remote: dataset ", dataset.name(), " has ", dataset.num_partitions(),
        " partitions, of which this process has one; give a RemotePartitions "
        "to ask for the others, such as a PartitionClient"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(ChannelPlan plan,
                            ChannelPlan::Create(dataset, options.seeds[0],
                                                options.config, accelerator));
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<CollocatedSampleStream>(
      new CollocatedSampleStream(dataset, options, remote, std::move(plan)));
}

CollocatedSampleStream::CollocatedSampleStream(
    const Dataset& dataset, const SampleStreamOptions& options,
    RemotePartitions* remote, ChannelPlan plan)
    : SampleStream(InputFingerprint(options)),
      workers_(std::get<CollocatedWorkerOptions>(options.worker_options)),
      stops_at_failure_(options.failure_policy == v1::FAILURE_POLICY_FAIL),
      remote_(remote),
      plan_(std::make_shared<const ChannelPlan>(std::move(plan))),
      caches_(dataset, workers_.feature_cache_bytes),
      landing_(options.landing),
      // One more than can be waiting, for the batch that the trainer works on.
      buffers_(workers_.prefetch_size + 1, landing_.allocate) {
  if (workers_.prefetch_size > 0) thread_ = std::thread([this] { RunAhead(); });
}

CollocatedSampleStream::~CollocatedSampleStream() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status CollocatedSampleStream::BeginEpoch(
    uint64_t epoch, absl::Span<const v1::EpochProgress> had) {
  {
    MutexLock lock(&mutex_);
    ahead_ = nullptr;
    made_.clear();
  }
  run_ = nullptr;
  ledger_.emplace(/*channel_id=*/0, epoch, batches());
  if (had.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cursor: is of ", had.size(),
        " servers, but this loader samples by itself; go on with the same "
        "workers"));
  }
  std::vector<BatchIndexRange> held;
  if (!had.empty()) {
    FAIRLEAD_RETURN_IF_ERROR(ledger_->Restore(had[0]));
    for (const v1::BatchRange& range : had[0].held()) {
      held.push_back({.begin = range.begin(), .end = range.end()});
    }
  }
  FAIRLEAD_ASSIGN_OR_RETURN(EpochCursor cursor,
                            EpochCursor::Create(batches(), std::move(held)));
  run_ = std::make_shared<Run>(*plan_, epoch, std::move(cursor));
  at_end_ = false;
  if (!thread_.joinable()) return absl::OkStatus();
  MutexLock lock(&mutex_);
  ahead_ = run_;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<ReceivedBatch>> CollocatedSampleStream::Next() {
  if (run_ == nullptr) {
    return absl::FailedPreconditionError(
        "no epoch runs; call StartEpoch first");
  }
  const absl::Duration before = clock_.MonotonicNow();
  std::optional<Made> made;
  if (!thread_.joinable()) {
    made = MakeNext(*run_);
  } else {
    MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &CollocatedSampleStream::CanTake));
    if (!made_.empty()) {
      made = std::move(made_.front());
      made_.pop_front();
    }
  }
  const absl::Duration now = clock_.MonotonicNow();
  stats_.waited += now - before;
  if (!made.has_value()) {
    FAIRLEAD_RETURN_IF_ERROR(End());
    return std::nullopt;
  }
  if (!made->batch.ok()) return TakeError(*made);
  ledger_->OnBatch(made->batch->message.header, made->batch->seed_digest);
  ReceivedBatch received = ToReceived(*std::move(made->batch), made->made);
  received.consumed = now;
  ++stats_.batches;
  stats_.bytes += received.bytes;
  return std::optional<ReceivedBatch>(std::move(received));
}

absl::Status CollocatedSampleStream::TakeError(const Made& made) {
  if (!made.found_no_room) {
    v1::BatchError error;
    error.set_epoch(run_->epoch);
    error.set_batch_index(made.batch_index);
    for (const BatchIndexRange& range : made.left_out) {
      v1::BatchRange& failed = *error.add_also_failed();
      failed.set_begin(range.begin);
      failed.set_end(range.end);
    }
    std::vector<v1::BatchRange> booked;
    ledger_->OnBatchError(error, &booked);
    for (const v1::BatchRange& range : booked) {
      stats_.failed += range.end() - range.begin();
    }
  }
  return {made.batch.status().code(),
          absl::StrCat("epoch ", run_->epoch, ", batch ", made.batch_index,
                       ": ", std::string(made.batch.status().message()))};
}

absl::Status CollocatedSampleStream::End() {
  if (std::exchange(at_end_, true)) return absl::OkStatus();
  const uint64_t missing = ledger_->num_missing();
  stats_.missing += missing;
  if (missing == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "epoch ", run_->epoch, ": ", missing, " of ", batches(),
      " batches could not be put where they are wanted, as was said in their "
      "places; go on from the cursor to have them made again"));
}

absl::StatusOr<std::vector<v1::EpochProgress>>
CollocatedSampleStream::progress() const {
  if (!ledger_.has_value()) {
    return absl::FailedPreconditionError(
        "no epoch runs; call StartEpoch first");
  }
  return std::vector<v1::EpochProgress>{ledger_->ProgressWithout({})};
}

ReceiveStats CollocatedSampleStream::stats() const {
  ReceiveStats stats = stats_;
  MutexLock lock(&mutex_);
  stats.queued = made_.size();
  return stats;
}

void CollocatedSampleStream::RunAhead() {
  while (true) {
    std::shared_ptr<Run> run;
    {
      MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &CollocatedSampleStream::HasWork));
      if (stopping_) return;
      run = ahead_;
    }
    std::optional<Made> made = MakeNext(*run);
    MutexLock lock(&mutex_);
    if (ahead_ != run) continue;  // another epoch began
    if (made.has_value()) {
      made_.push_back(*std::move(made));
    } else {
      ahead_ = nullptr;
    }
  }
}

std::optional<CollocatedSampleStream::Made> CollocatedSampleStream::MakeNext(
    Run& run) {
  const std::optional<uint64_t> index = run.cursor.Next();
  if (!index.has_value()) return std::nullopt;
  bool found_no_room = false;
  Made made{.batch_index = *index, .batch = Make(run, *index, &found_no_room)};
  made.found_no_room = found_no_room;
  made.made = clock_.MonotonicNow();
  if (!made.batch.ok() && !found_no_room && stops_at_failure_) {
    made.left_out = run.cursor.TakeRest();
  }
  return made;
}

absl::StatusOr<EncodedBatch> CollocatedSampleStream::Make(const Run& run,
                                                          uint64_t batch_index,
                                                          bool* found_no_room) {
  v1::MessageHeader header;
  header.set_epoch(run.epoch);
  header.set_batch_index(batch_index);
  try {
    prepared_.trace.Clear();
    const auto now = [this] {
      return static_cast<uint64_t>(
          absl::ToInt64Nanoseconds(clock_.MonotonicNow()));
    };
    prepared_.trace.set_started_ns(now());
    prepared_.trace.set_queued_ns(prepared_.trace.started_ns());
    FAIRLEAD_RETURN_IF_ERROR(
        prepared_.Restart(plan_, run.seeds, std::move(header), &caches_));
    while (true) {
      FAIRLEAD_ASSIGN_OR_RETURN(const bool planned, prepared_.Advance(clock_));
      if (planned) break;
      FAIRLEAD_RETURN_IF_ERROR(AskOthers());
    }
    absl::StatusOr<std::shared_ptr<uint8_t>> buffer =
        buffers_.Take(prepared_.bytes());
    if (!buffer.ok()) {
      *found_no_room = true;
      return buffer.status();
    }
    const absl::Span<uint8_t> bytes(buffer->get(), prepared_.bytes());
    FAIRLEAD_RETURN_IF_ERROR(prepared_.writer().WriteTo(bytes));
    prepared_.trace.set_features_ns(now());
    prepared_.trace.set_committed_ns(prepared_.trace.features_ns());
    prepared_.writer().Stamp(bytes, prepared_.trace);
    FAIRLEAD_ASSIGN_OR_RETURN(EncodedBatch batch,
                              DecodeBatch(*std::move(buffer), bytes.size()));
    const absl::Status landed = Land(landing_, batch);
    if (!landed.ok()) {
      *found_no_room = true;
      return landed;
    }
    return batch;
  } catch (const std::exception& e) {
    // Out of memory, most likely: it costs this batch, not the trainer.
    return absl::InternalError(e.what());
  }
}

absl::Status CollocatedSampleStream::AskOthers() {
  if (remote_ == nullptr) {
    return absl::FailedPreconditionError(
        "it has nodes of other partitions, and nobody to ask for them");
  }
  // Shared: the answer may still be letting go of it when this returns.
  struct Answer {
    Mutex mutex;
    std::optional<absl::Status> status ABSL_GUARDED_BY(mutex);
  };
  const auto answer = std::make_shared<Answer>();
  remote_->Fetch(prepared_.fetches(), [answer](absl::Status status) {
    MutexLock lock(&answer->mutex);
    answer->status = std::move(status);
  });
  MutexLock lock(&answer->mutex);
  const auto is_there = [&answer]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return answer->status.has_value();
  };
  answer->mutex.Await(absl::Condition(&is_there));
  return *answer->status;
}

}  // namespace fairlead
