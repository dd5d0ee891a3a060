#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_END_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_END_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/arena.h"
#include "libs/tensor_mesh/bell.h"
#include "libs/tensor_mesh/mesh_connect.h"
#include "libs/tensor_mesh/mesh_line.h"
#include "libs/tensor_mesh/mesh_member.h"

namespace fairlead::internal {

// What the two sides of a mesh have in common: how a member reaches its peers,
// waits for them, meets the others, and stops. `Transport` is WorkerTransport
// or ServerTransport. One thread of its own. Thread-safe once it has begun.
template <typename Transport>
class MeshEnd {
 public:
  MeshEnd(MeshConfig config, std::shared_ptr<MeshRendezvous> rendezvous)
      : member_(std::move(config), std::move(rendezvous)) {}

  MeshEnd(const MeshEnd&) = delete;
  MeshEnd& operator=(const MeshEnd&) = delete;

  // Once, first: what this member has.
  void Adopt(Connections<Transport> connections) {
    connections_ = std::move(connections);
    waiter_.emplace(*connections_.bell, config().spin);
  }

  // Once, then. Returns when this member takes part; from now on it is linked
  // to each peer that comes.
  absl::Status Begin() {
    const absl::Time deadline = absl::Now() + config().init_timeout;
    FAIRLEAD_RETURN_IF_ERROR(member_.Enter(connections_.offer, deadline));
    linker_ = std::thread([this] { LinkPeers(); });
    return member_.Start(deadline);
  }

  // Stops without waiting for anybody: nothing is called any more.
  void Abandon() {
    StopLinking();
    Close(/*flush_by=*/absl::InfinitePast());
    member_.Leave();
  }

  const MeshMember& member() const { return member_; }
  const MeshConfig& config() const { return member_.config(); }
  Arena& arena() const { return *connections_.arena; }
  MeshBell& bell() const { return *connections_.bell; }

  const std::vector<std::unique_ptr<Transport>>& transports() const {
    return connections_.transports;
  }

  void Poll() {
    for (const auto& transport : transports()) transport->Poll();
  }

  // Polls until `is_done`, or `timeout` is over. Whether it is done.
  bool WaitUntil(absl::Duration timeout, absl::FunctionRef<bool()> is_done) {
    return waiter_->WaitUntil(
        timeout, [this] { Poll(); },
        [this] {
          for (const auto& transport : transports()) transport->CheckPeers();
        },
        is_done);
  }

  // Waits until all of `ranks` are among `live()`. Errors as
  // MeshWorker::AwaitServers.
  absl::Status AwaitPeers(absl::Span<const uint32_t> ranks,
                          absl::Duration timeout,
                          absl::FunctionRef<std::vector<uint32_t>()> live) {
    FAIRLEAD_RETURN_IF_ERROR(CheckRunning());
    std::vector<uint32_t> missing;
    for (const uint32_t rank : ranks) {
      if (std::binary_search(member_.peers().begin(), member_.peers().end(),
                             rank)) {
        continue;
      }
      return absl::InvalidArgumentError(absl::StrCat(
          member_.name(), ": the routes do not lead to peer ", rank));
    }
    const bool is_done = WaitUntil(timeout, [&] {
      const std::vector<uint32_t> there = live();
      missing.clear();
      std::copy_if(ranks.begin(), ranks.end(), std::back_inserter(missing),
                   [&there](uint32_t rank) {
                     return !std::binary_search(there.begin(), there.end(),
                                                rank);
                   });
      return missing.empty() || is_stopped();
    });
    if (is_done) return CheckRunning();
    return absl::DeadlineExceededError(absl::StrCat(
        member_.name(), ": after ", absl::FormatDuration(timeout),
        " these peers have not joined: ", absl::StrJoin(missing, ", ")));
  }

  bool is_stopped() const { return is_stopped_.load(); }
  // FAILED_PRECONDITION if it was stopped.
  absl::Status CheckRunning() const {
    if (!is_stopped()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(member_.name(), ": was stopped"));
  }

  absl::Status Barrier(const MeshBarrier& scope, absl::Duration timeout) {
    FAIRLEAD_RETURN_IF_ERROR(CheckRunning());
    return member_.Barrier(scope, timeout);
  }

  // Ends the exchange, calls `settle` when no transport calls its listener any
  // more, and waits for the others to stop, too. Errors as MeshWorker::Stop.
  absl::Status Stop(absl::Duration timeout, absl::FunctionRef<void()> settle) {
    const absl::Time deadline = absl::Now() + timeout;
    FAIRLEAD_RETURN_IF_ERROR(CheckRunning());
    if (is_stopped_.exchange(true)) return CheckRunning();
    StopLinking();
    Close(deadline);
    settle();
    bell().Ring();
    return member_.Stop(deadline);
  }

 private:
  // How long a peer that cannot be linked yet, though it lives, is left alone:
  // the first time, and at most.
  static constexpr absl::Duration kFirstRetry = absl::Milliseconds(1);
  static constexpr absl::Duration kLastRetry = absl::Milliseconds(200);

  void Close(absl::Time flush_by) {
    for (const auto& transport : transports()) transport->Close(flush_by);
  }

  void StopLinking() {
    member_.StopLinking();
    if (linker_.joinable()) linker_.join();
  }

  // Lets go of peers that are gone, and links those who come. One that was
  // linked is never linked again: what it was asked has ended as lost.
  void LinkPeers() {
    std::map<uint32_t, uint64_t> linked;  // by rank: the last life
    std::map<uint32_t, uint64_t> gone;    // and if that is over
    absl::Duration retry = kFirstRetry;
    bool is_waiting = false;
    while (const auto board = member_.AwaitBoard(
               is_waiting ? retry : absl::InfiniteDuration())) {
      retry = is_waiting ? std::min(2 * retry, kLastRetry) : kFirstRetry;
      is_waiting = false;
      for (const uint32_t rank : member_.peers()) {
        const auto line = board->find(member_.PeerNumber(rank));
        const uint64_t life = line == board->end() ? 0 : line->second.life;
        if (life == linked[rank]) continue;
        if (linked[rank] != gone[rank]) {
          for (const auto& transport : transports()) transport->OnGone(rank);
          gone[rank] = linked[rank];
        }
        if (life == 0) continue;
        absl::Status status = LinkPeer(rank, line->second);
        if (status.ok()) {
          linked[rank] = life;
        } else {
          is_waiting = true;
        }
        member_.SetLink(rank, life, std::move(status));
      }
    }
  }

  absl::Status LinkPeer(uint32_t rank, const MeshLine& line) {
    for (const auto& transport : transports()) {
      if (!transport->IsHeld(rank, line.life)) continue;
      transport->CheckPeers();
      if (!transport->IsHeld(rank, line.life)) continue;
      return absl::UnavailableError(
          "another process has its place, and the one before it lives still");
    }
    return connections_.link(rank, line);
  }

  MeshMember member_;
  Connections<Transport> connections_;
  std::optional<MeshWaiter> waiter_;
  std::thread linker_;
  std::atomic<bool> is_stopped_{false};
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_END_H_
