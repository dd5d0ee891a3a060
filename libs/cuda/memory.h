#ifndef FAIRLEAD_LIBS_CUDA_MEMORY_H_
#define FAIRLEAD_LIBS_CUDA_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fairlead::cuda {

// Goes with its last reference.
using SharedMemory = std::shared_ptr<uint8_t>;

// A kind of memory, as functions: on a device, page-locked, or a test's own.
// Any thread may call them.
struct Memory {
  // 64-byte aligned. RESOURCE_EXHAUSTED if there is no more.
  std::function<absl::StatusOr<SharedMemory>(size_t bytes)> allocate = nullptr;
  // From this process's memory into it; is done when it returns.
  std::function<absl::Status(void* to, const void* from, size_t bytes)> copy =
      nullptr;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_MEMORY_H_
