#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_WORKER_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_WORKER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_end.h"
#include "libs/tensor_mesh/mesh_member.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"
#include "libs/tensor_mesh/mesh_tensor.h"
#include "libs/tensor_mesh/mesh_trace.h"
#include "libs/tensor_mesh/request_table.h"
#include "libs/tensor_mesh/transport.h"
#include "libs/tensor_mesh/wire.h"

namespace fairlead {

// The side of a mesh that asks: pushes tensors to all its servers and pulls
// their answers (parity SM-01 to SM-04, SM-09 to SM-12).
//
//   auto worker = MeshWorker::Create({.num_workers = 2, .num_servers = 2,
//                                     .rank = 0}, rendezvous);
//   auto handler = (*worker)->PushPull({{kKey, tokens}},
//                                      {{kReply0, from_0}, {kReply1, from_1}});
//   ... other work ...
//   absl::Status done = (*worker)->Wait(*handler);
//
// Thread-safe. No error ends the process, and no call waits without a limit.
class MeshWorker final : private internal::WorkerListener {
 public:
  // Meets the founders and connects to its servers; returns when all have done
  // so. Where they have met already it joins them, in a place that is free:
  // none has had it, or who had it is gone. It returns when it is connected
  // with those servers who live.
  //
  // INVALID_ARGUMENT names a field of the config; DEADLINE_EXCEEDED (after
  // init_timeout) and UNAVAILABLE name founders that did not come, or are gone;
  // ALREADY_EXISTS if another process is this worker.
  static absl::StatusOr<std::unique_ptr<MeshWorker>> Create(
      MeshConfig config, std::shared_ptr<MeshRendezvous> rendezvous);

  // Stops without waiting for anybody. REQUIRES that no call is in progress.
  ~MeshWorker();

  // Memory from which pushes to servers of this host are not copied, and into
  // which they write their answers. RESOURCE_EXHAUSTED beyond arena_bytes.
  absl::StatusOr<MeshMemory> AllocateBuffer(uint64_t bytes);

  struct PushPullOptions {
    // Ranks, ascending; empty: all that there are or were (known_servers).
    // For going on with those that live (live_servers) while one is lost.
    std::vector<uint32_t> servers;
  };

  // Sends every push to every server, and has their answers written into the
  // pulls: of P answers a server, pulls[s * P + p] is the p-th answer of the
  // s-th server. Returns at once; the tensors must stay, the pushed ones
  // unmodified, until Wait says that it is done (or their `owner`s keep them).
  // The handler is that of the first message.
  //
  // INVALID_ARGUMENT for no message at all, a number of pulls that the servers
  // do not divide, a tensor whose bytes do not fit its shape, a key twice, or a
  // server that this worker does not reach; FAILED_PRECONDITION for a key of
  // an earlier request that is not done, or after Stop; UNAVAILABLE if a server
  // is lost, until another process has its place; RESOURCE_EXHAUSTED for more
  // than max_in_flight requests, or no room in the arena. Then nothing was
  // sent.
  absl::StatusOr<MeshHandler> PushPull(std::vector<MeshPush> pushes,
                                       std::vector<MeshPull> pulls,
                                       PushPullOptions options)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<MeshHandler> PushPull(std::vector<MeshPush> pushes,
                                       std::vector<MeshPull> pulls) {
    return PushPull(std::move(pushes), std::move(pulls), {});
  }

  // Returns when every server has answered the request, or is lost. Answers of
  // the others are good even if one failed. DEADLINE_EXCEEDED names the servers
  // that have not answered, and the request goes on: wait again, or Cancel.
  // Otherwise the first failed server's error, which names all of them:
  // UNAVAILABLE for a lost one, or what it answered. CANCELLED after Stop.
  // Waiting again gives the same answer, until trace_history later requests
  // are done; then, and for what is none, NOT_FOUND.
  absl::Status Wait(MeshHandler handler,
                    absl::Duration timeout = absl::Seconds(10))
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The same, with each server's outcome, in the order of the request's
  // servers. Errors: DEADLINE_EXCEEDED and NOT_FOUND.
  absl::StatusOr<std::vector<absl::Status>> WaitEach(
      MeshHandler handler, absl::Duration timeout = absl::Seconds(10))
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Gives a request up: its Wait says CANCELLED. Its tensors and keys are in
  // use until the servers have answered, so they need `owner`s. NOT_FOUND.
  absl::Status Cancel(MeshHandler handler) ABSL_LOCKS_EXCLUDED(mutex_);

  // The handlers of all messages of a request: of its pushes, then of its P
  // pulls; just `handler` itself once it was waited for, or is none.
  std::vector<MeshHandler> GetAllHandlers(MeshHandler handler) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // A message's way to each server of its request and back. The messages of a
  // request travel together, so their traces are equal. NOT_FOUND as of Wait.
  absl::StatusOr<std::vector<MeshTrace>> FetchTrace(MeshHandler handler) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // See MeshMember::Barrier; and FAILED_PRECONDITION after Stop.
  absl::Status Barrier(const MeshBarrier& scope = {},
                       absl::Duration timeout = absl::Seconds(10))
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Tells all members, waits for them to stop, too, and ends: what is in
  // flight is CANCELLED. It ends in time whoever is missing or dead, and then
  // says who. FAILED_PRECONDITION if it was stopped before.
  absl::Status Stop(absl::Duration timeout = absl::Seconds(10))
      ABSL_LOCKS_EXCLUDED(mutex_);

  // This worker's servers, ascending: all that the routes say; those that have
  // ever joined; and those of them that are not lost.
  const std::vector<uint32_t>& servers() const;
  std::vector<uint32_t> known_servers() const ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<uint32_t> live_servers() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Returns when all of these servers are live: for who goes on with all of
  // them once one was lost and another process has its place. DEADLINE_EXCEEDED
  // names the missing; INVALID_ARGUMENT for one that the routes do not say.
  absl::Status AwaitServers(absl::Span<const uint32_t> ranks,
                            absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);

  struct Stats {
    uint64_t requests = 0;    // ever
    uint64_t in_flight = 0;   // not done, or not waited for
    uint64_t remembered = 0;  // waited for
    uint64_t arena_bytes_used = 0;
  };
  Stats stats() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  MeshWorker(MeshConfig config, std::shared_ptr<MeshRendezvous> rendezvous);

  absl::Status Connect();

  absl::Status CheckRequest(const internal::MeshRequest& request) const;
  // Waits, and calls `use` when the request is decided, or time is over.
  void WaitAndUse(uint64_t id, absl::Duration timeout,
                  absl::FunctionRef<void()> use) ABSL_LOCKS_EXCLUDED(mutex_);

  // internal::WorkerListener
  void OnLinked(uint32_t server, uint64_t life) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<const internal::MeshRequest> FindAwaited(uint32_t server,
                                                           uint64_t id) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnReply(uint32_t server, uint64_t id, const internal::WireReply& reply,
               int64_t received_ns) override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnLost(uint32_t server, const absl::Status& why) override
      ABSL_LOCKS_EXCLUDED(mutex_);

  internal::MeshEnd<internal::WorkerTransport> end_;

  mutable Mutex mutex_;
  internal::RequestTable requests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_WORKER_H_
