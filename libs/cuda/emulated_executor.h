#ifndef FAIRLEAD_LIBS_CUDA_EMULATED_EXECUTOR_H_
#define FAIRLEAD_LIBS_CUDA_EMULATED_EXECUTOR_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/random/philox.h"

namespace fairlead::cuda::testing {

// An executor (see KHopSampler) on the CPU, to see that what kernels do comes
// out the same whatever order their threads run in: each launch runs them in an
// order of its own, or on several real threads. Fresh memory is garbage.
class EmulatedExecutor {
 public:
  enum class Order {
    kForward,
    kBackward,
    kShuffled,
    kThreads,  // four, which take turns at what there is
  };

  explicit EmulatedExecutor(Order order, uint64_t seed = 0)
      : order_(order), seed_(seed) {}
  ~EmulatedExecutor() {
    for (const auto& [memory, bytes] : memory_) free(memory);
  }
  EmulatedExecutor(const EmulatedExecutor&) = delete;
  EmulatedExecutor& operator=(const EmulatedExecutor&) = delete;

  // What is in use, and how much there may be.
  size_t bytes() const { return bytes_; }
  size_t budget = SIZE_MAX;

  absl::StatusOr<void*> Allocate(size_t bytes) {
    if (bytes_ + bytes > budget) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no ", bytes, " bytes are left"));
    }
    // (Not rounded up, so that what is written behind it is found.)
    void* memory = nullptr;
    if (posix_memalign(&memory, 16, bytes > 0 ? bytes : 1) != 0) {
      return absl::ResourceExhaustedError("no memory");
    }
    std::memset(memory, 0xA5, bytes);
    memory_[memory] = bytes;
    bytes_ += bytes;
    return memory;
  }
  void Free(void* memory) {
    const auto found = memory_.find(memory);
    bytes_ -= found->second;
    memory_.erase(found);
    free(memory);
  }

  absl::Status Copy(void* to, const void* from, size_t bytes) {
    std::memcpy(to, from, bytes);
    return absl::OkStatus();
  }
  absl::Status Read(void* to, const void* from, size_t bytes) {
    return Copy(to, from, bytes);
  }
  absl::Status Fill(void* memory, uint8_t byte, size_t bytes) {
    std::memset(memory, byte, bytes);
    return absl::OkStatus();
  }
  absl::Status PrefixSum(const int64_t* in, int64_t* out, int64_t count) {
    std::exclusive_scan(in, in + count, out, int64_t{0});
    return absl::OkStatus();
  }

  template <typename Step>
  absl::Status Launch(int64_t count, const Step& step) {
    ++launches_;
    switch (order_) {
      case Order::kForward:
        for (int64_t i = 0; i < count; ++i) step(i);
        break;
      case Order::kBackward:
        for (int64_t i = count - 1; i >= 0; --i) step(i);
        break;
      case Order::kShuffled:
        for (const int64_t i : Shuffled(count)) step(i);
        break;
      case Order::kThreads:
        RunOnThreads(count, step);
        break;
    }
    return absl::OkStatus();
  }

 private:
  std::vector<int64_t> Shuffled(int64_t count) const {
    std::vector<int64_t> order(static_cast<size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    RandomStream random(seed_, launches_, 0);
    for (size_t last = order.size(); last > 1; --last) {
      std::swap(order[last - 1], order[random.Below(last)]);
    }
    return order;
  }

  template <typename Step>
  void RunOnThreads(int64_t count, const Step& step) {
    constexpr int64_t kThreads = 4;
    std::vector<std::thread> threads;
    for (int64_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([t, count, &step] {
        for (int64_t i = t; i < count; i += kThreads) step(i);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  const Order order_;
  const uint64_t seed_;
  uint64_t launches_ = 0;
  size_t bytes_ = 0;
  std::map<void*, size_t> memory_;
};

}  // namespace fairlead::cuda::testing

#endif  // FAIRLEAD_LIBS_CUDA_EMULATED_EXECUTOR_H_
