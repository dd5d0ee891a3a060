#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/cuda/device.h"
#include "libs/cuda/open_device.h"

namespace fairlead::cuda {

absl::StatusOr<Device> OpenDevice(int /*device*/) {
  return absl::FailedPreconditionError(
      "this program was built without CUDA; build it with --config=cuda, where "
      "the CUDA Toolkit is");
}

}  // namespace fairlead::cuda
