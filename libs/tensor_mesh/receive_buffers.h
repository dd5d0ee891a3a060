#ifndef FAIRLEAD_LIBS_TENSOR_MESH_RECEIVE_BUFFERS_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_RECEIVE_BUFFERS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_tensor.h"

namespace fairlead::internal {

// Where a server wants pushes to land, and who may push what (parity SM-08,
// W-58). Thread-safe.
class ReceiveBuffers {
 public:
  using WorkerKey = std::pair<uint32_t, uint64_t>;

  // `workers`: those that reach this server.
  ReceiveBuffers(std::vector<uint32_t> workers, const MeshConfig& config)
      : workers_(std::move(workers)),
        max_keys_(config.max_keys),
        keys_name_their_worker_(config.keys_name_their_worker) {}

  // Cuts `buffer` into equal chunks, of which the i-th receives the pushes of
  // keys[i] from workers[i]; from then on a key that is named here is only
  // theirs to push. INVALID_ARGUMENT for lists that are empty, unequal, or do
  // not divide the buffer, or for a worker that does not reach this server;
  // ALREADY_EXISTS for a pair that has a buffer, or memory that is registered;
  // FAILED_PRECONDITION for a key that the worker has pushed before.
  absl::Status Register(const MeshTensorBuffer& buffer,
                        absl::Span<const uint32_t> workers,
                        absl::Span<const uint64_t> keys)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Another process is this worker: it has pushed nothing.
  void Forget(uint32_t worker) ABSL_LOCKS_EXCLUDED(mutex_);
  // Where the keys of a worker go, of those that have a buffer.
  std::vector<std::pair<uint64_t, absl::Span<const uint8_t>>> ChunksOf(
      uint32_t worker) ABSL_LOCKS_EXCLUDED(mutex_);

  // Called for each push: where it goes, if it has a buffer. PERMISSION_DENIED
  // if the key is not this worker's; INVALID_ARGUMENT if the push is larger
  // than its buffer; RESOURCE_EXHAUSTED beyond `max_keys` of a worker.
  absl::StatusOr<std::optional<MeshMemory>> PlaceFor(uint32_t worker,
                                                     uint64_t key,
                                                     uint64_t bytes)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Status CheckFree(const MeshTensorBuffer& buffer,
                         absl::Span<const uint32_t> workers,
                         absl::Span<const uint64_t> keys) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::vector<uint32_t> workers_;
  const uint32_t max_keys_;
  const bool keys_name_their_worker_;

  Mutex mutex_;
  absl::flat_hash_map<WorkerKey, MeshMemory> chunks_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<uint64_t> owned_keys_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint32_t, absl::flat_hash_set<uint64_t>> pushed_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_RECEIVE_BUFFERS_H_
