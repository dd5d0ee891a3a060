#ifndef FAIRLEAD_LIBS_CUDA_CUDA_MEMORY_H_
#define FAIRLEAD_LIBS_CUDA_CUDA_MEMORY_H_

#include "absl/status/statusor.h"
#include "cuda_runtime_api.h"
#include "libs/cuda/memory.h"
#include "libs/cuda/pinned_arena.h"

namespace fairlead::cuda {

// The number of devices. FAILED_PRECONDITION if that is 0.
absl::StatusOr<int> CountDevices();

// Memory of the calling thread's current device.
Memory DeviceMemory();

// Page-locked memory of this host, which kernels read over the link.
Memory PinnedMemory();

// What is under way on a stream now, for PinnedArena::HoldUntil. Errors as
// ToStatus.
absl::StatusOr<PinnedArena::Event> RecordEvent(cudaStream_t stream);

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_CUDA_MEMORY_H_
