#ifndef FAIRLEAD_LIBS_CUDA_FAKE_MEMORY_H_
#define FAIRLEAD_LIBS_CUDA_FAKE_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/cuda/memory.h"
#include "libs/sync/mutex.h"

namespace fairlead::cuda::testing {

// A memory of this process's own, which knows what there is of it.
// Thread-safe; must outlive what is allocated.
class FakeMemory {
 public:
  explicit FakeMemory(size_t limit = SIZE_MAX) : limit_(limit) {}

  Memory memory() {
    return {.allocate = [this](size_t bytes) { return Allocate(bytes); },
            .copy =
                [](void* to, const void* from, size_t bytes) {
                  std::memcpy(to, from, bytes);
                  return absl::OkStatus();
                }};
  }

  size_t bytes() {
    MutexLock lock(&mutex_);
    return bytes_;
  }

  // Whether `bytes` from `data` on are within one block.
  bool Has(const void* data, size_t bytes) {
    MutexLock lock(&mutex_);
    auto after = blocks_.upper_bound(static_cast<const uint8_t*>(data));
    if (after == blocks_.begin()) return false;
    --after;
    return static_cast<const uint8_t*>(data) + bytes <=
           after->first + after->second;
  }

 private:
  absl::StatusOr<SharedMemory> Allocate(size_t bytes) {
    MutexLock lock(&mutex_);
    if (bytes_ + bytes > limit_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no ", bytes, " bytes are left"));
    }
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, bytes) != 0) {
      return absl::ResourceExhaustedError("no memory");
    }
    std::memset(memory, 0xA5, bytes);
    blocks_[static_cast<const uint8_t*>(memory)] = bytes;
    bytes_ += bytes;
    return SharedMemory(static_cast<uint8_t*>(memory),
                        [this](uint8_t* data) { Free(data); });
  }

  void Free(uint8_t* memory) {
    MutexLock lock(&mutex_);
    const auto found = blocks_.find(memory);
    bytes_ -= found->second;
    blocks_.erase(found);
    free(memory);
  }

  const size_t limit_;
  Mutex mutex_;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<const uint8_t*, size_t> blocks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead::cuda::testing

#endif  // FAIRLEAD_LIBS_CUDA_FAKE_MEMORY_H_
