#ifndef FAIRLEAD_LIBS_CUDA_CUDA_SESSION_H_
#define FAIRLEAD_LIBS_CUDA_CUDA_SESSION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "libs/cuda/device.h"

namespace fairlead::cuda {

// On a stream of its own, of the calling thread's current device. Errors as
// ToStatus.
absl::StatusOr<std::unique_ptr<DeviceSession>> NewCudaSession();

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_CUDA_SESSION_H_
