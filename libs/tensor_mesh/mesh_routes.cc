#include "libs/tensor_mesh/mesh_routes.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace fairlead {

MeshRoutes::MeshRoutes(std::vector<std::vector<uint32_t>> servers,
                       uint32_t num_servers)
    : servers_(std::move(servers)), workers_(num_servers) {
  for (uint32_t worker = 0; worker < servers_.size(); ++worker) {
    std::sort(servers_[worker].begin(), servers_[worker].end());
    for (const uint32_t server : servers_[worker]) {
      workers_[server].push_back(worker);
    }
  }
}

MeshRoutes MeshRoutes::AllToAll(uint32_t num_workers, uint32_t num_servers) {
  std::vector<uint32_t> all(num_servers);
  std::iota(all.begin(), all.end(), 0);
  return {std::vector<std::vector<uint32_t>>(num_workers, all), num_servers};
}

MeshRoutes MeshRoutes::Paired(uint32_t worker_nodes, uint32_t server_nodes,
                              uint32_t group_size) {
  std::vector<std::vector<uint32_t>> servers(worker_nodes * group_size);
  for (uint32_t worker = 0; worker < servers.size(); ++worker) {
    for (uint32_t node = 0; node < server_nodes; ++node) {
      servers[worker].push_back(node * group_size + worker % group_size);
    }
  }
  return {std::move(servers), server_nodes * group_size};
}

absl::StatusOr<MeshRoutes> MeshRoutes::Of(
    std::vector<std::vector<uint32_t>> servers_of_workers,
    uint32_t num_servers) {
  std::vector<bool> is_used(num_servers);
  for (size_t worker = 0; worker < servers_of_workers.size(); ++worker) {
    std::vector<bool> is_named(num_servers);
    for (const uint32_t server : servers_of_workers[worker]) {
      if (server >= num_servers || is_named[server]) {
        return absl::InvalidArgumentError(
            absl::StrCat("routes: worker ", worker, " names server ", server,
                         server >= num_servers ? ", and the last is "
                                               : " twice; the last is ",
                         num_servers - 1));
      }
      is_named[server] = is_used[server] = true;
    }
    if (servers_of_workers[worker].empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("routes: worker ", worker, " has no server"));
    }
  }
  const auto unused = std::find(is_used.begin(), is_used.end(), false);
  if (unused != is_used.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "routes: server ", unused - is_used.begin(), " has no worker"));
  }
  return MeshRoutes(std::move(servers_of_workers), num_servers);
}

}  // namespace fairlead
