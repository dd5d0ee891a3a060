#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_CONNECT_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_CONNECT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/tensor_mesh/arena.h"
#include "libs/tensor_mesh/bell.h"
#include "libs/tensor_mesh/mesh_line.h"
#include "libs/tensor_mesh/mesh_member.h"
#include "libs/tensor_mesh/receive_buffers.h"
#include "libs/tensor_mesh/transport.h"

namespace fairlead::internal {

// By what a member reaches its peers: the transports it may use, and how it is
// reached itself. The one place that knows which transports there are.
template <typename Transport>
struct Connections {
  std::shared_ptr<Arena> arena;
  std::shared_ptr<MeshBell> bell;
  MeshLine offer;
  std::vector<std::unique_ptr<Transport>> transports;

  // Links a peer, as its line says, by the best transport that both have. OK
  // once the listener knows; UNAVAILABLE and the like if it is to be tried
  // again; otherwise it is of no use. REQUIRES that no transport holds the
  // peer. One call at a time.
  std::function<absl::Status(uint32_t rank, const MeshLine& theirs)> link;
};

// `member` must outlive what is returned.
absl::StatusOr<Connections<WorkerTransport>> ConnectWorker(
    const MeshMember& member, WorkerListener& listener);
absl::StatusOr<Connections<ServerTransport>> ConnectServer(
    const MeshMember& member, ReceiveBuffers& buffers,
    ServerListener& listener);

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_CONNECT_H_
