#include "libs/tensor_mesh/shm_server_transport.h"

#include <cstdint>
#include <memory>
#include <optional>
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

bool IsInArena(const ShmSegment& segment, const WireTensor& tensor) {
  const uint64_t size = segment.arena().size();
  return tensor.place <= size && tensor.bytes <= size - tensor.place;
}

}  // namespace

absl::Status ShmServerTransport::Connect(uint32_t worker, uint64_t life,
                                         uint32_t link, uint32_t links,
                                         absl::string_view directory,
                                         absl::string_view segment) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<ShmSegment> theirs,
                            ShmSegment::Open(directory, segment, links));
  if (!theirs->IsOwnerAlive()) {
    return absl::UnavailableError("its process is dead");
  }
  if (theirs->link_peer(link).load() != life_) {
    return absl::UnavailableError("has not seen this server yet");
  }
  ByteRingHeader& requests = theirs->request_ring(link);
  ByteRingHeader& replies = theirs->reply_ring(link);
  // (std::make_shared cannot make an aggregate.)
  const std::shared_ptr<Peer> peer(
      new Peer{.life = life,
               .segment = std::move(theirs),
               .requests = ByteRingReader(requests, DataOf(requests)),
               .replies = ByteRingWriter(replies, DataOf(replies))});
  MutexLock poll_lock(&poll_mutex_);
  if (is_closed_) return absl::UnavailableError("this server has stopped");
  buffers_.Forget(worker);
  {
    MutexLock lock(&reply_mutex_);
    for (const auto& [key, bytes] : buffers_.ChunksOf(worker)) {
      // One that it is not told of is filled by a copy.
      Announce(*peer, key, bytes).IgnoreError();
    }
    peers_[worker] = peer;
  }
  listener_.OnLinked(worker, life);
  segment_->bell().Ring();
  return absl::OkStatus();
}

bool ShmServerTransport::IsHeld(uint32_t worker, uint64_t life) {
  MutexLock lock(&poll_mutex_);
  const auto found = peers_.find(worker);
  return found != peers_.end() && found->second->life != life &&
         (!found->second->is_lost || found->second->segment->IsOwnerAlive());
}

absl::Status ShmServerTransport::Reply(OutgoingReply reply) {
  std::shared_ptr<Peer> peer;
  {
    MutexLock lock(&reply_mutex_);
    const auto found = peers_.find(reply.worker);
    if (found != peers_.end()) peer = found->second;
  }
  if (peer == nullptr || peer->life != reply.life) {
    return absl::UnavailableError(
        absl::StrCat("worker ", reply.worker,
                     ": the process that asked is gone, and another has its "
                     "place"));
  }
  // Nobody else writes there: the worker gave these places to one request.
  const absl::Span<uint8_t> arena = peer->segment->arena();
  for (size_t i = 0; i < reply.tensors.size(); ++i) {
    CopyBytes(reply.tensors[i].bytes,
              arena.subspan(reply.pulls[i].place, reply.pulls[i].bytes));
  }
  reply.stamps[3] = MeshNanoseconds();
  const std::string frame =
      EncodeReply(reply.id, {.status = reply.status, .stamps = reply.stamps},
                  /*payload_bytes=*/0);
  MutexLock lock(&reply_mutex_);
  // There is room for the replies to all that may be under way, so one that
  // does not read them has gone wrong: not a peer to wait for.
  if (!peer->replies.HasRoom(frame.size())) {
    return absl::UnavailableError(
        absl::StrCat("worker ", reply.worker, ": does not take its replies"));
  }
  peer->replies.Write(frame);
  peer->segment->bell().Ring();
  return absl::OkStatus();
}

absl::Status ShmServerTransport::AnnounceReceiveBuffer(
    uint32_t worker, uint64_t key, absl::Span<const uint8_t> bytes) {
  MutexLock lock(&reply_mutex_);
  const auto found = peers_.find(worker);
  if (found == peers_.end()) return absl::OkStatus();
  const absl::Status announced = Announce(*found->second, key, bytes);
  if (announced.ok()) return announced;
  return absl::Status(announced.code(), absl::StrCat("worker ", worker, ": ",
                                                     announced.message()));
}

absl::Status ShmServerTransport::Announce(Peer& peer, uint64_t key,
                                          absl::Span<const uint8_t> bytes) {
  if (!IsWithin(bytes, arena_->memory())) return absl::OkStatus();
  const std::string frame = EncodeReceiveBuffer(
      {.key = key,
       .offset = static_cast<uint64_t>(bytes.data() - arena_->memory().data()),
       .bytes = bytes.size()});
  // Half of the ring is for replies.
  if (!peer.replies.HasRoom(frame.size(), kRingBytes / 2)) {
    return absl::ResourceExhaustedError(
        "has not taken in earlier receive buffers; let it pass a barrier, or "
        "register fewer and larger ones");
  }
  peer.replies.Write(frame);
  peer.segment->bell().Ring();
  return absl::OkStatus();
}

void ShmServerTransport::Poll() {
  MutexLock lock(&poll_mutex_);
  if (is_closed_) return;
  for (const auto& [worker, peer] : peers_) {
    if (peer->is_lost) continue;
    // In this order: what it sent before it closed is received.
    const bool is_closed = peer->segment->is_closed();
    const absl::Status drained = Drain(worker, *peer);
    if (!drained.ok()) {
      Lose(worker, *peer, drained);
    } else if (is_closed) {
      Lose(worker, *peer, absl::UnavailableError("has stopped"));
    }
  }
}

absl::Status ShmServerTransport::Drain(uint32_t worker, Peer& peer) {
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const bool has_frame, peer.requests.Read(frame_));
    if (!has_frame) return absl::OkStatus();
    FAIRLEAD_RETURN_IF_ERROR(OnFrame(worker, peer, MeshNanoseconds()));
  }
}

absl::Status ShmServerTransport::OnFrame(uint32_t worker, Peer& peer,
                                         int64_t now) {
  if (frame_.size() < sizeof(FrameHeader)) {
    return absl::DataLossError("a frame is too short");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const FrameHeader header,
                            ParseHeader(frame_.data()));
  if (header.kind != FrameKind::kRequest) {
    return absl::DataLossError("sent a frame that workers do not send");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      WireRequest wire,
      ParseRequest(absl::MakeConstSpan(frame_).subspan(sizeof(FrameHeader))));
  for (const WireTensor& pull : wire.pulls) {
    if (!IsInArena(*peer.segment, pull)) {
      return absl::DataLossError("wants a reply outside of its arena");
    }
  }
  IncomingRequest request{.worker = worker,
                          .life = peer.life,
                          .id = header.id,
                          .pulls = std::move(wire.pulls),
                          .received_ns = now};
  for (const WireTensor& tensor : wire.pushes) {
    absl::StatusOr<MeshPush> push = Find(worker, peer, tensor);
    if (absl::IsDataLoss(push.status())) return push.status();
    if (!push.ok()) {
      return Reply({.worker = worker,
                    .life = peer.life,
                    .id = header.id,
                    .status = push.status(),
                    .stamps = {now, now, now}});
    }
    request.pushes.push_back(*std::move(push));
  }
  listener_.OnRequest(*this, std::move(request));
  return absl::OkStatus();
}

absl::StatusOr<MeshPush> ShmServerTransport::Find(uint32_t worker,
                                                  const Peer& peer,
                                                  const WireTensor& tensor) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::optional<MeshMemory> buffer,
      buffers_.PlaceFor(worker, tensor.key, tensor.bytes));
  MeshPush push{.key = tensor.key,
                .tensor = {.dtype = tensor.dtype, .shape = tensor.shape}};
  if (tensor.place != kInReceiveBuffer) {
    if (!IsInArena(*peer.segment, tensor)) {
      return absl::DataLossError("pushes what is outside of its arena");
    }
    push.tensor.bytes =
        peer.segment->arena().subspan(tensor.place, tensor.bytes);
    push.tensor.owner = peer.segment;
  } else if (!buffer.has_value()) {
    return absl::DataLossError("pushed to a receive buffer that is none");
  }
  if (buffer.has_value()) {
    // A buffer that the worker cannot reach, or did not know of yet.
    if (tensor.place != kInReceiveBuffer) {
      CopyBytes(push.tensor.bytes, buffer->bytes);
    }
    push.tensor.bytes = buffer->bytes;
    push.tensor.owner = buffer->owner;
  }
  return push;
}

void ShmServerTransport::CheckPeers() {
  MutexLock lock(&poll_mutex_);
  if (is_closed_) return;
  for (const auto& [worker, peer] : peers_) {
    if (peer->is_lost || peer->segment->IsOwnerAlive()) continue;
    Lose(worker, *peer, absl::UnavailableError("its process is dead"));
  }
}

void ShmServerTransport::Lose(uint32_t worker, Peer& peer,
                              const absl::Status& why) {
  peer.is_lost = true;
  listener_.OnLost(worker, why);
  segment_->bell().Ring();
}

void ShmServerTransport::Close(absl::Time /*flush_by*/) {
  MutexLock lock(&poll_mutex_);
  if (std::exchange(is_closed_, true)) return;
  segment_->Close();
  for (const auto& [worker, peer] : peers_) peer->segment->bell().Ring();
}

}  // namespace fairlead::internal
