#include "libs/tensor_mesh/mesh_worker.h"

#include <algorithm>
#include <cstdint>
#include <memory>
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
#include "libs/tensor_mesh/request_table.h"
#include "libs/tensor_mesh/wire.h"

namespace fairlead {

using internal::MeshRequest;
using internal::RequestTable;

MeshWorker::MeshWorker(MeshConfig config,
                       std::shared_ptr<MeshRendezvous> rendezvous)
    : end_(std::move(config), std::move(rendezvous)),
      requests_(end_.config().max_in_flight, end_.config().trace_history) {}

absl::StatusOr<std::unique_ptr<MeshWorker>> MeshWorker::Create(
    MeshConfig config, std::shared_ptr<MeshRendezvous> rendezvous) {
  FAIRLEAD_RETURN_IF_ERROR(CheckMeshConfig(config));
  if (config.role != MeshRole::kWorker) {
    return absl::InvalidArgumentError(
        "role: is a server's; make a MeshServer, or set it to kWorker");
  }
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<MeshWorker> worker(
      new MeshWorker(std::move(config), std::move(rendezvous)));
  FAIRLEAD_RETURN_IF_ERROR(worker->Connect());
  return worker;
}

absl::Status MeshWorker::Connect() {
  FAIRLEAD_ASSIGN_OR_RETURN(auto connections,
                            internal::ConnectWorker(end_.member(), *this));
  end_.Adopt(std::move(connections));
  return end_.Begin();
}

MeshWorker::~MeshWorker() { end_.Abandon(); }

absl::StatusOr<MeshMemory> MeshWorker::AllocateBuffer(uint64_t bytes) {
  return end_.arena().Allocate(bytes);
}

const std::vector<uint32_t>& MeshWorker::servers() const {
  return end_.member().routes().servers_of(end_.config().rank);
}

std::vector<uint32_t> MeshWorker::known_servers() const {
  MutexLock lock(&mutex_);
  return requests_.known_servers();
}

std::vector<uint32_t> MeshWorker::live_servers() const {
  MutexLock lock(&mutex_);
  return requests_.live_servers();
}

absl::Status MeshWorker::AwaitServers(absl::Span<const uint32_t> ranks,
                                      absl::Duration timeout) {
  return end_.AwaitPeers(ranks, timeout, [this] { return live_servers(); });
}

MeshWorker::Stats MeshWorker::stats() const {
  MutexLock lock(&mutex_);
  return {.requests = requests_.begun(),
          .in_flight = requests_.in_flight(),
          .remembered = requests_.remembered(),
          .arena_bytes_used = end_.arena().used_bytes()};
}

// --- sending

absl::StatusOr<MeshHandler> MeshWorker::PushPull(std::vector<MeshPush> pushes,
                                                 std::vector<MeshPull> pulls,
                                                 PushPullOptions options) {
  const int64_t now = MeshNanoseconds();
  auto request = std::make_shared<MeshRequest>();
  request->pushes = std::move(pushes);
  request->pulls = std::move(pulls);
  request->servers =
      options.servers.empty() ? known_servers() : std::move(options.servers);
  FAIRLEAD_RETURN_IF_ERROR(CheckRequest(*request));
  // What came meanwhile may free keys, or say where pushes should go.
  end_.Poll();
  {
    MutexLock lock(&mutex_);
    FAIRLEAD_RETURN_IF_ERROR(end_.CheckRunning());
    FAIRLEAD_RETURN_IF_ERROR(requests_.Admit(request, now));
  }

  for (const auto& transport : end_.transports()) {
    const absl::Status sent = transport->Send(request);
    if (sent.ok()) continue;
    MutexLock lock(&mutex_);
    requests_.Withdraw(request->id);
    return sent;
  }
  return RequestTable::HandlerOf(request->id, 0);
}

absl::Status MeshWorker::CheckRequest(const MeshRequest& request) const {
  if (request.servers.empty()) {
    return absl::UnavailableError("push_pull: no server has joined yet");
  }
  const std::vector<uint32_t>& reached = servers();
  for (size_t i = 0; i < request.servers.size(); ++i) {
    const uint32_t server = request.servers[i];
    if (!std::binary_search(reached.begin(), reached.end(), server) ||
        (i > 0 && request.servers[i - 1] >= server)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "servers: ", server, " is not one that ", end_.member().name(),
          " reaches, or stands not in ascending order; it reaches ",
          absl::StrJoin(reached, ", ")));
    }
  }
  const size_t messages = request.pushes.size() + request.pulls.size();
  if (messages == 0 || messages > internal::kMaxMessagesOfRequest) {
    return absl::InvalidArgumentError(
        absl::StrCat("push_pull: ", messages, " tensors; give 1 to ",
                     internal::kMaxMessagesOfRequest));
  }
  if (request.pulls.size() % request.servers.size() != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "push_pull: ", request.pulls.size(), " pulls of ",
        request.servers.size(),
        " servers; give as many of each, those of the first server first"));
  }
  const auto check = [this](const char* what, const auto& tensors,
                            bool is_push) -> absl::Status {
    absl::flat_hash_set<uint64_t> keys;
    for (const auto& [key, tensor] : tensors) {
      const absl::Status checked =
          CheckMeshTensor(tensor.dtype, tensor.shape, tensor.bytes.size());
      if (!checked.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat(what, " of key ", key, ": ", checked.message()));
      }
      if (!keys.insert(key).second) {
        return absl::InvalidArgumentError(absl::StrCat(
            what, " of key ", key, ": is there twice; a key has one place"));
      }
      if (is_push && end_.config().keys_name_their_worker &&
          WorkerOfMeshKey(key) != end_.config().rank) {
        return absl::InvalidArgumentError(
            absl::StrCat(what, " of key ", key, ": it names worker ",
                         WorkerOfMeshKey(key), "; see MeshKey"));
      }
    }
    return absl::OkStatus();
  };
  FAIRLEAD_RETURN_IF_ERROR(check("push", request.pushes, /*is_push=*/true));
  return check("pull", request.pulls, /*is_push=*/false);
}

// --- answers

std::shared_ptr<const MeshRequest> MeshWorker::FindAwaited(uint32_t server,
                                                           uint64_t id) {
  MutexLock lock(&mutex_);
  return requests_.FindAwaited(server, id);
}

void MeshWorker::OnReply(uint32_t server, uint64_t id,
                         const internal::WireReply& reply,
                         int64_t received_ns) {
  MutexLock lock(&mutex_);
  requests_.OnReply(server, id, reply, received_ns, MeshNanoseconds());
}

void MeshWorker::OnLinked(uint32_t server, uint64_t life) {
  MutexLock lock(&mutex_);
  requests_.OnLinked(server, life);
}

void MeshWorker::OnLost(uint32_t server, const absl::Status& why) {
  MutexLock lock(&mutex_);
  requests_.OnLost(server, why,
                   end_.is_stopped()
                       ? absl::CancelledError("the worker was stopped")
                       : absl::UnavailableError(why.message()));
}

// --- waiting

void MeshWorker::WaitAndUse(uint64_t id, absl::Duration timeout,
                            absl::FunctionRef<void()> use) {
  const auto use_and_remember = [this, id, use] {
    mutex_.AssertHeld();
    use();
    const RequestTable::Record* record = requests_.Find(id);
    if (record != nullptr && record->unanswered == 0) requests_.Remember(id);
  };
  const bool is_done = end_.WaitUntil(timeout, [&] {
    MutexLock lock(&mutex_);
    const RequestTable::Record* record = requests_.Find(id);
    if (record != nullptr && !record->IsDecided()) return false;
    use_and_remember();
    return true;
  });
  if (is_done) return;
  MutexLock lock(&mutex_);
  use_and_remember();  // it may have been done just now
}

absl::StatusOr<std::vector<absl::Status>> MeshWorker::WaitEach(
    MeshHandler handler, absl::Duration timeout) {
  absl::StatusOr<std::vector<absl::Status>> outcomes;
  WaitAndUse(RequestTable::RequestOf(handler), timeout, [&] {
    mutex_.AssertHeld();
    outcomes = requests_.OutcomesOf(handler, timeout);
  });
  return outcomes;
}

absl::Status MeshWorker::Wait(MeshHandler handler, absl::Duration timeout) {
  absl::Status status;
  WaitAndUse(RequestTable::RequestOf(handler), timeout, [&] {
    mutex_.AssertHeld();
    const auto outcomes = requests_.OutcomesOf(handler, timeout);
    status = outcomes.status();
    if (!status.ok()) return;
    const std::vector<uint32_t>& servers =
        requests_.Find(RequestTable::RequestOf(handler))->servers;
    std::string text;
    for (size_t i = 0; i < outcomes->size(); ++i) {
      const absl::Status& each = (*outcomes)[i];
      if (each.ok()) continue;
      status.Update(each);
      absl::StrAppend(&text, text.empty() ? "" : "; ", "server ", servers[i],
                      ": ", each.message());
    }
    if (!status.ok()) status = absl::Status(status.code(), text);
  });
  return status;
}

absl::Status MeshWorker::Cancel(MeshHandler handler) {
  {
    MutexLock lock(&mutex_);
    FAIRLEAD_RETURN_IF_ERROR(requests_.Cancel(handler));
  }
  end_.bell().Ring();
  return absl::OkStatus();
}

std::vector<MeshHandler> MeshWorker::GetAllHandlers(MeshHandler handler) const {
  MutexLock lock(&mutex_);
  return requests_.HandlersOf(handler);
}

absl::StatusOr<std::vector<MeshTrace>> MeshWorker::FetchTrace(
    MeshHandler handler) const {
  MutexLock lock(&mutex_);
  FAIRLEAD_ASSIGN_OR_RETURN(const RequestTable::Record* record,
                            requests_.FindMessage(handler));
  return record->traces;
}

// --- together

absl::Status MeshWorker::Barrier(const MeshBarrier& scope,
                                 absl::Duration timeout) {
  return end_.Barrier(scope, timeout);
}

absl::Status MeshWorker::Stop(absl::Duration timeout) {
  // Nobody writes any more to a tensor whose request is settled here.
  return end_.Stop(timeout, [this] {
    MutexLock lock(&mutex_);
    requests_.SettleAll(absl::CancelledError("the worker was stopped"));
  });
}

}  // namespace fairlead
