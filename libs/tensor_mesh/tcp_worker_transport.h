#ifndef FAIRLEAD_LIBS_TENSOR_MESH_TCP_WORKER_TRANSPORT_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_TCP_WORKER_TRANSPORT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/bell.h"
#include "libs/tensor_mesh/tcp_connection.h"
#include "libs/tensor_mesh/tcp_loop.h"
#include "libs/tensor_mesh/transport.h"

namespace fairlead::internal {

// A worker's requests to the servers of other hosts: a connection each.
// Pushes are sent from where they lie, replies read into their destinations.
// Thread-safe.
class TcpWorkerTransport final : public WorkerTransport {
 public:
  // `life` is this worker's.
  static absl::StatusOr<std::unique_ptr<TcpWorkerTransport>> Create(
      uint32_t worker, uint64_t life, absl::Duration peer_timeout,
      std::shared_ptr<MeshBell> bell, WorkerListener& listener);
  ~TcpWorkerTransport() override { Close(absl::InfinitePast()); }

  // Reaches that life of `server`. REQUIRES that it is not held. UNAVAILABLE,
  // DEADLINE_EXCEEDED; PERMISSION_DENIED if the server does not take this
  // worker, or not yet.
  absl::Status Connect(uint32_t server, uint64_t life,
                       const std::string& address, const std::string& token,
                       absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Status Send(const std::shared_ptr<const MeshRequest>& request) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsHeld(uint32_t server, uint64_t life) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnGone(uint32_t server) override ABSL_LOCKS_EXCLUDED(mutex_);
  void Close(absl::Time flush_by) override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Peer;

  struct Link {
    uint64_t life = 0;
    std::shared_ptr<TcpConnection> connection;
    bool is_open = true;  // until the listener knows that it is not
  };

  TcpWorkerTransport(uint32_t worker, uint64_t life,
                     absl::Duration peer_timeout,
                     std::shared_ptr<MeshBell> bell, WorkerListener& listener,
                     std::unique_ptr<TcpLoop> loop)
      : worker_(worker),
        life_(life),
        peer_timeout_(peer_timeout),
        bell_(std::move(bell)),
        listener_(listener),
        loop_(std::move(loop)) {}

  void OnClosed(uint32_t server, const absl::Status& why)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const uint32_t worker_;
  const uint64_t life_;
  const absl::Duration peer_timeout_;
  const std::shared_ptr<MeshBell> bell_;
  WorkerListener& listener_;

  Mutex mutex_;
  std::map<uint32_t, Link> links_ ABSL_GUARDED_BY(mutex_);  // by server
  // Ends first.
  const std::unique_ptr<TcpLoop> loop_;
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_TCP_WORKER_TRANSPORT_H_
