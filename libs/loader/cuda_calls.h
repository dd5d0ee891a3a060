#ifndef FAIRLEAD_LIBS_LOADER_CUDA_CALLS_H_
#define FAIRLEAD_LIBS_LOADER_CUDA_CALLS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "ATen/core/Tensor.h"
#include "absl/status/statusor.h"
#include "c10/core/Device.h"

namespace fairlead {

// All that is asked of CUDA to put batches on a device, as functions, so that
// what stands before them can be tested where there is none.
struct CudaCalls {
  bool is_built_in = false;  // libtorch has CUDA at all
  size_t devices = 0;        // that it finds

  // The calling thread's current device, which an index-less "cuda" means.
  std::function<c10::Device()> current_device = nullptr;

  // Page-locked memory, 64-byte aligned. RESOURCE_EXHAUSTED if there is no
  // more.
  std::function<absl::StatusOr<std::shared_ptr<uint8_t>>(size_t bytes)>
      allocate_pinned = nullptr;

  // A copy of a tensor on a device, which is there when this returns.
  // RESOURCE_EXHAUSTED if it has no room.
  std::function<absl::StatusOr<at::Tensor>(const at::Tensor& tensor,
                                           const c10::Device& device)>
      copy = nullptr;
};

// libtorch's.
CudaCalls TorchCuda();

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_CUDA_CALLS_H_
