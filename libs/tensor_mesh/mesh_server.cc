#include "libs/tensor_mesh/mesh_server.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/mesh_connect.h"
#include "libs/tensor_mesh/mesh_trace.h"
#include "libs/tensor_mesh/row_slices.h"
#include "libs/tensor_mesh/wire.h"

namespace fairlead {

using internal::IncomingRequest;

MeshServer::MeshServer(MeshConfig config,
                       std::shared_ptr<MeshRendezvous> rendezvous)
    : end_(std::move(config), std::move(rendezvous)),
      buffers_(workers(), end_.config()) {
  for (const uint32_t worker : workers()) workers_[worker];
}

absl::StatusOr<std::unique_ptr<MeshServer>> MeshServer::Create(
    MeshConfig config, std::shared_ptr<MeshRendezvous> rendezvous,
    absl::FunctionRef<absl::Status(MeshServer&)> prepare) {
  FAIRLEAD_RETURN_IF_ERROR(CheckMeshConfig(config));
  if (config.role != MeshRole::kServer) {
    return absl::InvalidArgumentError(
        "role: is a worker's; make a MeshWorker, or set it to kServer");
  }
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<MeshServer> server(
      new MeshServer(std::move(config), std::move(rendezvous)));
  FAIRLEAD_RETURN_IF_ERROR(server->Connect(prepare));
  return server;
}

absl::Status MeshServer::Connect(
    absl::FunctionRef<absl::Status(MeshServer&)> prepare) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      auto connections,
      internal::ConnectServer(end_.member(), buffers_, *this));
  end_.Adopt(std::move(connections));
  FAIRLEAD_RETURN_IF_ERROR(prepare(*this));
  return end_.Begin();
}

MeshServer::~MeshServer() { end_.Abandon(); }

absl::StatusOr<MeshMemory> MeshServer::AllocateBuffer(uint64_t bytes) {
  return end_.arena().Allocate(bytes);
}

absl::Status MeshServer::RegisterRecvBuffer(const MeshTensorBuffer& buffer,
                                            absl::Span<const uint32_t> workers,
                                            absl::Span<const uint64_t> keys) {
  FAIRLEAD_RETURN_IF_ERROR(end_.CheckRunning());
  // Pushes that came before count.
  end_.Poll();
  FAIRLEAD_RETURN_IF_ERROR(buffers_.Register(buffer, workers, keys));
  const uint64_t chunk = buffer.bytes.size() / workers.size();
  for (size_t i = 0; i < workers.size(); ++i) {
    for (const auto& transport : end_.transports()) {
      FAIRLEAD_RETURN_IF_ERROR(transport->AnnounceReceiveBuffer(
          workers[i], keys[i], buffer.bytes.subspan(i * chunk, chunk)));
    }
  }
  return absl::OkStatus();
}

const std::vector<uint32_t>& MeshServer::workers() const {
  return end_.member().routes().workers_of(end_.config().rank);
}

std::vector<uint32_t> MeshServer::live_workers() const {
  std::vector<uint32_t> live;
  MutexLock lock(&mutex_);
  for (const auto& [rank, worker] : workers_) {
    if (worker.IsLive()) live.push_back(rank);
  }
  return live;
}

absl::Status MeshServer::AwaitWorkers(absl::Span<const uint32_t> ranks,
                                      absl::Duration timeout) {
  return end_.AwaitPeers(ranks, timeout, [this] { return live_workers(); });
}

MeshServer::Stats MeshServer::stats() const {
  MutexLock lock(&mutex_);
  Stats stats{.unanswered = open_.size(),
              .arena_bytes_used = end_.arena().used_bytes()};
  stats.requests = next_handler_ - 1;
  for (const auto& [rank, worker] : workers_) {
    stats.queued += worker.queue.size();
  }
  return stats;
}

// --- requests

void MeshServer::OnLinked(uint32_t worker, uint64_t life) {
  MutexLock lock(&mutex_);
  workers_[worker] = {.life = life};
}

void MeshServer::OnRequest(internal::ServerTransport& from,
                           IncomingRequest request) {
  MutexLock lock(&mutex_);
  workers_[request.worker].queue.push_back({&from, std::move(request)});
}

void MeshServer::OnLost(uint32_t worker, const absl::Status& why) {
  MutexLock lock(&mutex_);
  Worker& lost = workers_[worker];
  lost.is_lost = true;
  lost.why = why;
  lost.queue.clear();  // nobody is there to answer
}

MeshServer::Readiness MeshServer::Look(const GatherOptions& options) const {
  uint32_t ready = 0;
  uint32_t live = 0;
  uint32_t lost = 0;
  for (const auto& [rank, worker] : workers_) {
    if (!worker.queue.empty()) ++ready;
    if (worker.IsLive()) ++live;
    if (worker.is_lost) ++lost;
  }
  // Those that have never joined may come.
  auto possible = static_cast<uint32_t>(workers_.size()) - lost;
  uint32_t wanted = options.at_least;
  if (wanted >= GatherOptions::kLiveWorkers) {
    if (live + lost > 0) possible = live;
    if (wanted == GatherOptions::kAllWorkers) live += lost;
    wanted = std::max(live, uint32_t{1});
  }
  if (ready >= wanted) return Readiness::kReady;
  return possible < wanted ? Readiness::kImpossible : Readiness::kNotYet;
}

absl::StatusOr<MeshServer::Batch> MeshServer::GetBatch(
    const GatherOptions& options) {
  if (options.at_least == 0 ||
      (options.at_least > workers().size() &&
       options.at_least < GatherOptions::kLiveWorkers)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "at_least: ", options.at_least, " is not within 1 to ",
        workers().size(), ", the workers of ", end_.member().name()));
  }
  std::optional<Batch> batch;
  bool waited = false;
  end_.WaitUntil(options.timeout, [this, &options, &batch, &waited] {
    MutexLock lock(&mutex_);
    if (end_.is_stopped()) return true;
    waited = true;
    const Readiness readiness = Look(options);
    if (readiness == Readiness::kReady) batch = Take();
    return readiness != Readiness::kNotYet;
  });
  if (batch.has_value()) return *std::move(batch);
  MutexLock lock(&mutex_);
  const absl::Status running = end_.CheckRunning();
  if (!running.ok()) {
    return waited ? absl::CancelledError(running.message()) : running;
  }
  if (options.take_some && Look(options) == Readiness::kNotYet) {
    Batch some = Take();
    if (!some.requests.empty()) return some;
  }
  return Incomplete(options);
}

MeshServer::Batch MeshServer::Take() {
  const int64_t now = MeshNanoseconds();
  Batch batch;
  for (auto& [rank, worker] : workers_) {
    if (worker.queue.empty()) {
      if (worker.life != 0) batch.missing.push_back(rank);
      continue;
    }
    auto [transport, incoming] = std::move(worker.queue.front());
    worker.queue.pop_front();
    MeshServerRequest& request = batch.requests.emplace_back();
    request.handler = next_handler_++;
    request.worker = rank;
    request.pushes = std::move(incoming.pushes);
    for (const internal::WireTensor& pull : incoming.pulls) {
      request.pulls.push_back({.key = pull.key,
                               .dtype = pull.dtype,
                               .shape = pull.shape,
                               .bytes = pull.bytes});
    }
    open_[request.handler] = {.transport = transport,
                              .worker = rank,
                              .life = incoming.life,
                              .id = incoming.id,
                              .pulls = std::move(incoming.pulls),
                              .stamps = {incoming.received_ns, now}};
  }
  return batch;
}

absl::Status MeshServer::Incomplete(const GatherOptions& options) const {
  std::vector<std::string> lost;
  std::vector<uint32_t> silent;
  for (const auto& [rank, worker] : workers_) {
    if (worker.is_lost) {
      lost.push_back(absl::StrCat("worker ", rank, ": ", worker.why.message()));
    } else if (worker.life != 0 && worker.queue.empty()) {
      silent.push_back(rank);
    }
  }
  if (Look(options) == Readiness::kImpossible) {
    return absl::UnavailableError(absl::StrCat(
        "get_batch: ", absl::StrJoin(lost, "; "),
        "; ask for the live workers, or for fewer, to go on without"));
  }
  return absl::DeadlineExceededError(absl::StrCat(
      "get_batch: after ", absl::FormatDuration(options.timeout),
      " there is no request of worker ", absl::StrJoin(silent, ", "),
      lost.empty() ? "" : "; and ", absl::StrJoin(lost, "; ")));
}

// --- answers

absl::StatusOr<const MeshServer::Open*> MeshServer::FindOpen(
    MeshServerHandler handler) const {
  FAIRLEAD_RETURN_IF_ERROR(end_.CheckRunning());
  const auto found = open_.find(handler);
  if (found != open_.end()) return &found->second;
  if (handler == 0 || handler >= next_handler_) {
    return absl::NotFoundError(absl::StrCat(
        "handler ", handler, ": is none that GetBatch handed out here"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("handler ", handler, ": was answered before"));
}

absl::Status MeshServer::CheckAnswer(absl::Span<const MeshTensorView> tensors,
                                     MeshServerHandler handler) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const Open* open, FindOpen(handler));
  if (tensors.size() != open->pulls.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "handler ", handler, ": ", tensors.size(), " tensors for its ",
        open->pulls.size(), " pulls; give one each"));
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto bad = [&](auto... what) {
      return absl::InvalidArgumentError(
          absl::StrCat("handler ", handler, ": the tensor of its pull ", i,
                       " (key ", open->pulls[i].key, ") ", what...));
    };
    const absl::Status checked = CheckMeshTensor(
        tensors[i].dtype, tensors[i].shape, tensors[i].bytes.size());
    if (!checked.ok()) return bad(checked.message());
    if (tensors[i].dtype != open->pulls[i].dtype) {
      return bad("is of ", v1::DType_Name(tensors[i].dtype), ", not of ",
                 v1::DType_Name(open->pulls[i].dtype));
    }
    if (tensors[i].bytes.size() != open->pulls[i].bytes) {
      return bad("has ", tensors[i].bytes.size(), " bytes, not ",
                 open->pulls[i].bytes);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<MeshServer::Open> MeshServer::Close(MeshServerHandler handler) {
  const auto found = open_.find(handler);
  Open open = std::move(found->second);
  open_.erase(found);
  const Worker& worker = workers_[open.worker];
  const bool is_other = worker.life != open.life;
  if (!worker.is_lost && !is_other) return open;
  return absl::UnavailableError(absl::StrCat(
      "handler ", handler, ": worker ", open.worker, ": ",
      is_other ? "the process that asked is gone, and another has its place"
               : worker.why.message()));
}

absl::Status MeshServer::Send(Open open, absl::Status status,
                              std::vector<MeshTensorView> tensors,
                              int64_t now) {
  open.stamps[2] = now;
  return open.transport->Reply({.worker = open.worker,
                                .life = open.life,
                                .id = open.id,
                                .status = std::move(status),
                                .stamps = open.stamps,
                                .tensors = std::move(tensors),
                                .pulls = std::move(open.pulls)});
}

absl::Status MeshServer::Respond(std::vector<MeshTensorView> tensors,
                                 MeshServerHandler handler) {
  const int64_t now = MeshNanoseconds();
  absl::StatusOr<Open> open;
  {
    MutexLock lock(&mutex_);
    FAIRLEAD_RETURN_IF_ERROR(CheckAnswer(tensors, handler));
    open = Close(handler);
  }
  if (!open.ok()) return open.status();
  return Send(*std::move(open), absl::OkStatus(), std::move(tensors), now);
}

absl::Status MeshServer::RespondError(const absl::Status& error,
                                      MeshServerHandler handler) {
  const int64_t now = MeshNanoseconds();
  if (error.ok()) {
    return absl::InvalidArgumentError("respond: OK is no error; use Respond");
  }
  absl::StatusOr<Open> open;
  {
    MutexLock lock(&mutex_);
    FAIRLEAD_RETURN_IF_ERROR(FindOpen(handler).status());
    open = Close(handler);
  }
  if (!open.ok()) return open.status();
  return Send(*std::move(open), error, {}, now);
}

absl::Status MeshServer::RespondVec(
    const MeshTensorView& buffer, absl::Span<const int64_t> rows,
    absl::Span<const MeshServerHandler> handlers, RowsMode mode) {
  const int64_t now = MeshNanoseconds();
  if (rows.size() != handlers.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("respond_vec: ", rows.size(), " numbers of rows for ",
                     handlers.size(), " handlers; give a number each"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::vector<MeshTensorView> slices,
      internal::SliceRows(buffer, rows, mode == RowsMode::kRunning));
  std::vector<absl::StatusOr<Open>> opens;
  {
    MutexLock lock(&mutex_);
    absl::flat_hash_set<MeshServerHandler> named;
    for (size_t i = 0; i < handlers.size(); ++i) {
      FAIRLEAD_RETURN_IF_ERROR(
          CheckAnswer(absl::MakeConstSpan(&slices[i], 1), handlers[i]));
      if (!named.insert(handlers[i]).second) {
        return absl::InvalidArgumentError(absl::StrCat(
            "respond_vec: handler ", handlers[i], " is there twice"));
      }
    }
    for (const MeshServerHandler handler : handlers) {
      opens.push_back(Close(handler));
    }
  }
  absl::Status lost;
  for (size_t i = 0; i < opens.size(); ++i) {
    if (!opens[i].ok()) {
      lost.Update(opens[i].status());
      continue;
    }
    lost.Update(Send(*std::move(opens[i]), absl::OkStatus(),
                     {std::move(slices[i])}, now));
  }
  return lost;
}

// --- together

absl::Status MeshServer::Barrier(const MeshBarrier& scope,
                                 absl::Duration timeout) {
  return end_.Barrier(scope, timeout);
}

absl::Status MeshServer::Stop(absl::Duration timeout) {
  return end_.Stop(timeout, [] {});
}

}  // namespace fairlead
