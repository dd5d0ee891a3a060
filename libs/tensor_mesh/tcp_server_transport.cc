#include "libs/tensor_mesh/tcp_server_transport.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
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
namespace {

// Connections that have not said who they are: more push out the oldest.
constexpr size_t kMaxStrangers = 64;

std::string RandomToken() {
  uint64_t words[2] = {};
  // Cannot fail for so few bytes once the system has started.
  (void)!getrandom(words, sizeof(words), 0);
  return absl::StrCat(absl::Hex(words[0], absl::kZeroPad16),
                      absl::Hex(words[1], absl::kZeroPad16));
}

// Takes as long wherever the first difference is.
bool IsSame(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  int difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

}  // namespace

// The socket that listens.
class TcpServerTransport::Door final : public TcpLoop::Handler {
 public:
  Door(Socket socket, TcpServerTransport& transport)
      : socket_(std::move(socket)), transport_(transport) {}
  int fd() const { return socket_.fd(); }

  void OnReady(uint32_t /*events*/) override {
    Socket accepted(
        accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (accepted.fd() >= 0) transport_.Accept(std::move(accepted));
  }

 private:
  const Socket socket_;
  TcpServerTransport& transport_;
};

// What comes over one connection.
class TcpServerTransport::Peer final : public TcpConnection::Reader {
 public:
  explicit Peer(TcpServerTransport& transport) : transport_(transport) {}

  absl::StatusOr<std::vector<absl::Span<uint8_t>>> OnFrame(
      TcpConnection& from, const FrameHeader& header,
      absl::Span<const uint8_t> body) override {
    std::vector<absl::Span<uint8_t>> places;
    kind_ = header.kind;
    if (!worker_.has_value()) {
      if (kind_ != FrameKind::kHello || header.payload_bytes != 0) {
        return absl::DataLossError("did not say who it is");
      }
      FAIRLEAD_ASSIGN_OR_RETURN(const WireHello hello, ParseHello(body));
      FAIRLEAD_RETURN_IF_ERROR(transport_.Welcome(hello, from));
      worker_ = hello.worker;
      life_ = hello.life;
      return places;
    }
    if (kind_ == FrameKind::kGoodbye) {
      return absl::UnavailableError("has stopped");
    }
    if (kind_ != FrameKind::kRequest) {
      return absl::DataLossError("sent a frame that workers do not send");
    }
    FAIRLEAD_ASSIGN_OR_RETURN(WireRequest wire, ParseRequest(body));
    if (header.payload_bytes != TotalBytes(wire.pushes)) {
      return absl::DataLossError("pushed other bytes than it said");
    }
    request_ = {.worker = *worker_,
                .life = life_,
                .id = header.id,
                .pulls = std::move(wire.pulls)};
    refusal_ = absl::OkStatus();
    for (const WireTensor& tensor : wire.pushes) {
      const absl::StatusOr<MeshMemory> place =
          transport_.PlaceOf(*worker_, tensor.key, tensor.bytes);
      if (!place.ok()) {
        refusal_ = place.status();
        return std::vector<absl::Span<uint8_t>>{};
      }
      request_.pushes.push_back({.key = tensor.key,
                                 .tensor = {.dtype = tensor.dtype,
                                            .shape = tensor.shape,
                                            .bytes = place->bytes,
                                            .owner = place->owner}});
      places.push_back(place->bytes);
    }
    return places;
  }

  absl::Status OnPayload(TcpConnection& /*from*/) override {
    if (kind_ != FrameKind::kRequest) return absl::OkStatus();
    const int64_t now = MeshNanoseconds();
    request_.received_ns = now;
    if (!refusal_.ok()) {
      return transport_.Reply({.worker = request_.worker,
                               .life = life_,
                               .id = request_.id,
                               .status = refusal_,
                               .stamps = {now, now, now}});
    }
    transport_.listener_.OnRequest(transport_, std::move(request_));
    transport_.bell_->Ring();
    return absl::OkStatus();
  }

  void OnClosed(const absl::Status& why) override {
    if (worker_.has_value()) transport_.OnClosed(*worker_, why);
  }

 private:
  TcpServerTransport& transport_;
  std::optional<uint32_t> worker_;
  uint64_t life_ = 0;

  // Of the frame that is being read.
  FrameKind kind_{};
  IncomingRequest request_;
  absl::Status refusal_;
};

TcpServerTransport::TcpServerTransport(const MeshConfig& config,
                                       ReceiveBuffers& buffers,
                                       std::shared_ptr<MeshBell> bell,
                                       ServerListener& listener,
                                       std::unique_ptr<TcpLoop> loop)
    : peer_timeout_(config.peer_timeout),
      receive_bytes_(config.receive_bytes),
      buffers_(buffers),
      bell_(std::move(bell)),
      listener_(listener),
      token_(RandomToken()),
      loop_(std::move(loop)) {}

absl::StatusOr<std::unique_ptr<TcpServerTransport>> TcpServerTransport::Create(
    const MeshConfig& config, ReceiveBuffers& buffers,
    std::shared_ptr<MeshBell> bell, ServerListener& listener) {
  FAIRLEAD_ASSIGN_OR_RETURN(Listener listening, Listen(config.listen_address));
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<TcpLoop> loop, TcpLoop::Start());
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<TcpServerTransport> transport(new TcpServerTransport(
      config, buffers, std::move(bell), listener, std::move(loop)));
  transport->address_ = std::move(listening.address);
  auto door = std::make_shared<Door>(std::move(listening.socket), *transport);
  FAIRLEAD_RETURN_IF_ERROR(transport->loop_->Add(door->fd(), EPOLLIN, door));
  return transport;
}

void TcpServerTransport::Accept(Socket socket) {
  if (!Prepare(socket, peer_timeout_).ok()) return;
  auto connection = std::make_shared<TcpConnection>(
      std::move(socket), *loop_, std::make_shared<Peer>(*this));
  MutexLock lock(&mutex_);
  strangers_.push_back(connection);
  if (strangers_.size() > kMaxStrangers) {
    strangers_.front()->Break(
        absl::ResourceExhaustedError("did not say who it is in time"));
    strangers_.pop_front();
  }
  connection->Start().IgnoreError();  // then it is dropped with the strangers
}

absl::Status TcpServerTransport::Expect(uint32_t worker, uint64_t life) {
  MutexLock lock(&mutex_);
  Link& link = links_[worker];
  link.expected = life;
  if (link.life == life) return absl::OkStatus();
  return absl::UnavailableError("has not connected");
}

absl::Status TcpServerTransport::Welcome(const WireHello& hello,
                                         TcpConnection& connection) {
  std::shared_ptr<TcpConnection> known;
  {
    MutexLock lock(&mutex_);
    const auto stranger =
        std::find_if(strangers_.begin(), strangers_.end(),
                     [&connection](const std::shared_ptr<TcpConnection>& each) {
                       return each.get() == &connection;
                     });
    if (stranger == strangers_.end()) {
      return absl::UnavailableError("was given up");
    }
    known = std::move(*stranger);
    strangers_.erase(stranger);
    const auto link = links_.find(hello.worker);
    if (!IsSame(hello.token, token_) || link == links_.end() ||
        hello.life != link->second.expected ||
        hello.life == link->second.life || link->second.is_open) {
      return absl::PermissionDeniedError(
          "is no worker that this server expects");
    }
    link->second.life = hello.life;
    link->second.connection = known;
    link->second.is_open = true;
  }
  // What the one before it pushed is its readers' only.
  for (auto place = places_.lower_bound({hello.worker, 0});
       place != places_.end() && place->first.first == hello.worker;
       place = places_.erase(place)) {
    places_bytes_ -= place->second.bytes.size();
  }
  buffers_.Forget(hello.worker);
  listener_.OnLinked(hello.worker, hello.life);
  bell_->Ring();
  // One that is closed already is told of as lost.
  known->Send({.frame = EncodeEmpty(FrameKind::kWelcome)}).IgnoreError();
  return absl::OkStatus();
}

bool TcpServerTransport::IsHeld(uint32_t worker, uint64_t life) {
  MutexLock lock(&mutex_);
  const auto found = links_.find(worker);
  return found != links_.end() && found->second.life != life &&
         found->second.is_open;
}

void TcpServerTransport::OnClosed(uint32_t worker, const absl::Status& why) {
  listener_.OnLost(worker, why);
  {
    MutexLock lock(&mutex_);
    links_[worker].is_open = false;
  }
  bell_->Ring();
}

absl::StatusOr<MeshMemory> TcpServerTransport::PlaceOf(uint32_t worker,
                                                       uint64_t key,
                                                       uint64_t bytes) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::optional<MeshMemory> buffer,
                            buffers_.PlaceFor(worker, key, bytes));
  if (buffer.has_value()) return *std::move(buffer);
  MeshMemory& place = places_[{worker, key}];
  if (place.bytes.size() < bytes || place.owner == nullptr) {
    places_bytes_ -= place.bytes.size();
    place = {};
    if (bytes > receive_bytes_ - places_bytes_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("receive_bytes: ", bytes, " bytes of worker ", worker,
                       ", key ", key, " are more than is left of ",
                       receive_bytes_, "; raise it, or push less"));
    }
    const uint64_t extent = (bytes + 63) / 64 * 64 + 64;
    auto* memory = static_cast<uint8_t*>(aligned_alloc(64, extent));
    if (memory == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("there is no memory for ", bytes, " bytes"));
    }
    place = {.bytes = {memory, bytes},
             .owner = std::shared_ptr<const void>(memory, [](const void* each) {
               free(const_cast<void*>(each));
             })};
    places_bytes_ += bytes;
  }
  return MeshMemory{place.bytes.subspan(0, bytes), place.owner};
}

absl::Status TcpServerTransport::Reply(OutgoingReply reply) {
  std::shared_ptr<TcpConnection> connection;
  {
    MutexLock lock(&mutex_);
    const auto found = links_.find(reply.worker);
    if (found != links_.end() && found->second.life == reply.life) {
      connection = found->second.connection;
    }
  }
  if (connection == nullptr) {
    return absl::UnavailableError(absl::StrCat(
        "worker ", reply.worker, ": the process that asked is gone"));
  }
  TcpConnection::Outgoing outgoing{.id = reply.id};
  uint64_t payload_bytes = 0;
  auto owners = std::make_shared<std::vector<std::shared_ptr<const void>>>();
  for (MeshTensorView& tensor : reply.tensors) {
    outgoing.payload.push_back(tensor.bytes);
    payload_bytes += tensor.bytes.size();
    owners->push_back(std::move(tensor.owner));
  }
  outgoing.owner = std::move(owners);
  reply.stamps[3] = MeshNanoseconds();
  outgoing.frame =
      EncodeReply(reply.id, {.status = reply.status, .stamps = reply.stamps},
                  payload_bytes);
  return connection->Send(std::move(outgoing));
}

void TcpServerTransport::OnGone(uint32_t worker) {
  MutexLock lock(&mutex_);
  const auto found = links_.find(worker);
  if (found == links_.end()) return;
  found->second.expected = 0;
  if (found->second.connection == nullptr) return;
  found->second.connection->Break(
      absl::UnavailableError("its lease has ended"));
}

void TcpServerTransport::Close(absl::Time flush_by) {
  std::vector<std::shared_ptr<TcpConnection>> connections;
  {
    MutexLock lock(&mutex_);
    for (const auto& [worker, link] : links_) {
      if (link.connection != nullptr) connections.push_back(link.connection);
    }
  }
  for (const auto& connection : connections) {
    connection->Send({.frame = EncodeEmpty(FrameKind::kGoodbye)}).IgnoreError();
  }
  for (const auto& connection : connections) connection->Flush(flush_by);
  loop_->Stop();
}

}  // namespace fairlead::internal
