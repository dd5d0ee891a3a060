#ifndef FAIRLEAD_LIBS_TENSOR_MESH_SHM_SERVER_TRANSPORT_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_SHM_SERVER_TRANSPORT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/arena.h"
#include "libs/tensor_mesh/byte_ring.h"
#include "libs/tensor_mesh/receive_buffers.h"
#include "libs/tensor_mesh/shm_segment.h"
#include "libs/tensor_mesh/transport.h"

namespace fairlead::internal {

// A server's end of ShmWorkerTransport. Pushes are handed on where they lie:
// in the worker's arena, or in a receive buffer. Replies are written once, to
// where the worker wants them; every place that a worker names is checked
// against its arena. Thread-safe.
class ShmServerTransport final : public ServerTransport {
 public:
  // `life` is this server's.
  ShmServerTransport(uint64_t life, std::shared_ptr<ShmSegment> segment,
                     std::shared_ptr<Arena> arena, ReceiveBuffers& buffers,
                     ServerListener& listener)
      : life_(life),
        segment_(std::move(segment)),
        arena_(std::move(arena)),
        buffers_(buffers),
        listener_(listener) {}

  // Is reached by that life of `worker`, over that link of its `links`.
  // REQUIRES that it is not held. Errors as ShmSegment::Open; UNAVAILABLE if it
  // is dead, or has not made the link ready yet.
  absl::Status Connect(uint32_t worker, uint64_t life, uint32_t link,
                       uint32_t links, absl::string_view directory,
                       absl::string_view segment)
      ABSL_LOCKS_EXCLUDED(poll_mutex_, reply_mutex_);

  absl::Status Reply(OutgoingReply reply) override
      ABSL_LOCKS_EXCLUDED(reply_mutex_);
  bool IsHeld(uint32_t worker, uint64_t life) override
      ABSL_LOCKS_EXCLUDED(poll_mutex_);
  absl::Status AnnounceReceiveBuffer(uint32_t worker, uint64_t key,
                                     absl::Span<const uint8_t> bytes) override
      ABSL_LOCKS_EXCLUDED(reply_mutex_);
  void Poll() override ABSL_LOCKS_EXCLUDED(poll_mutex_, reply_mutex_);
  void CheckPeers() override ABSL_LOCKS_EXCLUDED(poll_mutex_, reply_mutex_);
  void Close(absl::Time flush_by) override ABSL_LOCKS_EXCLUDED(poll_mutex_);

 private:
  struct Peer {
    uint64_t life = 0;
    std::shared_ptr<ShmSegment> segment;
    ByteRingReader requests;
    ByteRingWriter replies;
    bool is_lost = false;
  };

  absl::Status Announce(Peer& peer, uint64_t key,
                        absl::Span<const uint8_t> bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(reply_mutex_);
  absl::Status Drain(uint32_t worker, Peer& peer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(poll_mutex_);
  absl::Status OnFrame(uint32_t worker, Peer& peer, int64_t now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(poll_mutex_);
  // Where the bytes of a push are. DATA_LOSS if the worker lies; another
  // error is the request's.
  absl::StatusOr<MeshPush> Find(uint32_t worker, const Peer& peer,
                                const WireTensor& tensor);
  void Lose(uint32_t worker, Peer& peer, const absl::Status& why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(poll_mutex_);

  const uint64_t life_;
  const std::shared_ptr<ShmSegment> segment_;
  const std::shared_ptr<Arena> arena_;
  ReceiveBuffers& buffers_;
  ServerListener& listener_;

  // By worker. Changed under both locks. Of each, `replies` is the replier's,
  // the rest is the poller's. A reply that is being written keeps its peer.
  std::map<uint32_t, std::shared_ptr<Peer>> peers_;

  Mutex poll_mutex_;
  bool is_closed_ ABSL_GUARDED_BY(poll_mutex_) = false;
  std::vector<uint8_t> frame_ ABSL_GUARDED_BY(poll_mutex_);

  Mutex reply_mutex_ ABSL_ACQUIRED_AFTER(poll_mutex_);
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_SHM_SERVER_TRANSPORT_H_
