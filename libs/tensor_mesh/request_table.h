#ifndef FAIRLEAD_LIBS_TENSOR_MESH_REQUEST_TABLE_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_REQUEST_TABLE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/tensor_mesh/mesh_trace.h"
#include "libs/tensor_mesh/transport.h"
#include "libs/tensor_mesh/wire.h"

namespace fairlead {

// A message of a PushPull, of this worker; never used again. 0 is none.
using MeshHandler = uint64_t;

namespace internal {

// A worker's requests, from their call until they were waited for, and then for
// a while: which keys they use, who has answered, who cannot any more. Pure
// bookkeeping, without threads, I/O or a clock. Thread-compatible.
//
//   Admit ──► in flight ── each server answered, or was lost; waited for ──►
//             remembered ── trace_history later ones ──► forgotten
class RequestTable {
 public:
  struct Record {
    std::shared_ptr<const MeshRequest> sent;  // until done
    std::vector<uint32_t> servers;
    uint32_t messages = 0;
    uint32_t unanswered = 0;
    bool is_cancelled = false;
    std::vector<std::optional<absl::Status>> outcomes;  // by server
    std::vector<MeshTrace> traces;

    bool IsDecided() const { return is_cancelled || unanswered == 0; }
  };

  RequestTable(uint32_t max_in_flight, uint32_t trace_history)
      : max_in_flight_(max_in_flight), trace_history_(trace_history) {}

  // A handler: the request, and which of its messages.
  static constexpr MeshHandler HandlerOf(uint64_t id, uint64_t message) {
    return id << kMessageBits | message;
  }
  static constexpr uint64_t RequestOf(MeshHandler handler) {
    return handler >> kMessageBits;
  }

  // Begins a request, which was called at `now`, and gives it its id. Errors as
  // MeshWorker::PushPull: then nothing has changed.
  absl::Status Admit(const std::shared_ptr<MeshRequest>& request, int64_t now);
  // Undoes it.
  void Withdraw(uint64_t id);

  // The request, if it awaits this server's reply; null if not.
  std::shared_ptr<const MeshRequest> FindAwaited(uint32_t server,
                                                 uint64_t id) const;
  // The reply has come, at `received_ns`, and is in its places, at `now`.
  void OnReply(uint32_t server, uint64_t id, const WireReply& reply,
               int64_t received_ns, int64_t now);
  // The server can be asked: a process of that life.
  void OnLinked(uint32_t server, uint64_t life);
  // The server answers no more; what waits for it ends with `outcome`.
  void OnLost(uint32_t server, const absl::Status& why,
              const absl::Status& outcome);
  // What a server has not answered of a request, or of all, ends like this.
  void Settle(uint64_t id, uint32_t server, const absl::Status& outcome);
  void SettleAll(const absl::Status& outcome);

  // NOT_FOUND. Its keys stay in use until it is answered.
  absl::Status Cancel(MeshHandler handler);
  // Moves a request that is done to those that are remembered.
  void Remember(uint64_t id);

  // In flight or remembered; null if neither.
  const Record* Find(uint64_t id) const;
  // The same, for a handler that is a message of one: otherwise NOT_FOUND.
  absl::StatusOr<const Record*> FindMessage(MeshHandler handler) const;
  // What MeshWorker::WaitEach says, after it has waited for so long.
  absl::StatusOr<std::vector<absl::Status>> OutcomesOf(
      MeshHandler handler, absl::Duration timeout) const;
  std::vector<MeshHandler> HandlersOf(MeshHandler handler) const;

  // Servers that have ever been linked, ascending, and those not lost since.
  std::vector<uint32_t> known_servers() const;
  std::vector<uint32_t> live_servers() const;
  uint64_t begun() const { return next_id_ - 1; }
  size_t in_flight() const { return in_flight_.size(); }
  size_t remembered() const { return remembered_.size(); }

 private:
  static constexpr int kMessageBits = 16;

  void Settle(Record& record, size_t server, absl::Status outcome);
  void Release(Record& record);

  const uint32_t max_in_flight_;
  const uint32_t trace_history_;

  uint64_t next_id_ = 1;
  struct Server {
    uint64_t life = 0;
    absl::Status lost;  // why, if it is
  };
  std::map<uint32_t, Server> servers_;  // that have ever been linked
  absl::flat_hash_map<uint64_t, Record> in_flight_;
  absl::flat_hash_map<uint64_t, Record> remembered_;
  std::deque<uint64_t> remembered_order_;
  absl::flat_hash_set<uint64_t> busy_pushes_;
  absl::flat_hash_set<uint64_t> busy_pulls_;
};

}  // namespace internal
}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_REQUEST_TABLE_H_
