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

// An attempt to reach a server over TCP; there may be more.
constexpr absl::Duration kToConnect = absl::Seconds(2);

// The member's segment, if it uses shared memory, and what lies there.
template <typename Transport>
absl::StatusOr<std::shared_ptr<ShmSegment>> Prepare(
    const MeshConfig& config, uint32_t links,
    Connections<Transport>& connections) {
  if (config.transports == Transports::kTcpOnly) {
    auto memory =
        std::make_shared<std::vector<uint8_t>>(config.arena_bytes + 63);
    const uint64_t skip = -reinterpret_cast<uintptr_t>(memory->data()) % 64;
    connections.arena = Arena::Of(
        absl::MakeSpan(*memory).subspan(skip, config.arena_bytes), memory);
    connections.bell = std::make_shared<MeshBell>();
    return nullptr;
  }
  FAIRLEAD_ASSIGN_OR_RETURN(connections.offer.shm_domain,
                            PrepareShmDomain(config.shm_dir));
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::shared_ptr<ShmSegment> segment,
      ShmSegment::Create(config.shm_dir, links, config.arena_bytes));
  connections.offer.segment = segment->name();
  connections.arena = Arena::Of(segment->arena(), segment);
  connections.bell = {segment, &segment->bell()};
  return segment;
}

bool SharesMemory(const std::string& our_domain, const MeshLine& theirs) {
  return !our_domain.empty() && our_domain == theirs.shm_domain;
}

absl::Status Unreachable() {
  return absl::FailedPreconditionError(
      "has no transport in common with this member: they share no shm_dir, or "
      "one of them allows only one transport");
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

absl::StatusOr<Connections<WorkerTransport>> ConnectWorker(
    const MeshMember& member, WorkerListener& listener) {
  const MeshConfig& config = member.config();
  Connections<WorkerTransport> connections;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::shared_ptr<ShmSegment> segment,
      Prepare(config, LinksOf(member, config.rank), connections));
  ShmWorkerTransport* shm = nullptr;
  TcpWorkerTransport* tcp = nullptr;
  // Shared memory first: it can refuse for want of room before any is sent.
  if (segment != nullptr) {
    auto transport = std::make_unique<ShmWorkerTransport>(
        segment, connections.arena, listener);
    shm = transport.get();
    connections.transports.push_back(std::move(transport));
  }
  if (config.transports != Transports::kShmOnly) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        auto transport, TcpWorkerTransport::Create(config.rank, member.life(),
                                                   config.peer_timeout,
                                                   connections.bell, listener));
    tcp = transport.get();
    connections.transports.push_back(std::move(transport));
  }
  connections.link = [&member, shm, tcp, domain = connections.offer.shm_domain](
                         uint32_t server,
                         const MeshLine& theirs) -> absl::Status {
    const MeshConfig& ours = member.config();
    if (SharesMemory(domain, theirs)) {
      return shm->Connect(server, theirs.life,
                          LinkOf(member, ours.rank, server), ours.shm_dir,
                          theirs.segment);
    }
    if (tcp == nullptr || theirs.address.empty()) return Unreachable();
    return tcp->Connect(server, theirs.life, theirs.address, theirs.token,
                        absl::Now() + kToConnect);
  };
  return connections;
}

absl::StatusOr<Connections<ServerTransport>> ConnectServer(
    const MeshMember& member, ReceiveBuffers& buffers,
    ServerListener& listener) {
  const MeshConfig& config = member.config();
  Connections<ServerTransport> connections;
  FAIRLEAD_ASSIGN_OR_RETURN(const std::shared_ptr<ShmSegment> segment,
                            Prepare(config, /*links=*/0, connections));
  ShmServerTransport* shm = nullptr;
  TcpServerTransport* tcp = nullptr;
  if (segment != nullptr) {
    auto transport = std::make_unique<ShmServerTransport>(
        member.life(), segment, connections.arena, buffers, listener);
    shm = transport.get();
    connections.transports.push_back(std::move(transport));
  }
  if (config.transports != Transports::kShmOnly) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        auto transport, TcpServerTransport::Create(config, buffers,
                                                   connections.bell, listener));
    tcp = transport.get();
    connections.offer.address = tcp->address();
    connections.offer.token = tcp->token();
    connections.transports.push_back(std::move(transport));
  }
  connections.link = [&member, shm, tcp, domain = connections.offer.shm_domain](
                         uint32_t worker,
                         const MeshLine& theirs) -> absl::Status {
    const MeshConfig& ours = member.config();
    if (SharesMemory(domain, theirs)) {
      return shm->Connect(
          worker, theirs.life, LinkOf(member, worker, ours.rank),
          LinksOf(member, worker), ours.shm_dir, theirs.segment);
    }
    if (tcp == nullptr) return Unreachable();
    return tcp->Expect(worker, theirs.life);  // it connects
  };
  return connections;
}

}  // namespace fairlead::internal
