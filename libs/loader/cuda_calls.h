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

// A copy of a tensor that is on its way to a device, or there. Copies of this
// are the same one.
struct DeviceCopy {
  at::Tensor tensor;  // on the device

  // Whether it is there; and waits until it is. Until then page-locked memory
  // that it is made from must stay as it is. (Other memory was read when the
  // copy was started.)
  std::function<bool()> is_done = nullptr;
  std::function<void()> wait = nullptr;

  // To be called by a thread before it queues work that reads the tensor: what
  // it queues from then on, on the stream that is its current one, begins when
  // the copy is there, and the memory stays until it has ended. Does not wait.
  std::function<void()> use = nullptr;
};

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

  // Starts to copy a tensor to a device, beside whatever else that does.
  // RESOURCE_EXHAUSTED if it has no room.
  std::function<absl::StatusOr<DeviceCopy>(const at::Tensor& tensor,
                                           const c10::Device& device)>
      start_copy = nullptr;
};

// libtorch's.
CudaCalls TorchCuda();

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_CUDA_CALLS_H_
