#ifndef FAIRLEAD_LIBS_CUDA_CUDA_STATUS_H_
#define FAIRLEAD_LIBS_CUDA_CUDA_STATUS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cuda_runtime_api.h"

namespace fairlead::cuda {

// What CUDA said to `what`. RESOURCE_EXHAUSTED where memory is short,
// FAILED_PRECONDITION where there is no device or no driver that will do; else
// INTERNAL, and often of a kernel that was started before.
absl::Status ToStatus(cudaError_t error, absl::string_view what);

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_CUDA_STATUS_H_
