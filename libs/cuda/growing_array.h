#ifndef FAIRLEAD_LIBS_CUDA_GROWING_ARRAY_H_
#define FAIRLEAD_LIBS_CUDA_GROWING_ARRAY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {

// Numbers in an executor's memory (see KHopSampler), used again from batch to
// batch. Thread-compatible.
template <typename T, typename Executor>
class GrowingArray {
 public:
  // `executor` must outlive it.
  explicit GrowingArray(Executor* executor) : executor_(executor) {}
  ~GrowingArray() {
    if (data_ != nullptr) executor_->Free(data_);
  }
  GrowingArray(GrowingArray&& other) noexcept
      : executor_(other.executor_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  GrowingArray& operator=(GrowingArray&&) = delete;

  T* data() const { return data_; }
  int64_t size() const { return size_; }

  // Makes it so long. What was there stays; what is new is of no meaning.
  // Errors as Executor::Allocate.
  absl::Status Resize(int64_t size) { return Grow(size, size_); }

  // Makes it so long, with contents of no meaning.
  absl::Status Renew(int64_t size) { return Grow(size, 0); }

 private:
  absl::Status Grow(int64_t size, int64_t kept) {
    if (size > capacity_) {
      const int64_t capacity = std::max(size, 2 * capacity_);
      FAIRLEAD_ASSIGN_OR_RETURN(
          void* const memory,
          executor_->Allocate(static_cast<size_t>(capacity) * sizeof(T)));
      T* const old = std::exchange(data_, static_cast<T*>(memory));
      capacity_ = capacity;
      if (old != nullptr) {
        const absl::Status copied =
            kept == 0 ? absl::OkStatus()
                      : executor_->Copy(data_, old,
                                        static_cast<size_t>(kept) * sizeof(T));
        executor_->Free(old);
        FAIRLEAD_RETURN_IF_ERROR(copied);
      }
    }
    size_ = size;
    return absl::OkStatus();
  }

  Executor* executor_;
  T* data_ = nullptr;
  int64_t size_ = 0;
  int64_t capacity_ = 0;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_GROWING_ARRAY_H_
