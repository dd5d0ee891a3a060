#ifndef FAIRLEAD_LIBS_LOADER_DIST_NEIGHBOR_LOADER_H_
#define FAIRLEAD_LIBS_LOADER_DIST_NEIGHBOR_LOADER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/loader/batch.h"
#include "libs/loader/neighbor_loader_options.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"

namespace fairlead {

// Loads the sampled neighbourhoods of seed nodes, batch by batch, as libtorch
// tensors: GLT's DistNeighborLoader (parity GL-050 to GL-060), with any of its
// three kinds of workers (options.worker_options). See example_trainer.cc.
//
// Batches come ahead of Next(), as far as the options allow, and from remote
// workers in any order; which batches come, and what is in them, depends on
// nothing but the dataset and the options. One thread at a time.
class DistNeighborLoader {
 public:
  // With remote workers, the default: joins the cluster and registers the
  // seeds, waiting up to connect_timeout for what is not there yet.
  // INVALID_ARGUMENT names a bad option; NOT_FOUND a split or type that the
  // dataset does not have; OUT_OF_RANGE a seed that is no node; UNAVAILABLE
  // what could not be reached; ALREADY_EXISTS says how the backend_key or
  // worker_key is taken.
  static absl::StatusOr<std::unique_ptr<DistNeighborLoader>> Create(
      NeighborLoaderOptions options) {
    return Create(nullptr, std::move(options));
  }

  // With any workers: as SampleStream::Create.
  static absl::StatusOr<std::unique_ptr<DistNeighborLoader>> Create(
      const DistDataset* dataset, NeighborLoaderOptions options,
      RemotePartitions* remote = nullptr) {
    absl::StatusOr<std::unique_ptr<SampleStream>> stream =
        SampleStream::Create(dataset, std::move(options), remote);
    if (!stream.ok()) return stream.status();
    // The constructor is private, so std::make_unique cannot call it.
    return std::unique_ptr<DistNeighborLoader>(
        new DistNeighborLoader(*std::move(stream)));
  }

  // In every epoch.
  uint64_t batches() const { return stream_->batches(); }
  uint64_t seeds() const { return stream_->seeds(); }

  // Starts the next epoch, 0 first. An epoch may be broken off: nothing of it
  // comes later.
  absl::Status StartEpoch() { return stream_->StartEpoch(); }

  // What a checkpoint of the training keeps of the loader, and how another
  // process goes on from it, with the same options: in place of StartEpoch().
  // INVALID_ARGUMENT if the options are others.
  absl::StatusOr<v1::LoaderCursor> cursor() const { return stream_->cursor(); }
  absl::Status ResumeEpoch(const v1::LoaderCursor& cursor) {
    return stream_->ResumeEpoch(cursor);
  }

  // The next batch, waiting for it; nullopt at the end of the epoch. An error
  // stands in the place of what failed, and later calls go on: see
  // RemoteReceivingChannel::Recv.
  absl::StatusOr<std::optional<Batch>> Next() {
    absl::StatusOr<std::optional<ReceivedBatch>> received = stream_->Next();
    if (!received.ok()) return received.status();
    if (!received->has_value()) return std::nullopt;
    return std::optional<Batch>(Batch(**std::move(received)));
  }

  ReceiveStats stats() const { return stream_->stats(); }

 private:
  explicit DistNeighborLoader(std::unique_ptr<SampleStream> stream)
      : stream_(std::move(stream)) {}

  const std::unique_ptr<SampleStream> stream_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_DIST_NEIGHBOR_LOADER_H_
