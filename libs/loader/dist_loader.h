#ifndef FAIRLEAD_LIBS_LOADER_DIST_LOADER_H_
#define FAIRLEAD_LIBS_LOADER_DIST_LOADER_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/loader/batch.h"
#include "libs/loader/placement.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/sample_stream_options.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"

namespace fairlead {

class DistLoader;

// One epoch of a loader, as a range. A batch that failed ends the loop, and
// status() says so: a loop that ended and a status that is OK mean that every
// batch of the epoch was there.
//
//   for (int i = 0; i < epochs; ++i) {
//     FAIRLEAD_ASSIGN_OR_RETURN(EpochRange epoch, loader->Epoch());
//     for (const Batch& batch : epoch) {
//       FAIRLEAD_ASSIGN_OR_RETURN(const Data data, batch.ToData());
//       Step(data);
//     }
//     FAIRLEAD_RETURN_IF_ERROR(epoch.status());
//   }
//
// Batches come once. A loop may be left early; another over the same epoch goes
// on behind what it had, or behind the batch that failed. The loader's next
// epoch drops what is left: from then on, as after its end, a loop over this
// one has no batch, and FAILED_PRECONDITION for a status. The loader must
// outlive it. One thread at a time.
//
// A loader is a range itself, of the next epoch each time.
class EpochRange {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = Batch;

    explicit Iterator(EpochRange* range) : range_(range) {}

    // Valid until the iterator moves on; a copy of it for as long as one likes.
    const Batch& operator*() const { return *range_->batch_; }
    const Batch* operator->() const { return &*range_->batch_; }
    // Waits for the next batch.
    Iterator& operator++() {
      range_->Advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t /*end*/) const {
      return !range_->batch_.has_value();
    }

   private:
    EpochRange* range_;
  };

  Iterator begin() {
    status_ = absl::OkStatus();
    Advance();
    return Iterator(this);
  }
  std::default_sentinel_t end() const { return {}; }

  // Why the last loop ended: OK if that was the end of the epoch, or the
  // trainer's own wish.
  const absl::Status& status() const { return status_; }

 private:
  friend class DistLoader;
  EpochRange(DistLoader* loader, uint64_t run) : loader_(loader), run_(run) {}

  void Advance();

  DistLoader* loader_;
  uint64_t run_;  // of the loader's, when this was made
  bool ended_ = false;
  std::optional<Batch> batch_;
  absl::Status status_;
};

// Loads batches as libtorch tensors, with any kind of sampling and any of GLT's
// three kinds of workers (parity GL-050 to GL-060): what DistNeighborLoader and
// the others have in common.
//
// Batches come ahead of the trainer on threads that are not its own, as far as
// the options allow, and from remote workers in any order; which batches come,
// and what is in them, depends on nothing but the dataset and the options. One
// thread at a time.
class DistLoader {
 public:
  DistLoader(const DistLoader&) = delete;
  DistLoader& operator=(const DistLoader&) = delete;

  // In every epoch.
  uint64_t batches() const { return stream_->batches(); }
  uint64_t seeds() const { return stream_->seeds(); }

  // Starts the next epoch, 0 first; of one that was broken off nothing comes
  // later. Epoch() is the same, as a range.
  absl::Status StartEpoch() {
    ++run_;
    return stream_->StartEpoch();
  }
  absl::StatusOr<EpochRange> Epoch() { return RangeIf(StartEpoch()); }

  // The next epoch as a loop over the loader: each begin() starts one, and an
  // epoch that cannot be started is a loop without batches. status() says why
  // the last loop ended, as an EpochRange's does.
  //
  //   for (const Batch& batch : *loader) ...
  //   FAIRLEAD_RETURN_IF_ERROR(loader->status());
  EpochRange::Iterator begin();
  std::default_sentinel_t end() const { return {}; }
  const absl::Status& status() const { return loop_.status(); }

  // What a checkpoint of the training keeps of the loader, and how another
  // process goes on from it, with the same options: in place of StartEpoch().
  // INVALID_ARGUMENT if the options are others.
  absl::StatusOr<v1::LoaderCursor> cursor() const { return stream_->cursor(); }
  absl::Status ResumeEpoch(const v1::LoaderCursor& cursor) {
    ++run_;
    return stream_->ResumeEpoch(cursor);
  }
  absl::StatusOr<EpochRange> RestOfEpoch(const v1::LoaderCursor& cursor) {
    return RangeIf(ResumeEpoch(cursor));
  }

  // The next batch, waiting for it; nullopt at the end of the epoch. An error
  // stands in the place of what failed, and later calls go on: see
  // RemoteReceivingChannel::Recv.
  absl::StatusOr<std::optional<Batch>> Next() {
    absl::StatusOr<std::optional<ReceivedBatch>> received = stream_->Next();
    if (!received.ok()) return received.status();
    if (!received->has_value()) return std::nullopt;
    return std::optional<Batch>(Batch(**std::move(received), placement_));
  }

  ReceiveStats stats() const { return stream_->stats(); }

 protected:
  DistLoader(std::unique_ptr<SampleStream> stream, const Placement& placement)
      : stream_(std::move(stream)), placement_(placement) {}
  ~DistLoader() = default;

 private:
  friend class EpochRange;

  absl::StatusOr<EpochRange> RangeIf(const absl::Status& started) {
    if (!started.ok()) return started;
    return EpochRange(this, run_);
  }

  const std::unique_ptr<SampleStream> stream_;
  const Placement placement_;
  uint64_t run_ = 0;          // how many epochs were started or resumed
  EpochRange loop_{this, 0};  // of begin()
};

// A loader of the kind that `OptionsOfKind` are of.
template <typename OptionsOfKind>
class DistLoaderOf final : public DistLoader {
 public:
  using Options = OptionsOfKind;

  // With remote workers, the default: joins the cluster and registers the
  // seeds, waiting up to connect_timeout for what is not there yet.
  // INVALID_ARGUMENT names a bad option; NOT_FOUND a split, type or file that
  // there is none of; OUT_OF_RANGE a seed that is no node; UNAVAILABLE what
  // could not be reached; ALREADY_EXISTS says how the backend_key or worker_key
  // is taken.
  static absl::StatusOr<std::unique_ptr<DistLoaderOf>> Create(
      const Options& options) {
    return Create(nullptr, options);
  }

  // With any workers: as SampleStream::Create.
  static absl::StatusOr<std::unique_ptr<DistLoaderOf>> Create(
      const DistDataset* dataset, const Options& options,
      RemotePartitions* remote = nullptr) {
    const absl::StatusOr<Placement> placement = Placement::Create(
        options.to_device, options.pin_memory, options.pinned_budget);
    if (!placement.ok()) return placement.status();
    absl::StatusOr<SampleStreamOptions> resolved = Resolve(options);
    if (!resolved.ok()) return resolved.status();
    resolved->landing = placement->landing();
    absl::StatusOr<std::unique_ptr<SampleStream>> stream =
        SampleStream::Create(dataset, *std::move(resolved), remote);
    if (!stream.ok()) return stream.status();
    // The constructor is private, so std::make_unique cannot call it.
    return std::unique_ptr<DistLoaderOf>(
        new DistLoaderOf(*std::move(stream), *placement));
  }

 private:
  using DistLoader::DistLoader;
};

inline void EpochRange::Advance() {
  batch_.reset();
  if (loader_->run_ != run_ || ended_) {
    status_ = absl::FailedPreconditionError(
        ended_ ? "this epoch has come to its end; call Epoch() for the next"
               : "this epoch was ended by a later one; go through what the "
                 "loader's last Epoch() returned");
    return;
  }
  absl::StatusOr<std::optional<Batch>> next = loader_->Next();
  if (!next.ok()) {
    status_ = next.status();
    return;
  }
  batch_ = *std::move(next);
  ended_ = !batch_.has_value();
}

inline EpochRange::Iterator DistLoader::begin() {
  const absl::Status started = StartEpoch();
  loop_ = EpochRange(this, run_);
  if (started.ok()) return loop_.begin();
  loop_.status_ = started;
  return EpochRange::Iterator(&loop_);
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_DIST_LOADER_H_
