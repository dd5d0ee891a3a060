#ifndef FAIRLEAD_LIBS_CUDA_CUDA_DEVICE_H_
#define FAIRLEAD_LIBS_CUDA_CUDA_DEVICE_H_

#include "absl/status/statusor.h"
#include "libs/cuda/device.h"

namespace fairlead::cuda {

// As OpenDevice, in a build that has CUDA.
absl::StatusOr<Device> OpenCudaDevice(int device);

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_CUDA_DEVICE_H_
