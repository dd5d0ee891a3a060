#ifndef FAIRLEAD_LIBS_LOADER_SAMPLE_STREAM_H_
#define FAIRLEAD_LIBS_LOADER_SAMPLE_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream_options.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"

namespace fairlead {

class DistDataset;
class RemotePartitions;

// A trainer's batches without libtorch, as bytes that are tensors in place:
// what DistNeighborLoader stands on, and enough for a tool. Who makes them,
// options.worker_options says; what is in them is the same whoever does.
//
//   NeighborLoaderOptions options;
//   options.fanout = {15, 10};
//   auto stream = SampleStream::Create(options);
//   (*stream)->StartEpoch();
//   while (auto batch = (*stream)->Next(); batch.ok() && batch->has_value())
//   ...
//
// One thread at a time. Batches and their tensors may outlive it.
class SampleStream {
 public:
  // With remote workers, the default, and the options of any kind of loader
  // (loader_options.h). INVALID_ARGUMENT for bad options; otherwise as the
  // registry answers.
  template <typename Options>
  static absl::StatusOr<std::unique_ptr<SampleStream>> Create(
      const Options& options) {
    return Create(nullptr, options);
  }

  // With any workers (parity GL-050, GL-051, GL-058). Collocated and
  // multi-process ones sample `dataset`, which must outlive the stream; with
  // remote ones, which have their own, it must be null. INVALID_ARGUMENT if it
  // is not so. `remote`, which must outlive it too, asks other partitions for
  // collocated workers; may be null where the dataset has one.
  // With a session in the options, also what CheckSession answers.
  static absl::StatusOr<std::unique_ptr<SampleStream>> Create(
      const DistDataset* dataset, SampleStreamOptions options,
      RemotePartitions* remote = nullptr);
  template <typename Options>
  static absl::StatusOr<std::unique_ptr<SampleStream>> Create(
      const DistDataset* dataset, const Options& options,
      RemotePartitions* remote = nullptr) {
    absl::StatusOr<SampleStreamOptions> resolved = Resolve(options);
    if (!resolved.ok()) return resolved.status();
    return Create(dataset, *std::move(resolved), remote);
  }

  virtual ~SampleStream() = default;

  // In every epoch, over all servers.
  virtual uint64_t batches() const = 0;
  virtual uint64_t seeds() const = 0;

  // Starts the next epoch, 0 first; what is left of the one before it is
  // dropped. The epoch counts as started even if this fails.
  absl::Status StartEpoch() { return BeginEpoch(next_epoch_++, {}); }

  // Where the trainer is: the epoch, and what Next() has returned of it. Small
  // enough for every checkpoint. FAILED_PRECONDITION before the first epoch.
  absl::StatusOr<v1::LoaderCursor> cursor() const;

  // In place of StartEpoch(): goes on where `cursor` was made, maybe in another
  // process. Every batch that had not come then comes, the same bytes; the next
  // StartEpoch() starts the epoch after it. INVALID_ARGUMENT if the cursor is
  // of other seeds, another sampling config or other partitions.
  absl::Status ResumeEpoch(const v1::LoaderCursor& cursor);

  // The next batch, waiting for it as long as it takes; nullopt at the end of
  // the epoch, every time. An error stands in the place of what failed, and
  // later calls go on: see RemoteReceivingChannel::Recv. FAILED_PRECONDITION
  // before an epoch was started.
  virtual absl::StatusOr<std::optional<ReceivedBatch>> Next() = 0;

  virtual ReceiveStats stats() const = 0;

 protected:
  // InputFingerprint of its options.
  explicit SampleStream(uint64_t input_fingerprint)
      : input_fingerprint_(input_fingerprint) {}

 private:
  // Starts an epoch without what an earlier stream had of it, by server; `had`
  // is empty for all of it. Drops what is left of the epoch before it.
  virtual absl::Status BeginEpoch(uint64_t epoch,
                                  absl::Span<const v1::EpochProgress> had) = 0;

  // What Next() has returned of the epoch, by server. FAILED_PRECONDITION
  // before there was one.
  virtual absl::StatusOr<std::vector<v1::EpochProgress>> progress() const = 0;

  const uint64_t input_fingerprint_;
  uint64_t next_epoch_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_SAMPLE_STREAM_H_
