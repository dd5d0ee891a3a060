#ifndef FAIRLEAD_LIBS_TENSOR_MESH_TCP_SERVER_TRANSPORT_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_TCP_SERVER_TRANSPORT_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/bell.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/receive_buffers.h"
#include "libs/tensor_mesh/tcp_connection.h"
#include "libs/tensor_mesh/tcp_loop.h"
#include "libs/tensor_mesh/transport.h"

namespace fairlead::internal {

// A server's end of TcpWorkerTransport. Takes a connection of each worker
// that is expected and knows its token. Pushes are read into their receive
// buffers, or into a place of their key's that grows as needed. Thread-safe.
class TcpServerTransport final : public ServerTransport {
 public:
  // Listens. Errors as internal::Listen.
  static absl::StatusOr<std::unique_ptr<TcpServerTransport>> Create(
      const MeshConfig& config, ReceiveBuffers& buffers,
      std::shared_ptr<MeshBell> bell, ServerListener& listener);
  ~TcpServerTransport() override { Close(absl::InfinitePast()); }

  // Where it listens, and what workers have to say there.
  const std::string& address() const { return address_; }
  const std::string& token() const { return token_; }

  // Takes a connection of that life of `worker`. UNAVAILABLE until it has come.
  absl::Status Expect(uint32_t worker, uint64_t life)
      ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Status Reply(OutgoingReply reply) override ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsHeld(uint32_t worker, uint64_t life) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnGone(uint32_t worker) override ABSL_LOCKS_EXCLUDED(mutex_);
  void Close(absl::Time flush_by) override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Door;
  class Peer;
  struct Link {
    uint64_t expected = 0;  // the life that may connect
    uint64_t life = 0;      // that has
    std::shared_ptr<TcpConnection> connection;
    bool is_open = false;  // until the listener knows that it is not
  };

  TcpServerTransport(const MeshConfig& config, ReceiveBuffers& buffers,
                     std::shared_ptr<MeshBell> bell, ServerListener& listener,
                     std::unique_ptr<TcpLoop> loop);

  // On the loop's thread.
  void Accept(Socket socket) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Welcome(const WireHello& hello, TcpConnection& connection)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnClosed(uint32_t worker, const absl::Status& why)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The place of a key, of so many bytes.
  absl::StatusOr<MeshMemory> PlaceOf(uint32_t worker, uint64_t key,
                                     uint64_t bytes);

  const absl::Duration peer_timeout_;
  const uint64_t receive_bytes_;
  ReceiveBuffers& buffers_;
  const std::shared_ptr<MeshBell> bell_;
  ServerListener& listener_;
  std::string address_;
  std::string token_;

  // The loop's thread's.
  std::map<ReceiveBuffers::WorkerKey, MeshMemory> places_;
  uint64_t places_bytes_ = 0;

  Mutex mutex_;
  // That have not said who they are; the oldest first.
  std::deque<std::shared_ptr<TcpConnection>> strangers_ ABSL_GUARDED_BY(mutex_);
  std::map<uint32_t, Link> links_ ABSL_GUARDED_BY(mutex_);  // by worker

  // Ends first.
  const std::unique_ptr<TcpLoop> loop_;
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_TCP_SERVER_TRANSPORT_H_
