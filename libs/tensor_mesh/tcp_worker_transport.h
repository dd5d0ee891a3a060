#ifndef FAIRLEAD_LIBS_TENSOR_MESH_TCP_WORKER_TRANSPORT_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_TCP_WORKER_TRANSPORT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
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
  static absl::StatusOr<std::unique_ptr<TcpWorkerTransport>> Create(
      uint32_t worker, absl::Duration peer_timeout,
      std::shared_ptr<MeshBell> bell, WorkerListener& listener);
  ~TcpWorkerTransport() override { Close(absl::InfinitePast()); }

  // Before all else. UNAVAILABLE, DEADLINE_EXCEEDED; PERMISSION_DENIED if the
  // server does not take this worker.
  absl::Status Connect(uint32_t server, const std::string& address,
                       const std::string& token, absl::Time deadline);

  absl::Status Send(const std::shared_ptr<const MeshRequest>& request,
                    absl::Span<const uint32_t> servers) override;
  void OnGone(uint32_t server) override;
  void Close(absl::Time flush_by) override;

 private:
  class Peer;

  TcpWorkerTransport(uint32_t worker, absl::Duration peer_timeout,
                     std::shared_ptr<MeshBell> bell, WorkerListener& listener,
                     std::unique_ptr<TcpLoop> loop)
      : worker_(worker),
        peer_timeout_(peer_timeout),
        bell_(std::move(bell)),
        listener_(listener),
        loop_(std::move(loop)) {}

  const uint32_t worker_;
  const absl::Duration peer_timeout_;
  const std::shared_ptr<MeshBell> bell_;
  WorkerListener& listener_;

  // By server. Fixed once requests are sent.
  std::map<uint32_t, std::shared_ptr<TcpConnection>> connections_;
  // Ends first.
  const std::unique_ptr<TcpLoop> loop_;
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_TCP_WORKER_TRANSPORT_H_
