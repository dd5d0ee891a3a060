#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_SERVER_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_SERVER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
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
#include "libs/tensor_mesh/receive_buffers.h"
#include "libs/tensor_mesh/transport.h"

namespace fairlead {

// A request that a server was given; never used again. 0 is none. (A worker's
// MeshHandlers are other numbers.)
using MeshServerHandler = uint64_t;

// One worker's request, as GetBatch hands it out.
struct MeshServerRequest {
  MeshServerHandler handler = 0;
  uint32_t worker = 0;
  // Where they were received, not copied: valid until the answer.
  std::vector<MeshPush> pushes;
  // What is to be answered, in order: key, dtype, shape and bytes.
  struct Pull {
    uint64_t key = 0;
    v1::DType dtype = v1::DTYPE_UNSPECIFIED;
    MeshShape shape;
    uint64_t bytes = 0;
  };
  std::vector<Pull> pulls;
};

// The side of a mesh that answers (parity SM-05 to SM-10, SM-20).
//
//   auto server = MeshServer::Create({.role = MeshRole::kServer,
//                                     .num_workers = 2}, rendezvous);
//   while (auto batch = (*server)->GetBatch(); batch.ok()) {
//     for (const MeshServerRequest& request : batch->requests) {
//       Answer(request.pushes, &reply);
//       (*server)->Respond({reply}, request.handler);
//     }
//   }
//
// Thread-safe. No error ends the process, and no call waits without a limit.
class MeshServer final : private internal::ServerListener {
 public:
  // As MeshWorker::Create. `prepare` is called before any worker can push: for
  // receive buffers of a server that joins workers that are busy. Of the
  // server's calls it may make AllocateBuffer and RegisterRecvBuffer; an error
  // ends the start.
  static absl::StatusOr<std::unique_ptr<MeshServer>> Create(
      MeshConfig config, std::shared_ptr<MeshRendezvous> rendezvous,
      absl::FunctionRef<absl::Status(MeshServer&)> prepare);
  static absl::StatusOr<std::unique_ptr<MeshServer>> Create(
      MeshConfig config, std::shared_ptr<MeshRendezvous> rendezvous) {
    return Create(std::move(config), std::move(rendezvous),
                  [](MeshServer&) { return absl::OkStatus(); });
  }

  // Stops without waiting for anybody. REQUIRES that no call is in progress.
  ~MeshServer();

  // Memory into which workers of this host write their pushes, if it is
  // registered. RESOURCE_EXHAUSTED beyond arena_bytes.
  absl::StatusOr<MeshMemory> AllocateBuffer(uint64_t bytes);

  // Cuts `buffer` into as many chunks as there are keys, and has the pushes of
  // keys[i] from workers[i] land in the i-th: so what all workers push lies
  // in one tensor, without a copy over TCP, and over shared memory if the
  // buffer is AllocateBuffer's. From then on only these workers may push
  // these keys. Before the first push of any of them (let a barrier say so, or
  // do it while the server is prepared). A process that takes the place of such
  // a worker pushes to the same chunks.
  // Errors as ReceiveBuffers::Register, and RESOURCE_EXHAUSTED for more than
  // workers can be told at once.
  absl::Status RegisterRecvBuffer(const MeshTensorBuffer& buffer,
                                  absl::Span<const uint32_t> workers,
                                  absl::Span<const uint64_t> keys);

  struct GatherOptions {
    static constexpr uint32_t kAllWorkers = ~uint32_t{0};
    static constexpr uint32_t kLiveWorkers = kAllWorkers - 1;

    // How many workers must have a request before the batch is handed out:
    // every one that has ever joined, every one that is not lost, or any so
    // many.
    uint32_t at_least = kAllWorkers;
    absl::Duration timeout = absl::Seconds(10);
    // At the deadline, hand out what there is, if there is anything.
    bool take_some = false;
  };
  struct Batch {
    std::vector<MeshServerRequest> requests;  // by worker, one each
    std::vector<uint32_t> missing;            // workers without one, ascending
  };

  // Waits for requests and takes the oldest of each worker that has one.
  // Further ones stay for the next batch. DEADLINE_EXCEEDED names the workers
  // that are missing, and takes nothing; UNAVAILABLE names those that are lost,
  // if the batch cannot become what is asked for without them;
  // INVALID_ARGUMENT if `at_least` is 0 or more than there are workers;
  // FAILED_PRECONDITION or CANCELLED after, or during, Stop.
  absl::StatusOr<Batch> GetBatch(const GatherOptions& options)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Batch> GetBatch() { return GetBatch({}); }

  // Answers a request: tensors[i] is its i-th pull, of the same dtype and
  // number of bytes. A request without pulls is answered with no tensors. The
  // tensors are copied, or kept by their `owner`s until they are sent.
  //
  // NOT_FOUND for a handler that is none; FAILED_PRECONDITION for one that is
  // answered, or after Stop; INVALID_ARGUMENT for another number of tensors
  // or one that does not fit: then it can be answered again. UNAVAILABLE if
  // the worker is lost, be there another in its place: then it need not be.
  absl::Status Respond(std::vector<MeshTensorView> tensors,
                       MeshServerHandler handler) ABSL_LOCKS_EXCLUDED(mutex_);

  // Answers a request with an error, which its Wait returns. Errors as
  // Respond; INVALID_ARGUMENT if `error` is OK.
  absl::Status RespondError(const absl::Status& error,
                            MeshServerHandler handler)
      ABSL_LOCKS_EXCLUDED(mutex_);

  enum class RowsMode {
    kRunning,       // one after the other: together they are the whole buffer
    kSharedPrefix,  // each from row 0 on (the original's)
  };

  // Answers several requests of one pull each with rows of `buffer`: the i-th
  // with rows[i] of them. INVALID_ARGUMENT for unequal lists, a handler twice,
  // rows that `buffer` has not, or, if they run, leaves; errors as Respond. If
  // any cannot be answered, none is, but for workers that are lost: the others
  // are answered, and the error is UNAVAILABLE.
  absl::Status RespondVec(const MeshTensorView& buffer,
                          absl::Span<const int64_t> rows,
                          absl::Span<const MeshServerHandler> handlers,
                          RowsMode mode = RowsMode::kRunning)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // As MeshWorker's.
  absl::Status Barrier(const MeshBarrier& scope = {},
                       absl::Duration timeout = absl::Seconds(10))
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Stop(absl::Duration timeout = absl::Seconds(10))
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The workers that may reach this server, ascending, and those that do.
  const std::vector<uint32_t>& workers() const;
  std::vector<uint32_t> live_workers() const ABSL_LOCKS_EXCLUDED(mutex_);

  // As MeshWorker::AwaitServers.
  absl::Status AwaitWorkers(absl::Span<const uint32_t> ranks,
                            absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);

  struct Stats {
    uint64_t requests = 0;    // handed out, ever
    uint64_t queued = 0;      // not handed out
    uint64_t unanswered = 0;  // handed out
    uint64_t arena_bytes_used = 0;
  };
  Stats stats() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Queued {
    internal::ServerTransport* transport = nullptr;
    internal::IncomingRequest request;
  };
  struct Worker {
    uint64_t life = 0;  // 0: has never joined
    bool is_lost = false;
    absl::Status why;
    std::deque<Queued> queue;

    bool IsLive() const { return life != 0 && !is_lost; }
  };
  // A request that was handed out. Its pushes are the caller's.
  struct Open {
    internal::ServerTransport* transport = nullptr;  // that it came over
    uint32_t worker = 0;
    uint64_t life = 0;
    uint64_t id = 0;
    std::vector<internal::WireTensor> pulls;
    std::array<int64_t, 4> stamps{};
  };

  MeshServer(MeshConfig config, std::shared_ptr<MeshRendezvous> rendezvous);

  absl::Status Connect(absl::FunctionRef<absl::Status(MeshServer&)> prepare);

  // What GetBatch would find now.
  enum class Readiness { kNotYet, kReady, kImpossible };
  Readiness Look(const GatherOptions& options) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Batch Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Incomplete(const GatherOptions& options) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Whether these tensors answer that request.
  absl::Status CheckAnswer(absl::Span<const MeshTensorView> tensors,
                           MeshServerHandler handler) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<const Open*> FindOpen(MeshServerHandler handler) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes a request that can be answered off the books; UNAVAILABLE if its
  // worker is lost.
  absl::StatusOr<Open> Close(MeshServerHandler handler)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Send(Open open, absl::Status status,
                    std::vector<MeshTensorView> tensors, int64_t now);

  // internal::ServerListener
  void OnLinked(uint32_t worker, uint64_t life) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnRequest(internal::ServerTransport& from,
                 internal::IncomingRequest request) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnLost(uint32_t worker, const absl::Status& why) override
      ABSL_LOCKS_EXCLUDED(mutex_);

  internal::MeshEnd<internal::ServerTransport> end_;
  internal::ReceiveBuffers buffers_;

  mutable Mutex mutex_;
  MeshServerHandler next_handler_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<uint32_t, Worker> workers_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<MeshServerHandler, Open> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_SERVER_H_
