#include "libs/tensor_mesh/mesh_worker.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/mesh_connect.h"
#include "libs/tensor_mesh/wire.h"

namespace fairlead {

using internal::MeshRequest;

namespace {

// A handler: the request, and which of its messages.
constexpr int kMessageBits = 16;

constexpr MeshHandler HandlerOf(uint64_t id, uint64_t message) {
  return id << kMessageBits | message;
}
constexpr uint64_t RequestOf(MeshHandler handler) {
  return handler >> kMessageBits;
}
constexpr uint64_t MessageOf(MeshHandler handler) {
  return handler & ((1 << kMessageBits) - 1);
}

absl::Status IsNone(MeshHandler handler) {
  return absl::NotFoundError(absl::StrCat(
      "handler ", handler,
      ": is none of this worker's, or of a request so long done that "
      "trace_history others were done since"));
}

}  // namespace

MeshWorker::MeshWorker(MeshConfig config,
                       std::shared_ptr<MeshRendezvous> rendezvous)
    : member_(std::move(config), std::move(rendezvous)) {}

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
  FAIRLEAD_ASSIGN_OR_RETURN(internal::WorkerConnections connected,
                            internal::ConnectWorker(member_, *this));
  arena_ = std::move(connected.arena);
  bell_ = std::move(connected.bell);
  transports_ = std::move(connected.transports);
  waiter_ =
      std::make_unique<internal::MeshWaiter>(*bell_, member_.config().spin);
  transport_of_ = std::move(connected.by_server);
  FAIRLEAD_RETURN_IF_ERROR(
      member_.BarrierOfAll("connected", connected.deadline));
  member_.rendezvous().WatchGone([this](uint32_t number) {
    if (number < member_.config().num_workers) return;
    const uint32_t server = number - member_.config().num_workers;
    for (const auto& transport : transports_) transport->OnGone(server);
  });
  return absl::OkStatus();
}

MeshWorker::~MeshWorker() {
  member_.rendezvous().WatchGone(nullptr);
  for (const auto& transport : transports_) {
    transport->Close(/*flush_by=*/absl::InfinitePast());
  }
}

absl::StatusOr<MeshMemory> MeshWorker::AllocateBuffer(uint64_t bytes) {
  return arena_->Allocate(bytes);
}

const std::vector<uint32_t>& MeshWorker::servers() const {
  return member_.routes().servers_of(member_.config().rank);
}

std::vector<uint32_t> MeshWorker::live_servers() const {
  std::vector<uint32_t> live;
  MutexLock lock(&mutex_);
  for (const uint32_t server : servers()) {
    if (!lost_.contains(server)) live.push_back(server);
  }
  return live;
}

MeshWorker::Stats MeshWorker::stats() const {
  MutexLock lock(&mutex_);
  return {.requests = next_id_ - 1,
          .in_flight = in_flight_.size(),
          .remembered = remembered_.size(),
          .arena_bytes_used = arena_->used_bytes()};
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
      options.servers.empty() ? servers() : std::move(options.servers);
  FAIRLEAD_RETURN_IF_ERROR(CheckRequest(*request));
  // What came meanwhile may free keys, or say where pushes should go.
  Poll();
  FAIRLEAD_RETURN_IF_ERROR(Admit(request, now));

  bool is_sent = false;
  std::vector<uint32_t> ranks;
  for (size_t i = 0; i < transports_.size(); ++i) {
    ranks.clear();
    std::copy_if(request->servers.begin(), request->servers.end(),
                 std::back_inserter(ranks), [this, i](uint32_t server) {
                   return transport_of_.at(server) == i;
                 });
    if (ranks.empty()) continue;
    const absl::Status sent = transports_[i]->Send(request, ranks);
    if (!sent.ok() && !is_sent) {
      Withdraw(request->id);
      return sent;
    }
    is_sent = true;
    if (sent.ok()) continue;
    MutexLock lock(&mutex_);
    const auto found = in_flight_.find(request->id);
    if (found == in_flight_.end()) break;  // somebody guessed the handler
    for (const uint32_t rank : ranks) {
      Settle(found->second, request->IndexOf(rank), sent);
    }
  }
  return HandlerOf(request->id, 0);
}

absl::Status MeshWorker::CheckRequest(const MeshRequest& request) const {
  const std::vector<uint32_t>& reached = servers();
  for (size_t i = 0; i < request.servers.size(); ++i) {
    const uint32_t server = request.servers[i];
    if (!std::binary_search(reached.begin(), reached.end(), server) ||
        (i > 0 && request.servers[i - 1] >= server)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "servers: ", server, " is not one that ", member_.name(),
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
      if (is_push && member_.config().keys_name_their_worker &&
          WorkerOfMeshKey(key) != member_.config().rank) {
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

absl::Status MeshWorker::Admit(const std::shared_ptr<MeshRequest>& request,
                               int64_t now) {
  MutexLock lock(&mutex_);
  FAIRLEAD_RETURN_IF_ERROR(CheckRunning());
  for (const uint32_t server : request->servers) {
    const auto lost = lost_.find(server);
    if (lost == lost_.end()) continue;
    return absl::UnavailableError(
        absl::StrCat("server ", server, ": ", lost->second.message(),
                     "; name the live_servers() to go on without it"));
  }
  if (in_flight_.size() >= member_.config().max_in_flight) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "max_in_flight: ", in_flight_.size(),
        " requests are not done or not waited for; wait for some"));
  }
  const auto busy = [](const char* what, uint64_t key) {
    return absl::FailedPreconditionError(absl::StrCat(
        what, " of key ", key,
        ": an earlier request with this key is not done; wait for it first"));
  };
  for (const MeshPush& push : request->pushes) {
    if (busy_pushes_.contains(push.key)) return busy("push", push.key);
  }
  for (const MeshPull& pull : request->pulls) {
    if (busy_pulls_.contains(pull.key)) return busy("pull", pull.key);
  }
  for (const MeshPush& push : request->pushes) busy_pushes_.insert(push.key);
  for (const MeshPull& pull : request->pulls) busy_pulls_.insert(pull.key);
  request->id = next_id_++;
  const size_t servers = request->servers.size();
  request->posted_ns = std::vector<std::atomic<int64_t>>(servers);
  Request& record = in_flight_[request->id];
  record.sent = request;
  record.servers = request->servers;
  record.messages = static_cast<uint32_t>(request->pushes.size() +
                                          request->pulls_per_server());
  record.unanswered = static_cast<uint32_t>(servers);
  record.outcomes.resize(servers);
  record.traces.resize(servers);
  for (MeshTrace& trace : record.traces) {
    trace.ns[MeshTrace::kRequestStart] = now;
  }
  return absl::OkStatus();
}

void MeshWorker::Withdraw(uint64_t id) {
  MutexLock lock(&mutex_);
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  Release(found->second);
  in_flight_.erase(found);
}

absl::Status MeshWorker::CheckRunning() const {
  if (!is_stopped_) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(member_.name(), ": was stopped"));
}

// --- answers

void MeshWorker::Settle(Request& request, size_t server, absl::Status outcome) {
  if (request.outcomes[server].has_value()) return;
  request.outcomes[server] = std::move(outcome);
  if (--request.unanswered == 0) Release(request);
}

void MeshWorker::Release(Request& request) {
  if (request.sent == nullptr) return;
  for (const MeshPush& push : request.sent->pushes) {
    busy_pushes_.erase(push.key);
  }
  for (const MeshPull& pull : request.sent->pulls) busy_pulls_.erase(pull.key);
  request.sent.reset();
}

std::shared_ptr<const MeshRequest> MeshWorker::FindAwaited(uint32_t server,
                                                           uint64_t id) {
  MutexLock lock(&mutex_);
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end() || found->second.sent == nullptr) {
    return nullptr;
  }
  const Request& request = found->second;
  const size_t index = request.sent->IndexOf(server);
  if (index == request.servers.size() || request.outcomes[index].has_value()) {
    return nullptr;
  }
  return request.sent;
}

void MeshWorker::OnReply(uint32_t server, uint64_t id,
                         const internal::WireReply& reply,
                         int64_t received_ns) {
  MutexLock lock(&mutex_);
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end() || found->second.sent == nullptr) return;
  Request& request = found->second;
  const size_t index = request.sent->IndexOf(server);
  std::array<int64_t, 8>& points = request.traces[index].ns;
  points[MeshTrace::kRequestPostSend] = request.sent->posted_ns[index];
  std::copy(reply.stamps.begin(), reply.stamps.end(),
            points.begin() + MeshTrace::kRequestPostRecv);
  points[MeshTrace::kResponsePostRecv] = received_ns;
  points[MeshTrace::kResponseProcess] = MeshNanoseconds();
  Settle(request, index, reply.status);
  if (request.is_cancelled && request.unanswered == 0) Remember(id);
}

void MeshWorker::OnLost(uint32_t server, const absl::Status& why) {
  MutexLock lock(&mutex_);
  lost_[server] = why;
  std::vector<uint64_t> cancelled;
  for (auto& [id, request] : in_flight_) {
    const auto at =
        std::find(request.servers.begin(), request.servers.end(), server);
    if (at == request.servers.end()) continue;
    Settle(request, static_cast<size_t>(at - request.servers.begin()),
           is_stopped_ ? absl::CancelledError("the worker was stopped")
                       : absl::UnavailableError(why.message()));
    if (request.is_cancelled && request.unanswered == 0) {
      cancelled.push_back(id);
    }
  }
  for (const uint64_t id : cancelled) Remember(id);
}

// --- waiting

void MeshWorker::Poll() {
  for (const auto& transport : transports_) transport->Poll();
}

void MeshWorker::CheckPeers() {
  for (const auto& transport : transports_) transport->CheckPeers();
}

const MeshWorker::Request* MeshWorker::Find(uint64_t id) const {
  auto found = in_flight_.find(id);
  if (found != in_flight_.end()) return &found->second;
  found = remembered_.find(id);
  return found == remembered_.end() ? nullptr : &found->second;
}

void MeshWorker::Remember(uint64_t id) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  remembered_[id] = std::move(found->second);
  in_flight_.erase(found);
  remembered_order_.push_back(id);
  while (remembered_order_.size() > member_.config().trace_history) {
    remembered_.erase(remembered_order_.front());
    remembered_order_.pop_front();
  }
}

void MeshWorker::WaitAndUse(uint64_t id, absl::Duration timeout,
                            absl::FunctionRef<void(const Request*)> use) {
  const bool is_done = waiter_->WaitUntil(
      timeout, [this] { Poll(); }, [this] { CheckPeers(); },
      [this, id, use] {
        MutexLock lock(&mutex_);
        const Request* request = Find(id);
        if (request != nullptr && !request->is_cancelled &&
            request->unanswered > 0) {
          return false;
        }
        use(request);
        if (request != nullptr && request->unanswered == 0) Remember(id);
        return true;
      });
  if (is_done) return;
  MutexLock lock(&mutex_);
  const Request* request = Find(id);
  use(request);
  // (It may have been done just now.)
  if (request != nullptr && request->unanswered == 0) Remember(id);
}

absl::StatusOr<std::vector<absl::Status>> MeshWorker::OutcomesOf(
    const Request* request, MeshHandler handler, absl::Duration timeout) const {
  if (request == nullptr || MessageOf(handler) >= request->messages) {
    return IsNone(handler);
  }
  std::vector<absl::Status> outcomes;
  std::vector<uint32_t> silent;
  for (size_t i = 0; i < request->servers.size(); ++i) {
    if (request->is_cancelled) {
      outcomes.push_back(absl::CancelledError("the request was cancelled"));
    } else if (request->outcomes[i].has_value()) {
      outcomes.push_back(*request->outcomes[i]);
    } else {
      silent.push_back(request->servers[i]);
    }
  }
  if (silent.empty()) return outcomes;
  return absl::DeadlineExceededError(absl::StrCat(
      "handler ", handler, ": after ", absl::FormatDuration(timeout),
      " there is no answer of server ", absl::StrJoin(silent, ", "),
      "; wait again, or cancel it"));
}

absl::StatusOr<std::vector<absl::Status>> MeshWorker::WaitEach(
    MeshHandler handler, absl::Duration timeout) {
  absl::StatusOr<std::vector<absl::Status>> outcomes;
  WaitAndUse(RequestOf(handler), timeout, [&](const Request* request) {
    mutex_.AssertHeld();
    outcomes = OutcomesOf(request, handler, timeout);
  });
  return outcomes;
}

absl::Status MeshWorker::Wait(MeshHandler handler, absl::Duration timeout) {
  absl::Status status;
  WaitAndUse(RequestOf(handler), timeout, [&](const Request* request) {
    mutex_.AssertHeld();
    const auto outcomes = OutcomesOf(request, handler, timeout);
    status = outcomes.status();
    if (!status.ok()) return;
    std::string text;
    for (size_t i = 0; i < outcomes->size(); ++i) {
      const absl::Status& each = (*outcomes)[i];
      if (each.ok()) continue;
      status.Update(each);
      absl::StrAppend(&text, text.empty() ? "" : "; ", "server ",
                      request->servers[i], ": ", each.message());
    }
    if (!status.ok()) status = absl::Status(status.code(), text);
  });
  return status;
}

absl::Status MeshWorker::Cancel(MeshHandler handler) {
  const uint64_t id = RequestOf(handler);
  {
    MutexLock lock(&mutex_);
    const auto found = in_flight_.find(id);
    if (found == in_flight_.end()) {
      return Find(id) == nullptr ? IsNone(handler) : absl::OkStatus();
    }
    found->second.is_cancelled = true;
    if (found->second.unanswered == 0) Remember(id);
  }
  bell_->Ring();
  return absl::OkStatus();
}

std::vector<MeshHandler> MeshWorker::GetAllHandlers(MeshHandler handler) const {
  MutexLock lock(&mutex_);
  const auto found = in_flight_.find(RequestOf(handler));
  if (found == in_flight_.end()) return {handler};
  std::vector<MeshHandler> handlers;
  for (uint32_t i = 0; i < found->second.messages; ++i) {
    handlers.push_back(HandlerOf(found->first, i));
  }
  return handlers;
}

absl::StatusOr<std::vector<MeshTrace>> MeshWorker::FetchTrace(
    MeshHandler handler) const {
  MutexLock lock(&mutex_);
  const Request* request = Find(RequestOf(handler));
  if (request == nullptr || MessageOf(handler) >= request->messages) {
    return IsNone(handler);
  }
  return request->traces;
}

// --- together

absl::Status MeshWorker::Barrier(const MeshBarrier& scope,
                                 absl::Duration timeout) {
  {
    MutexLock lock(&mutex_);
    FAIRLEAD_RETURN_IF_ERROR(CheckRunning());
  }
  return member_.Barrier(scope, timeout);
}

absl::Status MeshWorker::Stop(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  {
    MutexLock lock(&mutex_);
    FAIRLEAD_RETURN_IF_ERROR(CheckRunning());
    is_stopped_ = true;
  }
  member_.rendezvous().WatchGone(nullptr);
  // First, so that nobody writes to a tensor whose request is settled below.
  for (const auto& transport : transports_) transport->Close(deadline);
  {
    MutexLock lock(&mutex_);
    for (auto& [id, request] : in_flight_) {
      for (size_t i = 0; i < request.servers.size(); ++i) {
        Settle(request, i, absl::CancelledError("the worker was stopped"));
      }
    }
  }
  bell_->Ring();
  return member_.BarrierOfAll("stop", deadline);
}

}  // namespace fairlead
