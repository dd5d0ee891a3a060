#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_ROUTES_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_ROUTES_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fairlead {

// Which workers exchange tensors with which servers: any bipartite table
// (parity W-61). Immutable.
class MeshRoutes {
 public:
  // Every worker with every server.
  static MeshRoutes AllToAll(uint32_t num_workers, uint32_t num_servers);

  // StepMesh's: nodes of `group_size` processes, and process i of a worker
  // node exchanges with process i of every server node. Ranks are
  // group_size * node + i.
  static MeshRoutes Paired(uint32_t worker_nodes, uint32_t server_nodes,
                           uint32_t group_size);

  // By worker, the servers. INVALID_ARGUMENT for a server that is none, one
  // named twice, or a worker or a server that is left alone.
  static absl::StatusOr<MeshRoutes> Of(
      std::vector<std::vector<uint32_t>> servers_of_workers,
      uint32_t num_servers);

  uint32_t num_workers() const {
    return static_cast<uint32_t>(servers_.size());
  }
  uint32_t num_servers() const {
    return static_cast<uint32_t>(workers_.size());
  }

  // Ascending. REQUIRES a rank that there is.
  const std::vector<uint32_t>& servers_of(uint32_t worker) const {
    return servers_[worker];
  }
  const std::vector<uint32_t>& workers_of(uint32_t server) const {
    return workers_[server];
  }

 private:
  MeshRoutes(std::vector<std::vector<uint32_t>> servers, uint32_t num_servers);

  std::vector<std::vector<uint32_t>> servers_;  // by worker
  std::vector<std::vector<uint32_t>> workers_;  // by server
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_ROUTES_H_
