#ifndef FAIRLEAD_LIBS_TENSOR_MESH_ARENA_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_ARENA_H_

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/mesh_tensor.h"

namespace fairlead::internal {

// Gives out pieces of a stretch of memory, first fit, each at a multiple of 64
// and of its own cache lines. Thread-safe.
class Arena : public std::enable_shared_from_this<Arena> {
 public:
  // `owner` keeps the memory alive.
  static std::shared_ptr<Arena> Of(absl::Span<uint8_t> memory,
                                   std::shared_ptr<const void> owner);

  // A piece, until its owner is destroyed. RESOURCE_EXHAUSTED, with the
  // numbers, if no gap is large enough.
  absl::StatusOr<MeshMemory> Allocate(uint64_t bytes)
      ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Span<uint8_t> memory() const { return memory_; }
  uint64_t used_bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Arena(absl::Span<uint8_t> memory, std::shared_ptr<const void> owner)
      : memory_(memory), owner_(std::move(owner)) {}

  void Free(uint64_t offset) ABSL_LOCKS_EXCLUDED(mutex_);

  const absl::Span<uint8_t> memory_;
  const std::shared_ptr<const void> owner_;

  mutable Mutex mutex_;
  std::map<uint64_t, uint64_t> taken_ ABSL_GUARDED_BY(mutex_);  // begin, end
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_ARENA_H_
