#include "libs/cuda/pinned_arena.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/cuda/memory.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"

namespace fairlead::cuda {
namespace {

size_t RoundUp(size_t bytes) {
  constexpr size_t kSmallest = 4096;
  if (bytes <= kSmallest) return kSmallest;
  const size_t step = std::bit_ceil(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

}  // namespace

// Outlives the arena while a block is in use, or held.
class PinnedArena::Blocks : public std::enable_shared_from_this<Blocks> {
 public:
  Blocks(Memory memory, uint64_t budget)
      : memory_(std::move(memory)), budget_(budget) {}
  ~Blocks() {
    for (Block& block : held_) {
      for (const Event& event : block.events) event.wait();
    }
  }

  absl::StatusOr<SharedMemory> Take(size_t bytes) {
    const size_t capacity = RoundUp(bytes);
    FAIRLEAD_ASSIGN_OR_RETURN(uint8_t* const data, TakeBlock(capacity));
    return SharedMemory(data, [self = shared_from_this()](uint8_t* given) {
      self->GiveBack(given);
    });
  }

  absl::Status HoldUntil(const void* data, Event event) {
    const auto* const at = static_cast<const uint8_t*>(data);
    {
      MutexLock lock(&mutex_);
      auto found = in_use_.upper_bound(at);
      if (found != in_use_.begin()) {
        Block& block = (--found)->second;
        const std::less<const uint8_t*> before;
        if (before(at, block.data.get() + block.capacity)) {
          block.events.push_back(std::move(event));
          return absl::OkStatus();
        }
      }
    }
    event.wait();
    return absl::NotFoundError(
        "HoldUntil: this is no block of the arena that somebody has; call it "
        "before the last reference goes");
  }

  Stats stats() {
    MutexLock lock(&mutex_);
    Collect();
    Stats stats = stats_;
    for (const auto& [data, block] : in_use_) {
      stats.bytes_in_use += block.capacity;
    }
    for (const Block& block : held_) stats.bytes_held += block.capacity;
    for (const Block& block : idle_) stats.bytes_idle += block.capacity;
    return stats;
  }

 private:
  struct Block {
    SharedMemory data;
    size_t capacity = 0;
    std::vector<Event> events;  // that are not done, as far as is known
  };

  absl::StatusOr<uint8_t*> TakeBlock(size_t capacity) {
    MutexLock lock(&mutex_);
    if (capacity > budget_) return Exhausted(capacity);
    while (true) {
      Collect();
      const auto idle = std::find_if(
          idle_.begin(), idle_.end(),
          [capacity](const Block& b) { return b.capacity == capacity; });
      if (idle != idle_.end()) {
        uint8_t* const data = idle->data.get();
        in_use_[data] = std::move(*idle);
        idle_.erase(idle);
        return data;
      }
      if (MakeRoom(capacity)) break;
      if (held_.empty()) return Exhausted(capacity);
      // The oldest is done first, as a rule.
      const std::vector<Event> events = held_.front().events;
      ++stats_.waits;
      mutex_.Unlock();
      for (const Event& event : events) event.wait();
      mutex_.Lock();
    }
    allocated_ += capacity;
    ++stats_.allocations;
    // Locking pages takes long.
    mutex_.Unlock();
    absl::StatusOr<SharedMemory> made = memory_.allocate(capacity);
    mutex_.Lock();
    if (!made.ok()) {
      allocated_ -= capacity;
      return made.status();
    }
    uint8_t* const data = made->get();
    in_use_[data] = {.data = *std::move(made), .capacity = capacity};
    return data;
  }

  absl::Status Exhausted(size_t capacity)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "page-locked memory: ", capacity, " bytes are wanted, and of the ",
        budget_, " that there may be ", allocated_,
        " are in use; raise the budget, or lower prefetch_size"));
  }

  void GiveBack(uint8_t* data) {
    MutexLock lock(&mutex_);
    const auto found = in_use_.find(data);
    held_.push_back(std::move(found->second));
    in_use_.erase(found);
    Collect();
  }

  // Blocks whose events are done become idle.
  void Collect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (auto it = held_.begin(); it != held_.end();) {
      std::erase_if(it->events, [](const Event& e) { return e.is_done(); });
      const auto next = std::next(it);
      if (it->events.empty()) idle_.splice(idle_.end(), held_, it);
      it = next;
    }
  }

  // Frees what is idle, the longest first, as far as that is needed. False if
  // there still is no room. REQUIRES capacity <= budget_.
  bool MakeRoom(size_t capacity) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (allocated_ > budget_ - capacity && !idle_.empty()) {
      allocated_ -= idle_.front().capacity;
      idle_.pop_front();
    }
    return allocated_ <= budget_ - capacity;
  }

  const Memory memory_;
  const uint64_t budget_;
  Mutex mutex_;
  uint64_t allocated_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<const uint8_t*, Block> in_use_ ABSL_GUARDED_BY(mutex_);
  std::list<Block> held_ ABSL_GUARDED_BY(mutex_);  // in order of giving back
  std::list<Block> idle_ ABSL_GUARDED_BY(mutex_);  // likewise
  Stats stats_ ABSL_GUARDED_BY(mutex_);
};

PinnedArena::PinnedArena(Memory memory, uint64_t budget_bytes)
    : blocks_(std::make_shared<Blocks>(std::move(memory), budget_bytes)) {}

absl::StatusOr<SharedMemory> PinnedArena::Take(size_t bytes) {
  return blocks_->Take(bytes);
}

absl::Status PinnedArena::HoldUntil(const void* data, Event event) {
  return blocks_->HoldUntil(data, std::move(event));
}

PinnedArena::Stats PinnedArena::stats() const { return blocks_->stats(); }

}  // namespace fairlead::cuda
