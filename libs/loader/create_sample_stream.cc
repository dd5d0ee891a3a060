#include <cstdint>
#include <memory>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/cuda/accelerator.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/check_session.h"
#include "libs/loader/collocated_sample_stream.h"
#include "libs/loader/mp_sample_stream.h"
#include "libs/loader/remote_sample_stream.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {
namespace {

absl::string_view NameOf(v1::Split split) {
  switch (split) {
    case v1::SPLIT_VAL:
      return "val";
    case v1::SPLIT_TEST:
      return "test";
    default:
      return "train";
  }
}

// A split that was made after the dataset was loaded is not in its files.
absl::Status ListNewSplit(const DistDataset& dataset,
                          SampleStreamOptions& options) {
  v1::SeedNodes& seeds = options.seeds[0];
  if (!dataset.has_new_splits() || !seeds.has_split() ||
      seeds.split() == v1::SPLIT_ALL) {
    return absl::OkStatus();
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const absl::Span<const int64_t> ids,
      dataset.Split(NameOf(seeds.split()), seeds.node_type()));
  seeds.mutable_ids()->mutable_id()->Assign(ids.begin(), ids.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SampleStream>> SampleStream::Create(
    const DistDataset* dataset, SampleStreamOptions options,
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
  FAIRLEAD_RETURN_IF_ERROR(CheckSession(options));
  if (is_remote) return RemoteSampleStream::Create(options);
  FAIRLEAD_RETURN_IF_ERROR(ListNewSplit(*dataset, options));
  if (std::holds_alternative<MpWorkerOptions>(options.worker_options)) {
    if (remote == nullptr) return MpSampleStream::Create(*dataset, options);
    return absl::InvalidArgumentError(
        "remote: is for collocated workers; multi-process ones ask the sampler "
        "pools of the registry that MpWorkerOptions.peers_from names");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(cuda::Accelerator* const accelerator,
                            dataset->accelerator());
  return CollocatedSampleStream::Create(dataset->dataset(), options, remote,
                                        accelerator);
}

}  // namespace fairlead
