#include "libs/tensor_mesh/receive_buffers.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"

namespace fairlead::internal {

absl::Status ReceiveBuffers::Register(const MeshTensorBuffer& buffer,
                                      absl::Span<const uint32_t> workers,
                                      absl::Span<const uint64_t> keys) {
  if (workers.empty() || workers.size() != keys.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("receive buffer: ", workers.size(), " workers and ",
                     keys.size(), " keys; give as many of both, at least 1"));
  }
  if (buffer.bytes.empty() || buffer.bytes.size() % workers.size() != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "receive buffer: ", buffer.bytes.size(), " bytes cannot be cut into ",
        workers.size(), " equal chunks"));
  }
  const uint64_t chunk = buffer.bytes.size() / workers.size();
  MutexLock lock(&mutex_);
  FAIRLEAD_RETURN_IF_ERROR(CheckFree(buffer, workers, keys));
  for (size_t i = 0; i < workers.size(); ++i) {
    chunks_[{workers[i], keys[i]}] = {
        .bytes = buffer.bytes.subspan(i * chunk, chunk), .owner = buffer.owner};
    owned_keys_.insert(keys[i]);
  }
  return absl::OkStatus();
}

absl::Status ReceiveBuffers::CheckFree(const MeshTensorBuffer& buffer,
                                       absl::Span<const uint32_t> workers,
                                       absl::Span<const uint64_t> keys) const {
  std::set<WorkerKey> named;
  for (size_t i = 0; i < workers.size(); ++i) {
    const WorkerKey pair(workers[i], keys[i]);
    const auto what = [&pair] {
      return absl::StrCat("receive buffer of worker ", pair.first, ", key ",
                          pair.second, ": ");
    };
    if (!std::binary_search(workers_.begin(), workers_.end(), pair.first)) {
      return absl::InvalidArgumentError(
          absl::StrCat(what(), "this worker does not reach this server"));
    }
    if (keys_name_their_worker_ && WorkerOfMeshKey(pair.second) != pair.first) {
      return absl::InvalidArgumentError(
          absl::StrCat(what(), "the key names worker ",
                       WorkerOfMeshKey(pair.second), "; see MeshKey"));
    }
    if (!named.insert(pair).second || chunks_.contains(pair)) {
      return absl::AlreadyExistsError(absl::StrCat(what(), "has one"));
    }
    const auto pushed = pushed_.find(pair.first);
    if (pushed != pushed_.end() && pushed->second.contains(pair.second)) {
      return absl::FailedPreconditionError(absl::StrCat(
          what(),
          "it was pushed before; register buffers before the first "
          "push, and let a barrier say so"));
    }
  }
  for (const auto& [pair, chunk] : chunks_) {
    if (chunk.bytes.data() < buffer.bytes.data() + buffer.bytes.size() &&
        buffer.bytes.data() < chunk.bytes.data() + chunk.bytes.size()) {
      return absl::AlreadyExistsError(
          absl::StrCat("receive buffer: overlaps that of worker ", pair.first,
                       ", key ", pair.second, "; give memory of its own"));
    }
  }
  return absl::OkStatus();
}

void ReceiveBuffers::Forget(uint32_t worker) {
  MutexLock lock(&mutex_);
  pushed_.erase(worker);
}

std::vector<std::pair<uint64_t, absl::Span<const uint8_t>>>
ReceiveBuffers::ChunksOf(uint32_t worker) {
  std::vector<std::pair<uint64_t, absl::Span<const uint8_t>>> chunks;
  MutexLock lock(&mutex_);
  for (const auto& [pair, chunk] : chunks_) {
    if (pair.first == worker) chunks.emplace_back(pair.second, chunk.bytes);
  }
  return chunks;
}

absl::StatusOr<std::optional<MeshMemory>> ReceiveBuffers::PlaceFor(
    uint32_t worker, uint64_t key, uint64_t bytes) {
  MutexLock lock(&mutex_);
  absl::flat_hash_set<uint64_t>& pushed = pushed_[worker];
  if (pushed.size() >= max_keys_ && !pushed.contains(key)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "key ", key, " of worker ", worker, ": it has pushed ", max_keys_,
        " other keys; raise max_keys, or use keys again"));
  }
  const auto chunk = chunks_.find({worker, key});
  if ((keys_name_their_worker_ && WorkerOfMeshKey(key) != worker) ||
      (chunk == chunks_.end() && owned_keys_.contains(key))) {
    return absl::PermissionDeniedError(
        absl::StrCat("key ", key, ": is not worker ", worker, "'s to push"));
  }
  pushed.insert(key);
  if (chunk == chunks_.end()) return std::nullopt;
  if (bytes > chunk->second.bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("key ", key, " of worker ", worker, ": ", bytes,
                     " bytes are more than its receive buffer of ",
                     chunk->second.bytes.size(), " holds"));
  }
  return MeshMemory{.bytes = chunk->second.bytes.subspan(0, bytes),
                    .owner = chunk->second.owner};
}

}  // namespace fairlead::internal
