#include "libs/tensor_mesh/mesh_connect.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "libs/shm_channel/shm_domain.h"
#include "libs/shm_channel/shm_file.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/shm_segment.h"
#include "libs/tensor_mesh/shm_server_transport.h"
#include "libs/tensor_mesh/shm_worker_transport.h"

namespace fairlead::internal {
namespace {

// Of any member: its segment, if it uses shared memory, and what lies there.
struct Ground {
  std::shared_ptr<ShmSegment> segment;
  MeshOffer offer;
};

absl::StatusOr<Ground> Prepare(const MeshConfig& config, uint32_t links,
                               Connections& connections) {
  Ground ground;
  if (config.transports == MeshConfig::Transports::kTcpOnly) {
    auto memory =
        std::make_shared<std::vector<uint8_t>>(config.arena_bytes + 63);
    const uint64_t skip = -reinterpret_cast<uintptr_t>(memory->data()) % 64;
    connections.arena = Arena::Of(
        absl::MakeSpan(*memory).subspan(skip, config.arena_bytes), memory);
    connections.bell = std::make_shared<MeshBell>();
    return ground;
  }
  FAIRLEAD_ASSIGN_OR_RETURN(ground.offer.shm_domain,
                            PrepareShmDomain(config.shm_dir));
  SweepOrphans(config.shm_dir, kMeshPrefix);
  FAIRLEAD_ASSIGN_OR_RETURN(
      ground.segment,
      ShmSegment::Create(config.shm_dir, links, config.arena_bytes));
  ground.offer.segment = ground.segment->name();
  connections.arena = Arena::Of(ground.segment->arena(), ground.segment);
  connections.bell = {ground.segment, &ground.segment->bell()};
  return ground;
}

bool SharesMemory(const MeshOffer& ours, const MeshOffer& theirs) {
  return !ours.shm_domain.empty() && ours.shm_domain == theirs.shm_domain;
}

absl::Status Unreachable(const MeshMember& member, uint32_t number) {
  return absl::FailedPreconditionError(absl::StrCat(
      member.name(), " and ", member.NameOf(number),
      " have no transport in common: they share no shm_dir, or one of them "
      "allows only one transport"));
}

std::string Naming(const MeshMember& member, uint32_t number) {
  return absl::StrCat(member.name(), " to ", member.NameOf(number), ": ");
}

absl::Status Prefixed(const std::string& prefix, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(prefix, status.message()));
}

uint32_t LinkOf(const MeshMember& member, uint32_t worker, uint32_t server) {
  const std::vector<uint32_t>& servers = member.routes().servers_of(worker);
  return static_cast<uint32_t>(
      std::lower_bound(servers.begin(), servers.end(), server) -
      servers.begin());
}

uint32_t LinksOf(const MeshMember& member, uint32_t worker) {
  return static_cast<uint32_t>(member.routes().servers_of(worker).size());
}

}  // namespace

absl::StatusOr<WorkerConnections> ConnectWorker(MeshMember& member,
                                                WorkerListener& listener) {
  const MeshConfig& config = member.config();
  WorkerConnections connections;
  connections.deadline = absl::Now() + config.init_timeout;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const Ground ground,
      Prepare(config, LinksOf(member, config.rank), connections));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::vector<MeshOffer> offers,
      member.Exchange(ground.offer, connections.deadline));

  std::unique_ptr<ShmWorkerTransport> shm;
  for (const uint32_t server : member.routes().servers_of(config.rank)) {
    const uint32_t number = member.ServerNumber(server);
    if (!SharesMemory(ground.offer, offers[number])) {
      return Unreachable(member, number);
    }
    if (shm == nullptr) {
      shm = std::make_unique<ShmWorkerTransport>(ground.segment,
                                                 connections.arena, listener);
    }
    const absl::Status connected =
        shm->Connect(server, LinkOf(member, config.rank, server),
                     config.shm_dir, offers[number].segment);
    if (!connected.ok()) return Prefixed(Naming(member, number), connected);
    connections.by_server[server] = 0;
  }
  connections.transports.push_back(std::move(shm));
  return connections;
}

absl::StatusOr<ServerConnections> ConnectServer(MeshMember& member,
                                                ReceiveBuffers& buffers,
                                                ServerListener& listener) {
  const MeshConfig& config = member.config();
  ServerConnections connections;
  connections.deadline = absl::Now() + config.init_timeout;
  FAIRLEAD_ASSIGN_OR_RETURN(const Ground ground,
                            Prepare(config, /*links=*/0, connections));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::vector<MeshOffer> offers,
      member.Exchange(ground.offer, connections.deadline));

  std::unique_ptr<ShmServerTransport> shm;
  for (const uint32_t worker : member.routes().workers_of(config.rank)) {
    const uint32_t number = member.WorkerNumber(worker);
    if (!SharesMemory(ground.offer, offers[number])) {
      return Unreachable(member, number);
    }
    if (shm == nullptr) {
      shm = std::make_unique<ShmServerTransport>(
          ground.segment, connections.arena, buffers, listener);
    }
    const absl::Status connected = shm->Connect(
        worker, LinkOf(member, worker, config.rank), LinksOf(member, worker),
        config.shm_dir, offers[number].segment);
    if (!connected.ok()) return Prefixed(Naming(member, number), connected);
    connections.by_worker[worker] = 0;
  }
  connections.transports.push_back(std::move(shm));
  return connections;
}

}  // namespace fairlead::internal
