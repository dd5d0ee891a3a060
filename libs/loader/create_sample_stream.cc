#include <memory>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/collocated_sample_stream.h"
#include "libs/loader/neighbor_loader_options.h"
#include "libs/loader/remote_sample_stream.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_macros.h"

namespace fairlead {

absl::StatusOr<std::unique_ptr<SampleStream>> SampleStream::Create(
    const DistDataset* dataset, NeighborLoaderOptions options,
    RemotePartitions* remote) {
  FAIRLEAD_RETURN_IF_ERROR(Validate(options));
  const bool is_remote =
      std::holds_alternative<RemoteWorkerOptions>(options.worker_options);
  if (is_remote && (dataset != nullptr || remote != nullptr)) {
    return absl::InvalidArgumentError(
        "dataset: must be null with remote workers, which have their own; "
        "leave it out, or choose CollocatedWorkerOptions or MpWorkerOptions");
  }
  if (!is_remote && dataset == nullptr) {
    return absl::InvalidArgumentError(
        "dataset: must be given with collocated and multi-process workers, "
        "which sample it; give one, or choose RemoteWorkerOptions");
  }
  if (is_remote) return RemoteSampleStream::Create(options);
  return CollocatedSampleStream::Create(dataset->dataset(), options, remote);
}

}  // namespace fairlead
