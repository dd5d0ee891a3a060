#ifndef FAIRLEAD_LIBS_LOADER_MP_SAMPLE_STREAM_H_
#define FAIRLEAD_LIBS_LOADER_MP_SAMPLE_STREAM_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/clock/clock.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/buffer_pool.h"
#include "libs/loader/epoch_ledger.h"
#include "libs/loader/landing.h"
#include "libs/loader/pool_channel.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/sample_stream_options.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"

namespace fairlead {

// Batches of a sampler pool that the trainer starts on its own host, straight
// out of shared memory: no cluster, no gateway, no copy.
//
//   trainer ── RegisterInput, StartEpoch ──► sampler pool (a child process)
//      ▲                                          │
//      └────────── shm channel, in place ─────────┘
//
// If the pool dies it is started again, and makes what is missing of the epoch:
// each batch comes once. One that neither makes batches nor answers for
// stall_timeout is ended, which is a death too. After three without a batch
// between, Next() says so, and where the log is (GLT hangs: GL-059).
//
// Tensors lie in the channel until they are let go of, as long as that leaves
// room for any batch; those of the batches beyond that are copies.
class MpSampleStream final : public SampleStream {
 public:
  // Starts the pool and registers the seeds. INVALID_ARGUMENT, naming the
  // option, if the dataset has several partitions and nobody knows the others;
  // NOT_FOUND if there is no program; UNAVAILABLE, with the last that it said,
  // if it does not come up; otherwise as ChannelPlan::Create. REQUIRES
  // Validate(options).ok(), and multi-process workers. `dataset` need not
  // outlive it, but its files must be there.
  static absl::StatusOr<std::unique_ptr<MpSampleStream>> Create(
      const DistDataset& dataset, const SampleStreamOptions& options);

  uint64_t batches() const override { return pool_->batches(); }
  uint64_t seeds() const override { return pool_->seeds(); }
  absl::StatusOr<std::optional<ReceivedBatch>> Next() override;
  ReceiveStats stats() const override;

  // Whether the pool has made all batches of the epoch. UNAVAILABLE while it is
  // away.
  absl::StatusOr<bool> IsAllMade() const;

  // Whether Next() has come to the end of the epoch.
  bool at_end() const { return ledger_.has_value() && !is_running_; }

  // Of the pool, for whoever watches processes; 0 while there is none.
  pid_t pool_pid() const { return pool_->pid(); }

 private:
  MpSampleStream(const SampleStreamOptions& options,
                 std::unique_ptr<PoolChannel> pool);

  absl::Status BeginEpoch(uint64_t epoch,
                          absl::Span<const v1::EpochProgress> had) override;
  absl::StatusOr<std::vector<v1::EpochProgress>> progress() const override;

  // Starts what is missing of the epoch, as often as the pool may die.
  absl::Status StartAttempt();
  absl::Status TryAttempt();
  // Ends the attempt: the next is another pool's. UNAVAILABLE if pools die as
  // fast as they are started.
  absl::Status OnDeath(const absl::Status& why);
  // No batch has come for a while: goes on in another channel if the pool waits
  // for room that only the trainer can give, and with another pool if it does
  // not answer.
  absl::Status OnSilence();

  // What a message is to the trainer; nullopt if it is nothing.
  absl::StatusOr<std::optional<ReceivedBatch>> Take(
      std::unique_ptr<KeptMessage> kept);
  absl::StatusOr<std::optional<ReceivedBatch>> TakeBatch(
      std::unique_ptr<KeptMessage> message);

  const absl::Duration stall_timeout_;
  const RealClock clock_;
  const std::unique_ptr<PoolChannel> pool_;
  const Landing landing_;
  bool keeps_in_place_;
  BufferPool buffers_;

  std::optional<EpochLedger> ledger_;  // of what Next() returned
  bool is_running_ = false;
  int deaths_ = 0;  // since the last batch
  ReceiveStats stats_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_MP_SAMPLE_STREAM_H_
