#ifndef FAIRLEAD_LIBS_LOADER_DIST_COLLOCATED_SAMPLING_PRODUCER_H_
#define FAIRLEAD_LIBS_LOADER_DIST_COLLOCATED_SAMPLING_PRODUCER_H_

#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/worker_options.h"
#include "libs/partition_client/remote_partitions.h"

namespace fairlead {

// GLT's name for a stream of collocated workers (parity GL-097). One thread at
// a time.
class DistCollocatedSamplingProducer {
 public:
  // `data` and `remote` as SampleStream::Create has them.
  DistCollocatedSamplingProducer(const DistDataset& data,
                                 NeighborLoaderOptions options,
                                 RemotePartitions* remote = nullptr)
      : data_(data), options_(std::move(options)), remote_(remote) {
    if (!std::holds_alternative<CollocatedWorkerOptions>(
            options_.worker_options)) {
      options_.worker_options = CollocatedWorkerOptions();
    }
  }

  // As SampleStream::Create.
  absl::Status Init() {
    absl::StatusOr<std::unique_ptr<SampleStream>> stream =
        SampleStream::Create(&data_, options_, remote_);
    if (stream.ok()) stream_ = *std::move(stream);
    return stream.status();
  }
  void Shutdown() { stream_ = nullptr; }

  // These REQUIRE Init(). Reset begins the next epoch, in a new order if it is
  // shuffled; Sample gives nullopt where GLT raises StopIteration.
  absl::Status Reset() { return stream_->StartEpoch(); }
  absl::StatusOr<std::optional<ReceivedBatch>> Sample() {
    return stream_->Next();
  }

 private:
  const DistDataset& data_;
  NeighborLoaderOptions options_;
  RemotePartitions* const remote_;
  std::unique_ptr<SampleStream> stream_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_DIST_COLLOCATED_SAMPLING_PRODUCER_H_
