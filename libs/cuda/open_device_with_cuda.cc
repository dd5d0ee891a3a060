#include "absl/status/statusor.h"
#include "libs/cuda/cuda_device.h"
#include "libs/cuda/device.h"
#include "libs/cuda/open_device.h"

namespace fairlead::cuda {

absl::StatusOr<Device> OpenDevice(int device) { return OpenCudaDevice(device); }

}  // namespace fairlead::cuda
