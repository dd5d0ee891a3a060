#include "libs/loader/worker_options.h"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr uint32_t kMaxWorkers = 1024;  // as the sampler pool's --workers
constexpr uint64_t kMinChannelSize = 4096;

// Parity GL-084.
absl::Status CheckDevices(const MpWorkerOptions& options) {
  const std::vector<std::string>& devices = options.worker_devices.values();
  if (devices.size() > 1 && devices.size() != options.num_workers) {
    return absl::InvalidArgumentError(absl::StrCat(
        "worker_devices: there are ", devices.size(), " for ",
        options.num_workers, " workers; give one for all, or one for each"));
  }
  for (const std::string& device : devices) {
    if (device == "cpu") continue;
    if (absl::StartsWith(device, "cuda")) {
      return absl::FailedPreconditionError(absl::StrCat(
          "worker_devices: \"", device,
          "\": leave it out, and say of the dataset which GPU samples it "
          "(DistDataset::Load's graph_mode and device); to_device says where "
          "batches are to be"));
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "worker_devices: \"", device, "\" is no device; give \"cpu\""));
  }
  return absl::OkStatus();
}

struct Check {
  absl::Status operator()(const RemoteWorkerOptions& /*options*/) const {
    return absl::OkStatus();
  }

  absl::Status operator()(const CollocatedWorkerOptions& options) const {
    constexpr uint64_t kMost = 1024;
    if (options.prefetch_size <= kMost) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("prefetch_size: ", options.prefetch_size,
                     " batches of memory are too many; give 0 to ", kMost));
  }

  absl::Status operator()(const MpWorkerOptions& options) const {
    if (options.num_workers < 1 || options.num_workers > kMaxWorkers) {
      return absl::InvalidArgumentError(absl::StrCat(
          "num_workers: ", options.num_workers,
          " is no number of sampling threads; give 1 to ", kMaxWorkers));
    }
    // GLT clamps it without a word (GL-085, W-49).
    if (options.worker_concurrency < 1 ||
        options.worker_concurrency > kMaxWorkerConcurrency) {
      return absl::InvalidArgumentError(
          absl::StrCat("worker_concurrency: ", options.worker_concurrency,
                       " is no number of batches in the making; give 1 to ",
                       kMaxWorkerConcurrency));
    }
    FAIRLEAD_RETURN_IF_ERROR(CheckDevices(options));
    if (options.channel_size != 0 && options.channel_size < kMinChannelSize) {
      return absl::InvalidArgumentError(
          absl::StrCat("channel_size: ", options.channel_size,
                       " is less than one message needs; give at least ",
                       kMinChannelSize, ", or 0 for 64 MiB for each worker"));
    }
    for (const auto& [name, timeout] :
         {std::pair("start_timeout", options.start_timeout),
          std::pair("rpc_timeout", options.rpc_timeout),
          std::pair("stall_timeout", options.stall_timeout)}) {
      if (timeout > absl::ZeroDuration()) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": must be more than 0, got ", absl::FormatDuration(timeout)));
    }
    return absl::OkStatus();
  }
};

}  // namespace

absl::Status Validate(const WorkerOptions& options) {
  return std::visit(Check(), options);
}

}  // namespace fairlead
