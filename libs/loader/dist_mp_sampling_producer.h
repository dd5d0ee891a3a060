#ifndef FAIRLEAD_LIBS_LOADER_DIST_MP_SAMPLING_PRODUCER_H_
#define FAIRLEAD_LIBS_LOADER_DIST_MP_SAMPLING_PRODUCER_H_

#include <memory>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/check_session.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/mp_sample_stream.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_macros.h"

namespace fairlead {

// GLT's name for a stream of multi-process workers (parity GL-092 to GL-096).
// It has its output channel rather than being given one. One thread at a time.
class DistMpSamplingProducer {
 public:
  // `data` must outlive it.
  DistMpSamplingProducer(const DistDataset& data, NeighborLoaderOptions options)
      : data_(data), options_(std::move(options)) {
    if (!std::holds_alternative<MpWorkerOptions>(options_.worker_options)) {
      options_.worker_options = MpWorkerOptions();
    }
  }

  // Starts the sampler pool. As SampleStream::Create.
  absl::Status Init() {
    FAIRLEAD_ASSIGN_OR_RETURN(const SampleStreamOptions options,
                              Resolve(options_));
    FAIRLEAD_RETURN_IF_ERROR(CheckSession(options));
    FAIRLEAD_ASSIGN_OR_RETURN(stream_, MpSampleStream::Create(data_, options));
    return absl::OkStatus();
  }
  // Ends it, within seconds.
  void Shutdown() { stream_ = nullptr; }

  // All below REQUIRE Init(). Starts the next epoch; batches come from here.
  absl::Status ProduceAll() { return stream_->StartEpoch(); }
  SampleStream& output_channel() { return *stream_; }

  // Whether all batches of the epoch are made, and whether output_channel() has
  // given them all: batches that are made and not taken are never lost.
  // UNAVAILABLE while the pool is away.
  absl::StatusOr<bool> IsAllSamplingCompleted() const {
    return stream_->IsAllMade();
  }
  bool IsAllSamplingCompletedAndConsumed() const { return stream_->at_end(); }

 private:
  const DistDataset& data_;
  NeighborLoaderOptions options_;
  std::unique_ptr<MpSampleStream> stream_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_DIST_MP_SAMPLING_PRODUCER_H_
