#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_MEMBER_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_MEMBER_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_line.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"
#include "libs/tensor_mesh/mesh_routes.h"

namespace fairlead {

// Who takes part in a barrier (parity SM-09).
struct MeshBarrier {
  bool servers = true;
  bool workers = true;
  // Every process, or only the first of each node of group_size processes.
  bool every_process = true;
};

namespace internal {

// A member among the others: what workers and servers have in common. It knows
// who lives, and how far each is; whom it has reached it is told. Thread-safe.
//
// All waiting for others is of one kind: each counts on its line how many
// rounds of a kind it has come to, and a round is over for a member once all
// others whom it knows to live have come to it. So who dies is not waited for,
// and members need not agree on who is there.
class MeshMember {
 public:
  using Board = std::map<uint32_t, MeshLine>;  // by number; of those who live

  // REQUIRES a config that was checked.
  MeshMember(MeshConfig config, std::shared_ptr<MeshRendezvous> rendezvous);

  const MeshConfig& config() const { return config_; }
  const MeshRoutes& routes() const { return routes_; }
  uint64_t life() const { return life_; }

  uint32_t WorkerNumber(uint32_t worker) const { return worker; }
  uint32_t ServerNumber(uint32_t server) const {
    return config_.num_workers + server;
  }
  // Of a rank of the other role, and of this member.
  uint32_t PeerNumber(uint32_t rank) const {
    return config_.role == MeshRole::kWorker ? ServerNumber(rank)
                                             : WorkerNumber(rank);
  }
  // Ranks of the other role that this member exchanges with, ascending.
  const std::vector<uint32_t>& peers() const {
    return config_.role == MeshRole::kWorker ? routes_.servers_of(config_.rank)
                                             : routes_.workers_of(config_.rank);
  }
  // "worker 3" or "server 1".
  std::string NameOf(uint32_t number) const;
  std::string name() const { return NameOf(number_); }

  // Says how this member can be reached (`life` and `reached` are added), and
  // begins to look at the others.
  absl::Status Enter(MeshLine offer, absl::Time deadline)
      ABSL_LOCKS_EXCLUDED(post_mutex_, mutex_);
  // Waits until the founders are there and those of them that are peers are
  // linked; or, if the mesh runs already, all peers who live. Then takes part.
  // Errors as MeshWorker::Create.
  absl::Status Start(absl::Time deadline)
      ABSL_LOCKS_EXCLUDED(barrier_mutex_, post_mutex_, mutex_);

  // For the thread that links: the board once it is another than at the last
  // call, or after so long. None once StopLinking was called.
  std::optional<Board> AwaitBoard(absl::Duration at_most)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void StopLinking() ABSL_LOCKS_EXCLUDED(mutex_);
  // What came of the last attempt to link that process.
  void SetLink(uint32_t rank, uint64_t life, absl::Status status)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Waits until all who live, of those who are to meet, have called it as often
  // as this member. FAILED_PRECONDITION if it is not among them itself;
  // DEADLINE_EXCEEDED names the missing. One that failed may be repeated: it is
  // the same barrier still. One at a time. Who joins takes part from the first
  // barrier on that nobody waits in yet.
  absl::Status Barrier(const MeshBarrier& scope, absl::Duration timeout)
      ABSL_LOCKS_EXCLUDED(barrier_mutex_, post_mutex_, mutex_);

  // Says that this member stops, and waits until all who live do, too.
  // UNAVAILABLE names who was gone before it said so.
  absl::Status Stop(absl::Time deadline)
      ABSL_LOCKS_EXCLUDED(post_mutex_, mutex_);
  // Takes part no more: the others see it gone.
  void Leave() ABSL_LOCKS_EXCLUDED(post_mutex_, mutex_);

 private:
  struct Link {
    uint64_t life = 0;
    absl::Status status;
  };

  absl::Status Post(absl::FunctionRef<void(MeshLine&)> change,
                    absl::Time deadline)
      ABSL_LOCKS_EXCLUDED(post_mutex_, mutex_);
  void OnLines(const MeshRendezvous::Lines& lines) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Explain(const absl::Status& status) const;
  bool IsFounder(uint32_t number) const;

  // Whether the founders have met, so that this member is one that joins.
  bool Runs() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of the start: who is waited for, and what cannot be mended by waiting.
  std::vector<uint32_t> Awaited() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Hopeless() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A founder that was there and is not, and had not come to that round.
  absl::Status FindGone(MeshRound round, uint64_t count) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Takes part in a mesh that runs. Rounds that others have come to are over
  // for this member.
  absl::Status JoinRounds(absl::Time deadline)
      ABSL_LOCKS_EXCLUDED(barrier_mutex_, post_mutex_, mutex_);
  // Comes to a round, and waits for those of `members` who take part.
  absl::Status Meet(MeshRound round, uint64_t count,
                    const std::vector<uint32_t>& members, absl::Time deadline)
      ABSL_LOCKS_EXCLUDED(post_mutex_, mutex_);

  const MeshConfig config_;
  const MeshRoutes routes_;
  const std::shared_ptr<MeshRendezvous> rendezvous_;
  const uint32_t number_;
  const uint64_t life_;
  std::vector<uint32_t> all_;

  Mutex barrier_mutex_ ABSL_ACQUIRED_BEFORE(post_mutex_);
  // Rounds that this member has passed.
  std::array<uint64_t, kMeshRounds> passed_ ABSL_GUARDED_BY(barrier_mutex_){};

  // Held over a call of the rendezvous, which may call OnLines.
  Mutex post_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  MeshLine line_ ABSL_GUARDED_BY(post_mutex_);

  mutable Mutex mutex_;
  Board board_ ABSL_GUARDED_BY(mutex_);
  Board gone_ ABSL_GUARDED_BY(mutex_);  // last lines of those not replaced
  bool is_changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool links_ ABSL_GUARDED_BY(mutex_) = true;
  std::map<uint32_t, Link> linked_ ABSL_GUARDED_BY(mutex_);  // by number
};

}  // namespace internal
}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_MEMBER_H_
