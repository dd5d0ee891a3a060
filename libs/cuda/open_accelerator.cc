#include "libs/cuda/open_accelerator.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/cuda/accelerator.h"
#include "libs/cuda/device.h"
#include "libs/cuda/device_accelerator.h"
#include "libs/cuda/device_options.h"
#include "libs/cuda/open_device.h"
#include "libs/graph/dataset.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {
namespace {

absl::StatusOr<Device> Open(const DeviceOptions& options,
                            const DeviceUse& use) {
  absl::StatusOr<Device> device = OpenDevice(use.device);
  if (device.ok()) return device;
  return absl::Status(
      device.status().code(),
      absl::StrCat("graph_mode ", options.graph_mode,
                   use.features ? ", feature_with_gpu" : "",
                   ": needs a GPU: ", std::string(device.status().message())));
}

}  // namespace

absl::Status CheckAccelerator(const Dataset& dataset,
                              const DeviceOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const DeviceUse use, Resolve(options));
  if (!use.any()) return absl::OkStatus();
  FAIRLEAD_RETURN_IF_ERROR(DeviceAccelerator::CheckDataset(dataset));
  return Open(options, use).status();
}

absl::StatusOr<std::unique_ptr<Accelerator>> OpenAccelerator(
    const Dataset& dataset, const DeviceOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const DeviceUse use, Resolve(options));
  if (!use.any()) return nullptr;
  FAIRLEAD_ASSIGN_OR_RETURN(Device device, Open(options, use));
  return DeviceAccelerator::Create(dataset, use, std::move(device));
}

}  // namespace fairlead::cuda
