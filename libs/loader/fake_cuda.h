#ifndef FAIRLEAD_LIBS_LOADER_FAKE_CUDA_H_
#define FAIRLEAD_LIBS_LOADER_FAKE_CUDA_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "ATen/core/Tensor.h"
#include "ATen/ops/zeros_like.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "c10/core/Device.h"
#include "libs/loader/cuda_calls.h"

namespace fairlead {

// Two devices, in this process's memory: knows what was allocated as pinned,
// and what was copied to which device, and by whom.
class FakeCuda {
 public:
  CudaCalls calls() {
    return {.is_built_in = true,
            .devices = 2,
            .current_device = [] { return c10::Device(c10::kCUDA, 1); },
            .allocate_pinned = [this](size_t bytes) { return Pin(bytes); },
            .start_copy =
                [this](const at::Tensor& tensor, const c10::Device& device) {
                  return StartCopy(tensor, device);
                }};
  }

  // Ends the copies that are on their way: only now their sources are read.
  void EndCopies() {
    for (const auto& copy : started()) copy->End();
  }
  size_t copies_on_their_way() {
    size_t count = 0;
    for (const auto& copy : started()) count += copy->is_done() ? 0 : 1;
    return count;
  }

  bool IsPinned(const void* data) {
    const std::lock_guard lock(mutex_);
    const auto after = pinned_.upper_bound(static_cast<const uint8_t*>(data));
    if (after == pinned_.begin()) return false;
    const auto& [begin, bytes] = *std::prev(after);
    return data < begin + bytes;
  }

  std::vector<c10::Device> devices() {
    const std::lock_guard lock(mutex_);
    return devices_;
  }
  std::set<std::thread::id> threads() {
    const std::lock_guard lock(mutex_);
    return threads_;
  }

  // The threads whose streams wait for a copy.
  std::set<std::thread::id> users() {
    const std::lock_guard lock(mutex_);
    return users_;
  }

  std::atomic<bool> is_full = false;
  std::atomic<bool> is_slow = false;  // copies take until EndCopies

 private:
  class Copy {
   public:
    Copy(at::Tensor from, at::Tensor to)
        : from_(std::move(from)), to_(std::move(to)) {}
    void End() {
      const std::lock_guard lock(mutex_);
      if (!is_done_) to_.copy_(from_);
      is_done_ = true;
    }
    bool is_done() {
      const std::lock_guard lock(mutex_);
      return is_done_;
    }

   private:
    std::mutex mutex_;
    bool is_done_ = false;
    const at::Tensor from_;
    at::Tensor to_;
  };

  std::vector<std::shared_ptr<Copy>> started() {
    const std::lock_guard lock(mutex_);
    return copies_;
  }

  absl::StatusOr<std::shared_ptr<uint8_t>> Pin(size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (is_full) return absl::ResourceExhaustedError("no page is left to lock");
    auto* const data =
        static_cast<uint8_t*>(aligned_alloc(64, bytes / 64 * 64 + 64));
    pinned_[data] = bytes;
    threads_.insert(std::this_thread::get_id());
    return std::shared_ptr<uint8_t>(data, free);
  }

  absl::StatusOr<DeviceCopy> StartCopy(const at::Tensor& tensor,
                                       const c10::Device& device) {
    const std::lock_guard lock(mutex_);
    if (is_full) return absl::ResourceExhaustedError("the device is full");
    devices_.push_back(device);
    threads_.insert(std::this_thread::get_id());
    const at::Tensor there = at::zeros_like(tensor);
    auto copy = std::make_shared<Copy>(tensor, there);
    copies_.push_back(copy);
    if (!is_slow) copy->End();
    return DeviceCopy{.tensor = there,
                      .is_done = [copy] { return copy->is_done(); },
                      .wait = [copy] { copy->End(); },
                      .use =
                          [this] {
                            const std::lock_guard lock(mutex_);
                            users_.insert(std::this_thread::get_id());
                          }};
  }

  std::mutex mutex_;
  std::map<const uint8_t*, size_t> pinned_;
  std::vector<c10::Device> devices_;
  std::set<std::thread::id> threads_;
  std::vector<std::shared_ptr<Copy>> copies_;
  std::set<std::thread::id> users_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_FAKE_CUDA_H_
