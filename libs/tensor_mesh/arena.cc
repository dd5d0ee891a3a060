#include "libs/tensor_mesh/arena.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/tensor_mesh/mesh_tensor.h"

namespace fairlead::internal {
namespace {

constexpr uint64_t kAlignment = 64;

}  // namespace

std::shared_ptr<Arena> Arena::Of(absl::Span<uint8_t> memory,
                                 std::shared_ptr<const void> owner) {
  // The constructor is private, so std::make_shared cannot call it.
  return std::shared_ptr<Arena>(new Arena(memory, std::move(owner)));
}

absl::StatusOr<MeshMemory> Arena::Allocate(uint64_t bytes) {
  uint64_t begin = 0;
  {
    MutexLock lock(&mutex_);
    if (bytes <= memory_.size()) {
      const uint64_t extent =
          std::max<uint64_t>((bytes + kAlignment - 1) / kAlignment, 1) *
          kAlignment;
      for (const auto& [from, to] : taken_) {
        if (from - begin >= extent) break;
        begin = to;
      }
      if (extent <= memory_.size() - begin) {
        taken_[begin] = begin + extent;
      } else {
        begin = memory_.size() + 1;
      }
    } else {
      begin = memory_.size() + 1;
    }
  }
  if (begin > memory_.size()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("arena_bytes: ", bytes, " bytes are wanted, and of ",
                     memory_.size(), " there are ", used_bytes(),
                     " in use; raise arena_bytes, or free buffers"));
  }
  return MeshMemory{.bytes = memory_.subspan(begin, bytes),
                    .owner = std::shared_ptr<const void>(
                        nullptr, [self = shared_from_this(),
                                  begin](const void*) { self->Free(begin); })};
}

void Arena::Free(uint64_t offset) {
  MutexLock lock(&mutex_);
  taken_.erase(offset);
}

uint64_t Arena::used_bytes() const {
  MutexLock lock(&mutex_);
  uint64_t used = 0;
  for (const auto& [from, to] : taken_) used += to - from;
  return used;
}

}  // namespace fairlead::internal
