#include "libs/cuda/cuda_memory.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cuda_runtime_api.h"
#include "libs/cuda/cuda_status.h"
#include "libs/cuda/memory.h"
#include "libs/cuda/pinned_arena.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {

absl::StatusOr<int> CountDevices() {
  int devices = 0;
  FAIRLEAD_RETURN_IF_ERROR(
      ToStatus(cudaGetDeviceCount(&devices), "counting devices"));
  if (devices == 0) return ToStatus(cudaErrorNoDevice, "counting devices");
  return devices;
}

Memory DeviceMemory() {
  return {.allocate = [](size_t bytes) -> absl::StatusOr<SharedMemory> {
            void* memory = nullptr;
            FAIRLEAD_RETURN_IF_ERROR(
                ToStatus(cudaMalloc(&memory, bytes),
                         absl::StrCat(bytes, " bytes of device memory")));
            return SharedMemory(static_cast<uint8_t*>(memory),
                                [](uint8_t* data) { (void)cudaFree(data); });
          },
          .copy =
              [](void* to, const void* from, size_t bytes) {
                return ToStatus(
                    cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice),
                    "a copy to the device");
              }};
}

Memory PinnedMemory() {
  return {
      .allocate = [](size_t bytes) -> absl::StatusOr<SharedMemory> {
        void* memory = nullptr;
        FAIRLEAD_RETURN_IF_ERROR(
            ToStatus(cudaHostAlloc(&memory, bytes,
                                   cudaHostAllocPortable | cudaHostAllocMapped),
                     absl::StrCat(bytes, " bytes of page-locked memory")));
        return SharedMemory(static_cast<uint8_t*>(memory),
                            [](uint8_t* data) { (void)cudaFreeHost(data); });
      },
      .copy =
          [](void* to, const void* from, size_t bytes) {
            std::memcpy(to, from, bytes);
            return absl::OkStatus();
          }};
}

absl::StatusOr<PinnedArena::Event> RecordEvent(cudaStream_t stream) {
  cudaEvent_t made = nullptr;
  FAIRLEAD_RETURN_IF_ERROR(ToStatus(
      cudaEventCreateWithFlags(&made, cudaEventDisableTiming), "an event"));
  const std::shared_ptr<std::remove_pointer_t<cudaEvent_t>> event(
      made, [](cudaEvent_t e) { (void)cudaEventDestroy(e); });
  FAIRLEAD_RETURN_IF_ERROR(
      ToStatus(cudaEventRecord(made, stream), "recording an event"));
  // One that failed is done, too: nothing reads the memory any more.
  return PinnedArena::Event{
      .is_done =
          [event] { return cudaEventQuery(event.get()) != cudaErrorNotReady; },
      .wait = [event] { (void)cudaEventSynchronize(event.get()); }};
}

}  // namespace fairlead::cuda
