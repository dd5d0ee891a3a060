#ifndef FAIRLEAD_LIBS_TENSOR_MESH_SHM_WORKER_TRANSPORT_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_SHM_WORKER_TRANSPORT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/arena.h"
#include "libs/tensor_mesh/byte_ring.h"
#include "libs/tensor_mesh/shm_segment.h"
#include "libs/tensor_mesh/transport.h"

namespace fairlead::internal {

// A worker's requests to the servers of its host. A pushed tensor is written
// once, for all of them: to its key's place in the worker's arena, not at all
// if it lies in the arena already, or, for a server that has a receive buffer
// for it, to there. Replies are written by the servers: to their destination
// in the arena, or to the key's place, from where Poll() copies them.
//
// Who is alive is said by locks on the segments. Thread-safe.
class ShmWorkerTransport final : public WorkerTransport {
 public:
  // `segment` is this worker's own.
  ShmWorkerTransport(std::shared_ptr<ShmSegment> segment,
                     std::shared_ptr<Arena> arena, WorkerListener& listener)
      : segment_(std::move(segment)),
        arena_(std::move(arena)),
        listener_(listener) {}

  // Reaches that life of `server`, over that link of this worker's. REQUIRES
  // that it is not held. Errors as ShmSegment::Open; UNAVAILABLE if it is dead.
  absl::Status Connect(uint32_t server, uint64_t life, uint32_t link,
                       absl::string_view directory, absl::string_view segment)
      ABSL_LOCKS_EXCLUDED(poll_mutex_, send_mutex_);

  absl::Status Send(const std::shared_ptr<const MeshRequest>& request) override
      ABSL_LOCKS_EXCLUDED(send_mutex_);
  bool IsHeld(uint32_t server, uint64_t life) override
      ABSL_LOCKS_EXCLUDED(poll_mutex_);
  void Poll() override ABSL_LOCKS_EXCLUDED(poll_mutex_, send_mutex_);
  void CheckPeers() override ABSL_LOCKS_EXCLUDED(poll_mutex_);
  void Close(absl::Time flush_by) override ABSL_LOCKS_EXCLUDED(poll_mutex_);

 private:
  struct Peer {
    uint64_t life = 0;
    std::shared_ptr<ShmSegment> segment;
    ByteRingWriter requests;
    ByteRingReader replies;
    bool is_lost = false;
    // By key: where its pushes go in the server's arena.
    absl::flat_hash_map<uint64_t, absl::Span<uint8_t>> receive_buffers;
  };
  using Places = absl::flat_hash_map<uint64_t, MeshMemory>;

  // The place of a key, of at least so many bytes.
  absl::StatusOr<absl::Span<uint8_t>> PlaceOf(Places& places, uint64_t key,
                                              uint64_t bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(send_mutex_);
  uint64_t OffsetOf(const uint8_t* data) const {
    return static_cast<uint64_t>(data - arena_->memory().data());
  }
  // A push as a server finds it, `in_arena` once it is written there.
  absl::StatusOr<WireTensor> Place(const MeshPush& push, Peer& peer,
                                   absl::Span<const uint8_t>& in_arena)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(send_mutex_);
  absl::StatusOr<WireTensor> Place(const MeshPull& pull)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(send_mutex_);

  absl::Status Drain(uint32_t server, Peer& peer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(poll_mutex_)
          ABSL_LOCKS_EXCLUDED(send_mutex_);
  absl::Status OnFrame(uint32_t server, Peer& peer, int64_t now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(poll_mutex_)
          ABSL_LOCKS_EXCLUDED(send_mutex_);
  void Lose(uint32_t server, Peer& peer, const absl::Status& why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(poll_mutex_);

  const std::shared_ptr<ShmSegment> segment_;
  const std::shared_ptr<Arena> arena_;
  WorkerListener& listener_;

  // By server. Changed under both locks. Of each, `requests` and
  // `receive_buffers` are the sender's, the rest is the poller's.
  std::map<uint32_t, std::unique_ptr<Peer>> peers_;

  Mutex poll_mutex_;
  bool is_closed_ ABSL_GUARDED_BY(poll_mutex_) = false;
  std::vector<uint8_t> frame_ ABSL_GUARDED_BY(poll_mutex_);

  Mutex send_mutex_ ABSL_ACQUIRED_AFTER(poll_mutex_);
  Places push_places_ ABSL_GUARDED_BY(send_mutex_);
  Places pull_places_ ABSL_GUARDED_BY(send_mutex_);
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_SHM_WORKER_TRANSPORT_H_
