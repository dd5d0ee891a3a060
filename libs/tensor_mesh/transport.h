#ifndef FAIRLEAD_LIBS_TENSOR_MESH_TRANSPORT_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_TRANSPORT_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/tensor_mesh/mesh_tensor.h"
#include "libs/tensor_mesh/wire.h"

namespace fairlead::internal {

// How requests and replies get to the other side: what a new transport (RDMA,
// say) implements. A mesh may have several, and each peer is reached by one of
// them. Setting up is each transport's own.
//
// Calls come from any thread, and never under a lock that a listener takes.
// What a transport learns it tells its listener, from within any call, or from
// a thread of its own; then it rings the mesh's bell.
//
// A link is to one process: its peer's life tells it from those before and
// after. For one peer the listener is called by one thread at a time: OnLinked,
// what comes, OnLost; and then maybe the same of another life, of this or
// another transport.

// A PushPull, from its call until all its servers answered or were lost.
// Immutable but for its stamps.
struct MeshRequest {
  uint64_t id = 0;  // rises
  std::vector<MeshPush> pushes;
  std::vector<MeshPull> pulls;    // server-major
  std::vector<uint32_t> servers;  // ascending
  std::vector<uint64_t> lives;    // by server: the process that it is for
  // By server: when the transport handed it over; the transport's to set.
  mutable std::vector<std::atomic<int64_t>> posted_ns;

  size_t pulls_per_server() const { return pulls.size() / servers.size(); }
  // The pulls of the n-th of `servers`.
  absl::Span<const MeshPull> pulls_of(size_t n) const {
    return absl::MakeConstSpan(pulls).subspan(n * pulls_per_server(),
                                              pulls_per_server());
  }
  // Which of `servers` that rank is. REQUIRES that it is one.
  size_t IndexOf(uint32_t server) const {
    return static_cast<size_t>(
        std::find(servers.begin(), servers.end(), server) - servers.begin());
  }
};

class WorkerListener {
 public:
  // The server can be asked, with requests for that life.
  virtual void OnLinked(uint32_t server, uint64_t life) = 0;
  // The request, if it awaits this server's reply; null if not.
  virtual std::shared_ptr<const MeshRequest> FindAwaited(uint32_t server,
                                                         uint64_t id) = 0;
  // All of a reply has come, and its payload is in its destinations.
  virtual void OnReply(uint32_t server, uint64_t id, const WireReply& reply,
                       int64_t received_ns) = 0;
  // The server answers no more. Nothing of what it was to write or read is
  // used by the transport any more.
  virtual void OnLost(uint32_t server, const absl::Status& why) = 0;

 protected:
  ~WorkerListener() = default;
};

// The workers' end: sends requests and receives replies.
class WorkerTransport {
 public:
  virtual ~WorkerTransport() = default;

  // Sends a request to those of its servers that this transport has a link to:
  // to all of them, or, with an error, to none. A server that is lost meanwhile
  // is told to the listener. RESOURCE_EXHAUSTED if the transport has no room
  // for it now: only the first transport of a mesh may say so.
  virtual absl::Status Send(
      const std::shared_ptr<const MeshRequest>& request) = 0;

  // Whether another process of this server than that one may still be heard of,
  // or use memory of this member. None is linked before that is over.
  virtual bool IsHeld(uint32_t server, uint64_t life) = 0;

  // Receives what has come. Nothing to do for a transport with a thread.
  virtual void Poll() {}
  // Looks for peers that died without a word. A system call a peer.
  virtual void CheckPeers() {}
  // The rendezvous says that the server is gone, or another process.
  virtual void OnGone(uint32_t /*server*/) {}

  // Tells the peers that there will be no more, and stops: the listener is not
  // called once this has returned. What is not sent yet may be, until
  // `flush_by`.
  virtual void Close(absl::Time flush_by) = 0;
};

// A request as a server has it.
struct IncomingRequest {
  uint32_t worker = 0;
  uint64_t life = 0;  // the worker's, and its id of the request
  uint64_t id = 0;
  std::vector<MeshPush> pushes;
  std::vector<WireTensor> pulls;
  int64_t received_ns = 0;
};

struct OutgoingReply {
  uint32_t worker = 0;
  uint64_t life = 0;  // of the request, as its id
  uint64_t id = 0;
  absl::Status status;              // if not OK, there are no tensors
  std::array<int64_t, 4> stamps{};  // the last is the transport's to set
  std::vector<MeshTensorView> tensors;
  std::vector<WireTensor> pulls;  // of the request, as many as tensors
};

class ServerTransport;

class ServerListener {
 public:
  virtual void OnLinked(uint32_t worker, uint64_t life) = 0;
  // To be answered by the transport that it came over.
  virtual void OnRequest(ServerTransport& from, IncomingRequest request) = 0;
  virtual void OnLost(uint32_t worker, const absl::Status& why) = 0;

 protected:
  ~ServerListener() = default;
};

// The servers' end: receives requests and sends replies.
class ServerTransport {
 public:
  virtual ~ServerTransport() = default;

  // UNAVAILABLE if that life of the worker is lost.
  virtual absl::Status Reply(OutgoingReply reply) = 0;

  // As WorkerTransport's.
  virtual bool IsHeld(uint32_t worker, uint64_t life) = 0;

  // Pushes of `key` from `worker` are to be written to `bytes`, if the
  // transport's peers can write there. RESOURCE_EXHAUSTED.
  virtual absl::Status AnnounceReceiveBuffer(
      uint32_t /*worker*/, uint64_t /*key*/,
      absl::Span<const uint8_t> /*bytes*/) {
    return absl::OkStatus();
  }

  virtual void Poll() {}
  virtual void CheckPeers() {}
  virtual void OnGone(uint32_t /*worker*/) {}
  virtual void Close(absl::Time flush_by) = 0;
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_TRANSPORT_H_
