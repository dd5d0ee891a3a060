#include "libs/tensor_mesh/mesh_connect.h"

#include <algorithm>
#include <cstdint>
#include <map>
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
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/shm_segment.h"
#include "libs/tensor_mesh/shm_server_transport.h"
#include "libs/tensor_mesh/shm_worker_transport.h"
#include "libs/tensor_mesh/tcp_server_transport.h"
#include "libs/tensor_mesh/tcp_worker_transport.h"

namespace fairlead::internal {
namespace {

using Transports = MeshConfig::Transports;

// Of any member: its segment, if it uses shared memory, and what lies there.
struct Ground {
  std::shared_ptr<ShmSegment> segment;
  MeshOffer offer;
};

absl::StatusOr<Ground> Prepare(const MeshConfig& config, uint32_t links,
                               MeshGround& connections) {
  Ground ground;
  if (config.transports == Transports::kTcpOnly) {
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

// One more transport, and whom it reaches.
template <typename Transport, typename Base>
void Include(std::unique_ptr<Transport> transport,
             const std::vector<uint32_t>& peers,
             Connections<Base>& connections) {
  if (transport == nullptr) return;
  for (const uint32_t peer : peers) {
    connections.by_peer[peer] = connections.transports.size();
  }
  connections.transports.push_back(std::move(transport));
}

}  // namespace

absl::StatusOr<Connections<WorkerTransport>> ConnectWorker(
    MeshMember& member, WorkerListener& listener) {
  const MeshConfig& config = member.config();
  Connections<WorkerTransport> connections;
  connections.deadline = absl::Now() + config.init_timeout;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const Ground ground,
      Prepare(config, LinksOf(member, config.rank), connections));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::vector<MeshOffer> offers,
      member.Exchange(ground.offer, connections.deadline));

  std::unique_ptr<ShmWorkerTransport> shm;
  std::unique_ptr<TcpWorkerTransport> tcp;
  std::vector<uint32_t> near;
  std::vector<uint32_t> far;
  for (const uint32_t server : member.routes().servers_of(config.rank)) {
    const uint32_t number = member.ServerNumber(server);
    const MeshOffer& theirs = offers[number];
    absl::Status connected;
    if (SharesMemory(ground.offer, theirs)) {
      if (shm == nullptr) {
        shm = std::make_unique<ShmWorkerTransport>(ground.segment,
                                                   connections.arena, listener);
      }
      connected = shm->Connect(server, LinkOf(member, config.rank, server),
                               config.shm_dir, theirs.segment);
      near.push_back(server);
    } else if (config.transports != Transports::kShmOnly &&
               !theirs.address.empty()) {
      if (tcp == nullptr) {
        FAIRLEAD_ASSIGN_OR_RETURN(
            tcp, TcpWorkerTransport::Create(config.rank, config.peer_timeout,
                                            connections.bell, listener));
      }
      connected = tcp->Connect(server, theirs.address, theirs.token,
                               connections.deadline);
      far.push_back(server);
    } else {
      return Unreachable(member, number);
    }
    if (!connected.ok()) return Prefixed(Naming(member, number), connected);
  }
  // (Shared memory first: it can refuse for want of room before any is sent.)
  Include(std::move(shm), near, connections);
  Include(std::move(tcp), far, connections);
  return connections;
}

absl::StatusOr<Connections<ServerTransport>> ConnectServer(
    MeshMember& member, ReceiveBuffers& buffers, ServerListener& listener) {
  const MeshConfig& config = member.config();
  Connections<ServerTransport> connections;
  connections.deadline = absl::Now() + config.init_timeout;
  FAIRLEAD_ASSIGN_OR_RETURN(Ground ground,
                            Prepare(config, /*links=*/0, connections));
  const std::vector<uint32_t>& workers =
      member.routes().workers_of(config.rank);
  std::unique_ptr<TcpServerTransport> tcp;
  if (config.transports != Transports::kShmOnly) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        tcp, TcpServerTransport::Create(config, workers, buffers,
                                        connections.bell, listener));
    ground.offer.address = tcp->address();
    ground.offer.token = tcp->token();
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::vector<MeshOffer> offers,
      member.Exchange(ground.offer, connections.deadline));

  std::unique_ptr<ShmServerTransport> shm;
  std::vector<uint32_t> near;
  std::vector<uint32_t> far;
  for (const uint32_t worker : workers) {
    const uint32_t number = member.WorkerNumber(worker);
    if (SharesMemory(ground.offer, offers[number])) {
      if (shm == nullptr) {
        shm = std::make_unique<ShmServerTransport>(
            ground.segment, connections.arena, buffers, listener);
      }
      const absl::Status connected = shm->Connect(
          worker, LinkOf(member, worker, config.rank), LinksOf(member, worker),
          config.shm_dir, offers[number].segment);
      if (!connected.ok()) return Prefixed(Naming(member, number), connected);
      near.push_back(worker);
    } else if (tcp != nullptr) {
      far.push_back(worker);  // it connects
    } else {
      return Unreachable(member, number);
    }
  }
  Include(std::move(shm), near, connections);
  if (!far.empty()) {
    Include(std::move(tcp), far, connections);
  }
  return connections;
}

}  // namespace fairlead::internal
