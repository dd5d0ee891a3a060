#include "libs/loader/buffer_pool.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"

namespace fairlead {
namespace {

constexpr std::align_val_t kAlignment{64};

using Memory = std::shared_ptr<uint8_t>;

Memory AllocateOwn(size_t bytes) {
  return Memory(static_cast<uint8_t*>(operator new(bytes, kAlignment)),
                [](uint8_t* data) { operator delete(data, kAlignment); });
}

// Four sizes to each power of two: batches differ a little in size, and should
// fit into each other's buffers.
size_t RoundUp(size_t bytes) {
  constexpr size_t kSmallest = 4096;
  if (bytes <= kSmallest) return kSmallest;
  const size_t step = std::bit_ceil(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

}  // namespace

// Outlives the pool while a buffer is in use.
class BufferPool::Idle {
 public:
  explicit Idle(size_t max_idle) : max_idle_(max_idle) {}

  Memory Take(size_t capacity) {
    MutexLock lock(&mutex_);
    // The last that came back: it is the most likely to be in a cache.
    const auto it = std::find_if(
        buffers_.rbegin(), buffers_.rend(),
        [capacity](const auto& buffer) { return buffer.first == capacity; });
    if (it == buffers_.rend()) return nullptr;
    Memory memory = std::move(it->second);
    buffers_.erase(std::next(it).base());
    return memory;
  }

  void Put(size_t capacity, Memory memory) {
    Memory dropped;  // freed outside the lock
    MutexLock lock(&mutex_);
    if (max_idle_ == 0) {
      dropped = std::move(memory);
      return;
    }
    if (buffers_.size() == max_idle_) {
      dropped = std::move(buffers_.front().second);  // the longest idle
      buffers_.erase(buffers_.begin());
    }
    buffers_.emplace_back(capacity, std::move(memory));
  }

 private:
  const size_t max_idle_;
  Mutex mutex_;
  std::vector<std::pair<size_t, Memory>> buffers_ ABSL_GUARDED_BY(mutex_);
};

BufferPool::BufferPool(size_t max_idle, Landing::Allocate allocate)
    : allocate_(std::move(allocate)), idle_(std::make_shared<Idle>(max_idle)) {}

absl::StatusOr<std::shared_ptr<uint8_t>> BufferPool::Take(size_t bytes) {
  if (allocate_ != nullptr) return allocate_(bytes);
  const size_t capacity = RoundUp(bytes);
  Memory memory = idle_->Take(capacity);
  if (memory == nullptr) memory = AllocateOwn(capacity);
  uint8_t* const data = memory.get();
  return std::shared_ptr<uint8_t>(
      data, [idle = idle_, capacity,
             memory = std::move(memory)](uint8_t* /*data*/) mutable {
        idle->Put(capacity, std::move(memory));
      });
}

}  // namespace fairlead
