#ifndef FAIRLEAD_LIBS_CUDA_PINNED_ARENA_H_
#define FAIRLEAD_LIBS_CUDA_PINNED_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/cuda/memory.h"

namespace fairlead::cuda {

// Page-locked memory to receive messages into, within a budget: locking pages
// takes far longer than filling them, so blocks are used again, and what
// cannot be paged out must have a bound.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(SharedMemory block, arena.Take(n));
//   ... receive into it ...
//   cudaMemcpyAsync(there, block.get(), n, cudaMemcpyDefault, stream);
//   arena.HoldUntil(block.get(), *RecordEvent(stream));
//   block = nullptr;  // is used again once the copy is done
//
// Blocks have one of four sizes to each power of two, so that messages that
// differ a little fit into each other's. Knows nothing of CUDA but what is
// passed in. Thread-safe.
class PinnedArena {
 public:
  // Something under way, on a device. Copies of it are the same event.
  struct Event {
    std::function<bool()> is_done;
    std::function<void()> wait;
  };

  struct Stats {
    uint64_t bytes_in_use = 0;  // of blocks that somebody has
    uint64_t bytes_held = 0;    // given back; an event is not done
    uint64_t bytes_idle = 0;    // free to be taken
    uint64_t allocations = 0;   // that `memory` was asked for
    uint64_t waits = 0;         // for events, as there was nothing else
  };

  // Never has more of `memory` than the budget. (It asks for memory alone, and
  // not for copies.)
  PinnedArena(Memory memory, uint64_t budget_bytes);

  // At least `bytes`, 64-byte aligned, with contents of no meaning. Comes back
  // with its last reference, which may outlive the arena. What is idle and of
  // other sizes is freed to make room; then an event is waited for. Where all
  // of the budget is in use: RESOURCE_EXHAUSTED. Else as `memory`.
  absl::StatusOr<SharedMemory> Take(size_t bytes);

  // The block that `data` points into is not given out again before the event
  // is done, and before all earlier ones of its are. NOT_FOUND if it is no
  // block of this arena that somebody has: then the event has been waited for.
  absl::Status HoldUntil(const void* data, Event event);

  Stats stats() const;

 private:
  class Blocks;
  const std::shared_ptr<Blocks> blocks_;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_PINNED_ARENA_H_
