#ifndef FAIRLEAD_LIBS_LOADER_BUFFER_POOL_H_
#define FAIRLEAD_LIBS_LOADER_BUFFER_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "libs/loader/landing.h"

namespace fairlead {

// Buffers for received messages, 64-byte aligned and used again: a fresh one of
// some megabytes costs a page fault for each 4 KiB, which takes longer than to
// fill it. Thread-safe.
class BufferPool {
 public:
  // Keeps at most `max_idle` buffers that nobody uses; the rest go back to the
  // system. Where there is an `allocate`, all are its own: they go back to it,
  // which knows what else is done with them, and it may keep them.
  explicit BufferPool(size_t max_idle, Landing::Allocate allocate = nullptr);

  // At least `bytes`, with contents of no meaning. Comes back to the pool with
  // its last reference; may outlive the pool. Fails only as `allocate`
  // does.
  absl::StatusOr<std::shared_ptr<uint8_t>> Take(size_t bytes);

 private:
  class Idle;
  const Landing::Allocate allocate_;
  const std::shared_ptr<Idle> idle_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_BUFFER_POOL_H_
