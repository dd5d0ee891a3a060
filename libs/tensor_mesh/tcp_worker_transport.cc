#include "libs/tensor_mesh/tcp_worker_transport.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/mesh_trace.h"
#include "libs/tensor_mesh/tcp_socket.h"
#include "libs/tensor_mesh/wire.h"

namespace fairlead::internal {

// What comes from one server.
class TcpWorkerTransport::Peer final : public TcpConnection::Reader {
 public:
  Peer(uint32_t server, TcpWorkerTransport& transport)
      : server_(server), transport_(transport) {}

  absl::StatusOr<std::vector<absl::Span<uint8_t>>> OnFrame(
      TcpConnection& from, const FrameHeader& header,
      absl::Span<const uint8_t> body) override {
    if (header.kind == FrameKind::kGoodbye) {
      return absl::UnavailableError("has stopped");
    }
    if (header.kind != FrameKind::kReply) {
      return absl::DataLossError("sent a frame that servers do not send");
    }
    id_ = header.id;
    FAIRLEAD_ASSIGN_OR_RETURN(reply_, ParseReply(body));
    request_ = transport_.listener_.FindAwaited(server_, id_);
    if (request_ == nullptr || !from.IsSent(id_)) {
      return absl::DataLossError("answered what it was not asked");
    }
    std::vector<absl::Span<uint8_t>> places;
    uint64_t wanted = 0;
    if (reply_.status.ok()) {
      for (const MeshPull& pull :
           request_->pulls_of(request_->IndexOf(server_))) {
        places.push_back(pull.tensor.bytes);
        wanted += pull.tensor.bytes.size();
      }
    }
    if (header.payload_bytes != wanted) {
      return absl::DataLossError(
          absl::StrCat("answered with ", header.payload_bytes, " bytes where ",
                       wanted, " were asked for"));
    }
    return places;
  }

  absl::Status OnPayload(TcpConnection& /*from*/) override {
    request_.reset();
    transport_.listener_.OnReply(server_, id_, reply_, MeshNanoseconds());
    transport_.bell_->Ring();
    return absl::OkStatus();
  }

  void OnClosed(const absl::Status& why) override {
    transport_.OnClosed(server_, why);
  }

 private:
  const uint32_t server_;
  TcpWorkerTransport& transport_;

  // Of the reply that is being read.
  uint64_t id_ = 0;
  WireReply reply_;
  std::shared_ptr<const MeshRequest> request_;
};

absl::StatusOr<std::unique_ptr<TcpWorkerTransport>> TcpWorkerTransport::Create(
    uint32_t worker, uint64_t life, absl::Duration peer_timeout,
    std::shared_ptr<MeshBell> bell, WorkerListener& listener) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<TcpLoop> loop, TcpLoop::Start());
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<TcpWorkerTransport>(new TcpWorkerTransport(
      worker, life, peer_timeout, std::move(bell), listener, std::move(loop)));
}

absl::Status TcpWorkerTransport::Connect(uint32_t server, uint64_t life,
                                         const std::string& address,
                                         const std::string& token,
                                         absl::Time deadline) {
  FAIRLEAD_ASSIGN_OR_RETURN(Socket socket, ConnectTo(address, deadline));
  FAIRLEAD_RETURN_IF_ERROR(Prepare(socket, peer_timeout_));
  FAIRLEAD_RETURN_IF_ERROR(SendAll(
      socket, EncodeHello({.worker = worker_, .life = life_, .token = token}),
      deadline));
  const absl::StatusOr<std::string> welcome =
      ReceiveExactly(socket, sizeof(FrameHeader), deadline);
  if (absl::IsUnavailable(welcome.status())) {
    return absl::PermissionDeniedError(
        absl::StrCat(address, ": does not take this worker"));
  }
  FAIRLEAD_RETURN_IF_ERROR(welcome.status());
  FAIRLEAD_ASSIGN_OR_RETURN(
      const FrameHeader header,
      ParseHeader(reinterpret_cast<const uint8_t*>(welcome->data())));
  if (header.kind != FrameKind::kWelcome || header.body_bytes != 0 ||
      header.payload_bytes != 0) {
    return absl::DataLossError(absl::StrCat(address, ": is no mesh server"));
  }
  auto connection = std::make_shared<TcpConnection>(
      std::move(socket), *loop_, std::make_shared<Peer>(server, *this));
  {
    MutexLock lock(&mutex_);
    links_[server] = {.life = life, .connection = connection};
  }
  listener_.OnLinked(server, life);
  const absl::Status started = connection->Start();
  if (!started.ok()) OnClosed(server, started);
  return started;
}

bool TcpWorkerTransport::IsHeld(uint32_t server, uint64_t life) {
  MutexLock lock(&mutex_);
  const auto found = links_.find(server);
  return found != links_.end() && found->second.life != life &&
         found->second.is_open;
}

void TcpWorkerTransport::OnClosed(uint32_t server, const absl::Status& why) {
  listener_.OnLost(server, why);
  {
    MutexLock lock(&mutex_);
    links_[server].is_open = false;
  }
  bell_->Ring();
}

absl::Status TcpWorkerTransport::Send(
    const std::shared_ptr<const MeshRequest>& request) {
  std::vector<std::shared_ptr<TcpConnection>> connections(
      request->servers.size());
  {
    MutexLock lock(&mutex_);
    for (size_t i = 0; i < connections.size(); ++i) {
      const auto found = links_.find(request->servers[i]);
      if (found != links_.end() && found->second.life == request->lives[i]) {
        connections[i] = found->second.connection;
      }
    }
  }
  WireRequest wire;
  std::vector<absl::Span<const uint8_t>> payload;
  uint64_t payload_bytes = 0;
  for (const MeshPush& push : request->pushes) {
    wire.pushes.push_back({.key = push.key,
                           .bytes = push.tensor.bytes.size(),
                           .dtype = push.tensor.dtype,
                           .shape = push.tensor.shape});
    payload.push_back(push.tensor.bytes);
    payload_bytes += push.tensor.bytes.size();
  }
  for (size_t i = 0; i < connections.size(); ++i) {
    if (connections[i] == nullptr) continue;
    wire.pulls.clear();
    for (const MeshPull& pull : request->pulls_of(i)) {
      wire.pulls.push_back({.key = pull.key,
                            .bytes = pull.tensor.bytes.size(),
                            .dtype = pull.tensor.dtype,
                            .shape = pull.tensor.shape});
    }
    request->posted_ns[i] = MeshNanoseconds();
    // One that is closed has told the listener, or is about to.
    connections[i]
        ->Send({.id = request->id,
                .frame = EncodeRequest(request->id, wire, payload_bytes),
                .payload = payload,
                .owner = request})
        .IgnoreError();
  }
  return absl::OkStatus();
}

void TcpWorkerTransport::OnGone(uint32_t server) {
  MutexLock lock(&mutex_);
  const auto found = links_.find(server);
  if (found == links_.end()) return;
  found->second.connection->Break(
      absl::UnavailableError("its lease has ended"));
}

void TcpWorkerTransport::Close(absl::Time flush_by) {
  std::vector<std::shared_ptr<TcpConnection>> connections;
  {
    MutexLock lock(&mutex_);
    for (const auto& [server, link] : links_) {
      connections.push_back(link.connection);
    }
  }
  for (const auto& connection : connections) {
    connection->Send({.frame = EncodeEmpty(FrameKind::kGoodbye)}).IgnoreError();
  }
  for (const auto& connection : connections) connection->Flush(flush_by);
  loop_->Stop();
}

}  // namespace fairlead::internal
