#include "libs/cuda/cuda_device.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cuda_runtime_api.h"
#include "libs/cuda/cuda_memory.h"
#include "libs/cuda/cuda_session.h"
#include "libs/cuda/cuda_status.h"
#include "libs/cuda/device.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {

absl::StatusOr<Device> OpenCudaDevice(int device) {
  FAIRLEAD_ASSIGN_OR_RETURN(const int devices, CountDevices());
  if (device >= devices) {
    return absl::InvalidArgumentError(
        absl::StrCat("device: \"cuda:", device, "\": there are ", devices,
                     " CUDA devices, numbered from 0"));
  }
  return Device{.memory = DeviceMemory(),
                .host = PinnedMemory(),
                .enter =
                    [device] {
                      return ToStatus(cudaSetDevice(device),
                                      absl::StrCat("device ", device));
                    },
                .new_session = NewCudaSession};
}

}  // namespace fairlead::cuda
