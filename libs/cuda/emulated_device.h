#ifndef FAIRLEAD_LIBS_CUDA_EMULATED_DEVICE_H_
#define FAIRLEAD_LIBS_CUDA_EMULATED_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/cuda/device.h"
#include "libs/cuda/emulated_executor.h"
#include "libs/cuda/executor_session.h"
#include "libs/cuda/fake_memory.h"
#include "libs/sync/mutex.h"

namespace fairlead::cuda::testing {

// A device that this process's CPU stands in for: the threads of each kernel
// run in an order of their own. Must outlive what uses it.
class EmulatedDevice {
 public:
  explicit EmulatedDevice(size_t memory_limit = SIZE_MAX)
      : memory_(memory_limit) {}

  Device device() {
    return {.memory = memory_.memory(),
            .host = host_.memory(),
            .enter = [this] { return Enter(); },
            .new_session = [this] { return NewSession(); }};
  }

  FakeMemory& memory() { return memory_; }
  FakeMemory& host() { return host_; }
  uint64_t sessions() {
    MutexLock lock(&mutex_);
    return sessions_;
  }

 private:
  absl::Status Enter() {
    MutexLock lock(&mutex_);
    threads_.insert(std::this_thread::get_id());
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<DeviceSession>> NewSession() {
    MutexLock lock(&mutex_);
    if (threads_.count(std::this_thread::get_id()) == 0) {
      return absl::InternalError("this thread has another current device");
    }
    return std::make_unique<ExecutorSession<EmulatedExecutor>>(
        std::make_unique<EmulatedExecutor>(EmulatedExecutor::Order::kShuffled,
                                           ++sessions_));
  }

  FakeMemory memory_;
  FakeMemory host_;
  Mutex mutex_;
  std::set<std::thread::id> threads_ ABSL_GUARDED_BY(mutex_);
  uint64_t sessions_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace fairlead::cuda::testing

#endif  // FAIRLEAD_LIBS_CUDA_EMULATED_DEVICE_H_
