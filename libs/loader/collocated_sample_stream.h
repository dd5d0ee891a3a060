#ifndef FAIRLEAD_LIBS_LOADER_COLLOCATED_SAMPLE_STREAM_H_
#define FAIRLEAD_LIBS_LOADER_COLLOCATED_SAMPLE_STREAM_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/batch_maker/epoch_seeds.h"
#include "libs/batch_maker/prepared_batch.h"
#include "libs/clock/clock.h"
#include "libs/cuda/accelerator.h"
#include "libs/dist_graph/row_gather.h"
#include "libs/graph/dataset.h"
#include "libs/loader/buffer_pool.h"
#include "libs/loader/encoded_batch.h"
#include "libs/loader/epoch_ledger.h"
#include "libs/loader/landing.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/loader/worker_options.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/sampling/epoch_plan.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"

namespace fairlead {

// Batches that the trainer's own process makes, in the order of their index:
// one after another in Next(), or ahead of it on a thread of the stream's.
//
// A batch that cannot be made is not tried again, since it would fail in the
// same way; with FAILURE_POLICY_FAIL the epoch's others are left out. One that
// was made and could not be put where it is wanted counts as missing: the epoch
// ends with DATA_LOSS, and from the cursor it comes again.
class CollocatedSampleStream final : public SampleStream {
 public:
  // `dataset`, `remote` and `accelerator`, which is a GPU's for that dataset or
  // null, must outlive it. INVALID_ARGUMENT if the dataset has
  // several partitions and `remote` is null; otherwise as ChannelPlan::Create.
  // REQUIRES Validate(options).ok(), and collocated workers.
  static absl::StatusOr<std::unique_ptr<CollocatedSampleStream>> Create(
      const Dataset& dataset, const SampleStreamOptions& options,
      RemotePartitions* remote, cuda::Accelerator* accelerator = nullptr);

  ~CollocatedSampleStream() override;

  uint64_t batches() const override { return plan_->batches_per_epoch(); }
  uint64_t seeds() const override { return plan_->seeds().size(); }
  absl::StatusOr<std::optional<ReceivedBatch>> Next() override
      ABSL_LOCKS_EXCLUDED(mutex_);
  ReceiveStats stats() const override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // An epoch, as its batches are made.
  struct Run {
    Run(const ChannelPlan& plan, uint64_t run_epoch, EpochCursor run_cursor)
        : epoch(run_epoch),
          seeds(plan, run_epoch),
          cursor(std::move(run_cursor)) {}

    const uint64_t epoch;
    const EpochSeeds seeds;
    EpochCursor cursor;
  };
  // A batch, or why there is none and which will not be made either.
  struct Made {
    uint64_t batch_index = 0;
    absl::StatusOr<EncodedBatch> batch;
    bool found_no_room = false;  // and would be made if there were some
    absl::Duration made = absl::ZeroDuration();
    std::vector<BatchIndexRange> left_out = {};
  };

  CollocatedSampleStream(const Dataset& dataset,
                         const SampleStreamOptions& options,
                         RemotePartitions* remote, ChannelPlan plan);

  absl::Status BeginEpoch(uint64_t epoch,
                          absl::Span<const v1::EpochProgress> had) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<v1::EpochProgress>> progress() const override;

  // The next batch of the epoch; nullopt after its last. One thread.
  std::optional<Made> MakeNext(Run& run);
  absl::StatusOr<EncodedBatch> Make(const Run& run, uint64_t batch_index,
                                    bool* found_no_room);
  // The error in the place of a batch, which is booked.
  absl::Status TakeError(const Made& made);
  // OK if no batch of the epoch is missing, or that was said before.
  absl::Status End();
  absl::Status AskOthers();

  void RunAhead() ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ ||
           (ahead_ != nullptr && made_.size() < workers_.prefetch_size);
  }
  bool CanTake() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !made_.empty() || ahead_ == nullptr;
  }

  const CollocatedWorkerOptions workers_;
  const bool stops_at_failure_;
  RemotePartitions* const remote_;
  const std::shared_ptr<const ChannelPlan> plan_;
  const RowCaches caches_;
  const RealClock clock_;
  const Landing landing_;
  BufferPool buffers_;
  PreparedBatch prepared_;  // used by whoever makes batches, and so is the Run

  // The trainer's.
  std::shared_ptr<Run> run_;
  std::optional<EpochLedger> ledger_;  // of what Next() returned
  bool at_end_ = false;                // of the epoch, and Next() said so
  ReceiveStats stats_;

  mutable Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // What the thread makes batches of; null once it has made all.
  std::shared_ptr<Run> ahead_ ABSL_GUARDED_BY(mutex_);
  std::deque<Made> made_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // last: it uses the above; none without prefetching
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_COLLOCATED_SAMPLE_STREAM_H_
