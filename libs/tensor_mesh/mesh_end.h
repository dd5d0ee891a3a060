#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_END_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_END_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/arena.h"
#include "libs/tensor_mesh/bell.h"
#include "libs/tensor_mesh/mesh_connect.h"
#include "libs/tensor_mesh/mesh_member.h"

namespace fairlead::internal {

// What the two sides of a mesh have in common: how a member reaches its peers,
// waits for them, meets the others, and stops. `Transport` is WorkerTransport
// or ServerTransport. Thread-safe once it has begun.
template <typename Transport>
class MeshEnd {
 public:
  MeshEnd(MeshConfig config, std::shared_ptr<MeshRendezvous> rendezvous)
      : member_(std::move(config), std::move(rendezvous)) {}

  MeshEnd(const MeshEnd&) = delete;
  MeshEnd& operator=(const MeshEnd&) = delete;

  // Once. Returns when all members are connected. Of their numbers, those of
  // its peers are `peers` from `first_peer` on.
  absl::Status Begin(Connections<Transport> connected, uint32_t first_peer,
                     uint32_t peers) {
    connected_ = std::move(connected);
    waiter_.emplace(*connected_.bell, config().spin);
    FAIRLEAD_RETURN_IF_ERROR(
        member_.BarrierOfAll("connected", connected_.deadline));
    member_.rendezvous().WatchGone([this, first_peer, peers](uint32_t number) {
      if (number < first_peer || number - first_peer >= peers) return;
      for (const auto& transport : transports()) {
        transport->OnGone(number - first_peer);
      }
    });
    return absl::OkStatus();
  }

  // Stops without waiting for anybody: nothing is called any more.
  void Abandon() {
    member_.rendezvous().WatchGone(nullptr);
    Close(/*flush_by=*/absl::InfinitePast());
  }

  MeshMember& member() { return member_; }
  const MeshMember& member() const { return member_; }
  const MeshConfig& config() const { return member_.config(); }
  Arena& arena() const { return *connected_.arena; }
  MeshBell& bell() const { return *connected_.bell; }

  const std::vector<std::unique_ptr<Transport>>& transports() const {
    return connected_.transports;
  }
  // Which of them reaches a peer. REQUIRES that this member reaches it.
  size_t TransportOf(uint32_t peer) const {
    return connected_.by_peer.at(peer);
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
    member_.rendezvous().WatchGone(nullptr);
    Close(deadline);
    settle();
    bell().Ring();
    return member_.BarrierOfAll("stop", deadline);
  }

 private:
  void Close(absl::Time flush_by) {
    for (const auto& transport : transports()) transport->Close(flush_by);
  }

  MeshMember member_;
  Connections<Transport> connected_;
  std::optional<MeshWaiter> waiter_;
  std::atomic<bool> is_stopped_{false};
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_END_H_
