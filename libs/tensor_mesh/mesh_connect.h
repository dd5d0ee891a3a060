#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_CONNECT_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_CONNECT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/tensor_mesh/arena.h"
#include "libs/tensor_mesh/bell.h"
#include "libs/tensor_mesh/mesh_member.h"
#include "libs/tensor_mesh/receive_buffers.h"
#include "libs/tensor_mesh/transport.h"

namespace fairlead::internal {

// How a member finds its peers: says how it can be reached, learns it of the
// others, and connects to each by the best transport that both have. The one
// place that knows which transports there are.

// What every member has.
struct MeshGround {
  std::shared_ptr<Arena> arena;
  std::shared_ptr<MeshBell> bell;
  absl::Time deadline;  // of the rest of the start
};
template <typename Transport>
struct Connections : MeshGround {
  std::vector<std::unique_ptr<Transport>> transports;
  std::map<uint32_t, size_t> by_peer;  // which of `transports`
};

// Errors as of MeshWorker::Create. The listener may be called at once.
absl::StatusOr<Connections<WorkerTransport>> ConnectWorker(
    MeshMember& member, WorkerListener& listener);
absl::StatusOr<Connections<ServerTransport>> ConnectServer(
    MeshMember& member, ReceiveBuffers& buffers, ServerListener& listener);

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_CONNECT_H_
