#ifndef FAIRLEAD_LIBS_CUDA_OPEN_DEVICE_H_
#define FAIRLEAD_LIBS_CUDA_OPEN_DEVICE_H_

#include "absl/status/statusor.h"
#include "libs/cuda/device.h"

namespace fairlead::cuda {

// FAILED_PRECONDITION, naming the mend, in a build without --config=cuda and on
// a host where no device or driver is found; INVALID_ARGUMENT for a number
// beyond the last device.
absl::StatusOr<Device> OpenDevice(int device);

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_OPEN_DEVICE_H_
