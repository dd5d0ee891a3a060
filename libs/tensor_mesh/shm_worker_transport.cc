#include "libs/tensor_mesh/shm_worker_transport.h"

#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/mesh_trace.h"
#include "libs/tensor_mesh/wire.h"

namespace fairlead::internal {
namespace {

WireTensor Describe(uint64_t key, v1::DType dtype, const MeshShape& shape,
                    uint64_t bytes) {
  return {.key = key, .bytes = bytes, .dtype = dtype, .shape = shape};
}

}  // namespace

absl::Status ShmWorkerTransport::Connect(uint32_t server, uint64_t life,
                                         uint32_t link,
                                         absl::string_view directory,
                                         absl::string_view segment) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<ShmSegment> theirs,
                            ShmSegment::Open(directory, segment, /*links=*/0));
  if (!theirs->IsOwnerAlive()) {
    return absl::UnavailableError("its process is dead");
  }
  MutexLock poll_lock(&poll_mutex_);
  if (is_closed_) return absl::UnavailableError("this worker has stopped");
  {
    MutexLock lock(&send_mutex_);
    // Nobody else uses them: who did is dead.
    auto* requests = new (&segment_->request_ring(link)) ByteRingHeader;
    auto* replies = new (&segment_->reply_ring(link)) ByteRingHeader;
    // (std::make_unique cannot make an aggregate.)
    peers_[server].reset(
        new Peer{.life = life,
                 .segment = theirs,
                 .requests = ByteRingWriter(*requests, DataOf(*requests)),
                 .replies = ByteRingReader(*replies, DataOf(*replies))});
  }
  listener_.OnLinked(server, life);
  segment_->bell().Ring();
  segment_->link_peer(link).store(life);
  return absl::OkStatus();
}

bool ShmWorkerTransport::IsHeld(uint32_t server, uint64_t life) {
  MutexLock lock(&poll_mutex_);
  const auto found = peers_.find(server);
  return found != peers_.end() && found->second->life != life &&
         (!found->second->is_lost || found->second->segment->IsOwnerAlive());
}

absl::StatusOr<absl::Span<uint8_t>> ShmWorkerTransport::PlaceOf(
    Places& places, uint64_t key, uint64_t bytes) {
  MeshMemory& place = places[key];
  if (place.bytes.size() < bytes || place.owner == nullptr) {
    place = {};  // first, so that its room can be used
    FAIRLEAD_ASSIGN_OR_RETURN(place, arena_->Allocate(bytes));
  }
  return place.bytes.subspan(0, bytes);
}

absl::StatusOr<WireTensor> ShmWorkerTransport::Place(
    const MeshPush& push, Peer& peer, absl::Span<const uint8_t>& in_arena) {
  const absl::Span<const uint8_t> bytes = push.tensor.bytes;
  WireTensor tensor =
      Describe(push.key, push.tensor.dtype, push.tensor.shape, bytes.size());
  const auto buffer = peer.receive_buffers.find(push.key);
  // (One that is too large for its buffer is the server's to refuse.)
  if (buffer != peer.receive_buffers.end() &&
      buffer->second.size() >= bytes.size()) {
    CopyBytes(bytes, buffer->second);
    tensor.place = kInReceiveBuffer;
    return tensor;
  }
  if (in_arena.data() == nullptr) {
    if (IsWithin(bytes, arena_->memory())) {
      in_arena = bytes;
    } else {
      FAIRLEAD_ASSIGN_OR_RETURN(const absl::Span<uint8_t> place,
                                PlaceOf(push_places_, push.key, bytes.size()));
      CopyBytes(bytes, place);
      in_arena = place;
    }
  }
  tensor.place = OffsetOf(in_arena.data());
  return tensor;
}

absl::StatusOr<WireTensor> ShmWorkerTransport::Place(const MeshPull& pull) {
  const absl::Span<uint8_t> bytes = pull.tensor.bytes;
  WireTensor tensor =
      Describe(pull.key, pull.tensor.dtype, pull.tensor.shape, bytes.size());
  if (IsWithin(bytes, arena_->memory())) {
    tensor.place = OffsetOf(bytes.data());
    return tensor;
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const absl::Span<uint8_t> place,
                            PlaceOf(pull_places_, pull.key, bytes.size()));
  tensor.place = OffsetOf(place.data());
  return tensor;
}

absl::Status ShmWorkerTransport::Send(
    const std::shared_ptr<const MeshRequest>& request) {
  struct Outgoing {
    size_t index;  // of the request's servers
    Peer* peer;
    std::string frame;
  };
  MutexLock lock(&send_mutex_);
  // Everything is placed, and has room, before anything is sent.
  std::vector<absl::Span<const uint8_t>> in_arena(request->pushes.size());
  std::vector<Outgoing> outgoing;
  for (size_t index = 0; index < request->servers.size(); ++index) {
    const auto found = peers_.find(request->servers[index]);
    if (found == peers_.end() || found->second->life != request->lives[index]) {
      continue;
    }
    Peer& peer = *found->second;
    WireRequest wire;
    for (size_t i = 0; i < request->pushes.size(); ++i) {
      FAIRLEAD_ASSIGN_OR_RETURN(wire.pushes.emplace_back(),
                                Place(request->pushes[i], peer, in_arena[i]));
    }
    for (const MeshPull& pull : request->pulls_of(index)) {
      FAIRLEAD_ASSIGN_OR_RETURN(wire.pulls.emplace_back(), Place(pull));
    }
    outgoing.push_back(
        {index, &peer, EncodeRequest(request->id, wire, /*payload_bytes=*/0)});
    if (!peer.requests.HasRoom(outgoing.back().frame.size())) {
      return absl::ResourceExhaustedError(
          absl::StrCat("server ", request->servers[index],
                       ": has not taken earlier requests; wait for some"));
    }
  }
  for (const Outgoing& each : outgoing) {
    request->posted_ns[each.index] = MeshNanoseconds();
    each.peer->requests.Write(each.frame);
    each.peer->segment->bell().Ring();
  }
  return absl::OkStatus();
}

void ShmWorkerTransport::Poll() {
  MutexLock lock(&poll_mutex_);
  if (is_closed_) return;
  for (const auto& [server, peer] : peers_) {
    if (peer->is_lost) continue;
    // In this order: what it sent before it closed is received.
    const bool is_closed = peer->segment->is_closed();
    const absl::Status drained = Drain(server, *peer);
    if (!drained.ok()) {
      Lose(server, *peer, drained);
    } else if (is_closed) {
      Lose(server, *peer, absl::UnavailableError("has stopped"));
    }
  }
}

absl::Status ShmWorkerTransport::Drain(uint32_t server, Peer& peer) {
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const bool has_frame, peer.replies.Read(frame_));
    if (!has_frame) return absl::OkStatus();
    FAIRLEAD_RETURN_IF_ERROR(OnFrame(server, peer, MeshNanoseconds()));
  }
}

absl::Status ShmWorkerTransport::OnFrame(uint32_t server, Peer& peer,
                                         int64_t now) {
  if (frame_.size() < sizeof(FrameHeader)) {
    return absl::DataLossError("a frame is too short");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const FrameHeader header,
                            ParseHeader(frame_.data()));
  const auto body = absl::MakeConstSpan(frame_).subspan(sizeof(FrameHeader));
  if (header.kind == FrameKind::kReceiveBuffer) {
    FAIRLEAD_ASSIGN_OR_RETURN(const WireReceiveBuffer buffer,
                              ParseReceiveBuffer(body));
    const absl::Span<uint8_t> arena = peer.segment->arena();
    if (buffer.offset > arena.size() ||
        buffer.bytes > arena.size() - buffer.offset) {
      return absl::DataLossError("a receive buffer is not in its arena");
    }
    MutexLock lock(&send_mutex_);
    peer.receive_buffers[buffer.key] =
        arena.subspan(buffer.offset, buffer.bytes);
    return absl::OkStatus();
  }
  if (header.kind != FrameKind::kReply) {
    return absl::DataLossError("sent a frame that servers do not send");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const WireReply reply, ParseReply(body));
  const std::shared_ptr<const MeshRequest> request =
      listener_.FindAwaited(server, header.id);
  if (request == nullptr) {
    return absl::DataLossError("answered what it was not asked");
  }
  if (reply.status.ok()) {
    for (const MeshPull& pull : request->pulls_of(request->IndexOf(server))) {
      const absl::Span<uint8_t> bytes = pull.tensor.bytes;
      if (IsWithin(bytes, arena_->memory())) continue;
      absl::Span<uint8_t> place;
      {
        // No other request has this key while this one is under way.
        MutexLock lock(&send_mutex_);
        place = pull_places_.at(pull.key).bytes;
      }
      CopyBytes(place.subspan(0, bytes.size()), bytes);
    }
  }
  listener_.OnReply(server, header.id, reply, now);
  return absl::OkStatus();
}

void ShmWorkerTransport::CheckPeers() {
  MutexLock lock(&poll_mutex_);
  if (is_closed_) return;
  for (const auto& [server, peer] : peers_) {
    if (peer->is_lost || peer->segment->IsOwnerAlive()) continue;
    // What it sent before it died is received.
    absl::Status why = Drain(server, *peer);
    if (why.ok()) why = absl::UnavailableError("its process is dead");
    Lose(server, *peer, why);
  }
}

void ShmWorkerTransport::Lose(uint32_t server, Peer& peer,
                              const absl::Status& why) {
  peer.is_lost = true;
  listener_.OnLost(server, why);
  segment_->bell().Ring();
}

void ShmWorkerTransport::Close(absl::Time /*flush_by*/) {
  MutexLock lock(&poll_mutex_);
  if (std::exchange(is_closed_, true)) return;
  segment_->Close();
  for (const auto& [server, peer] : peers_) peer->segment->bell().Ring();
}

}  // namespace fairlead::internal
