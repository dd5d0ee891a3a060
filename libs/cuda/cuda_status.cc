#include "libs/cuda/cuda_status.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cuda_runtime_api.h"

namespace fairlead::cuda {

absl::Status ToStatus(cudaError_t error, absl::string_view what) {
  if (error == cudaSuccess) return absl::OkStatus();
  const std::string message =
      absl::StrCat("CUDA: ", what, ": ", cudaGetErrorString(error));
  switch (error) {
    case cudaErrorMemoryAllocation:
      // It is over with this call; do not let the next launch report it.
      (void)cudaGetLastError();
      return absl::ResourceExhaustedError(
          absl::StrCat(message, "; lower what is kept there"));
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorInvalidDevice:
      return absl::FailedPreconditionError(
          absl::StrCat(message, "; look whether nvidia-smi finds a device"));
    default:
      return absl::InternalError(message);
  }
}

}  // namespace fairlead::cuda
