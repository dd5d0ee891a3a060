#include "libs/tensor_mesh/request_table.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"

namespace fairlead::internal {
namespace {

absl::Status IsNone(MeshHandler handler) {
  return absl::NotFoundError(absl::StrCat(
      "handler ", handler,
      ": is none of this worker's, or of a request so long done that "
      "trace_history others were done since"));
}

}  // namespace

absl::Status RequestTable::Admit(const std::shared_ptr<MeshRequest>& request,
                                 int64_t now) {
  request->lives.clear();
  for (const uint32_t server : request->servers) {
    const auto found = servers_.find(server);
    if (found == servers_.end() || !found->second.lost.ok()) {
      return absl::UnavailableError(absl::StrCat(
          "server ", server, ": ",
          found == servers_.end() ? absl::string_view("has not joined")
                                  : found->second.lost.message(),
          "; name the live_servers() to go on without it"));
    }
    request->lives.push_back(found->second.life);
  }
  if (in_flight_.size() >= max_in_flight_) {
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
  Record& record = in_flight_[request->id];
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

void RequestTable::Withdraw(uint64_t id) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  Release(found->second);
  in_flight_.erase(found);
}

// --- answers

std::shared_ptr<const MeshRequest> RequestTable::FindAwaited(
    uint32_t server, uint64_t id) const {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end() || found->second.sent == nullptr) {
    return nullptr;
  }
  const Record& record = found->second;
  const size_t index = record.sent->IndexOf(server);
  if (index == record.servers.size() || record.outcomes[index].has_value()) {
    return nullptr;
  }
  return record.sent;
}

void RequestTable::OnReply(uint32_t server, uint64_t id, const WireReply& reply,
                           int64_t received_ns, int64_t now) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end() || found->second.sent == nullptr) return;
  Record& record = found->second;
  const size_t index = record.sent->IndexOf(server);
  std::array<int64_t, 8>& points = record.traces[index].ns;
  points[MeshTrace::kRequestPostSend] = record.sent->posted_ns[index];
  std::copy(reply.stamps.begin(), reply.stamps.end(),
            points.begin() + MeshTrace::kRequestPostRecv);
  points[MeshTrace::kResponsePostRecv] = received_ns;
  points[MeshTrace::kResponseProcess] = now;
  Settle(record, index, reply.status);
  if (record.is_cancelled && record.unanswered == 0) Remember(id);
}

void RequestTable::OnLinked(uint32_t server, uint64_t life) {
  servers_[server] = {.life = life};
}

void RequestTable::OnLost(uint32_t server, const absl::Status& why,
                          const absl::Status& outcome) {
  servers_[server].lost = why;
  std::vector<uint64_t> cancelled;
  for (auto& [id, record] : in_flight_) {
    const auto at =
        std::find(record.servers.begin(), record.servers.end(), server);
    if (at == record.servers.end()) continue;
    Settle(record, static_cast<size_t>(at - record.servers.begin()), outcome);
    if (record.is_cancelled && record.unanswered == 0) cancelled.push_back(id);
  }
  for (const uint64_t id : cancelled) Remember(id);
}

void RequestTable::Settle(uint64_t id, uint32_t server,
                          const absl::Status& outcome) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end() || found->second.sent == nullptr) return;
  Settle(found->second, found->second.sent->IndexOf(server), outcome);
}

void RequestTable::SettleAll(const absl::Status& outcome) {
  for (auto& [id, record] : in_flight_) {
    for (size_t i = 0; i < record.servers.size(); ++i) {
      Settle(record, i, outcome);
    }
  }
}

void RequestTable::Settle(Record& record, size_t server, absl::Status outcome) {
  if (record.outcomes[server].has_value()) return;
  record.outcomes[server] = std::move(outcome);
  if (--record.unanswered == 0) Release(record);
}

void RequestTable::Release(Record& record) {
  if (record.sent == nullptr) return;
  for (const MeshPush& push : record.sent->pushes) busy_pushes_.erase(push.key);
  for (const MeshPull& pull : record.sent->pulls) busy_pulls_.erase(pull.key);
  record.sent.reset();
}

absl::Status RequestTable::Cancel(MeshHandler handler) {
  const uint64_t id = RequestOf(handler);
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) {
    return Find(id) == nullptr ? IsNone(handler) : absl::OkStatus();
  }
  found->second.is_cancelled = true;
  if (found->second.unanswered == 0) Remember(id);
  return absl::OkStatus();
}

void RequestTable::Remember(uint64_t id) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  remembered_[id] = std::move(found->second);
  in_flight_.erase(found);
  remembered_order_.push_back(id);
  while (remembered_order_.size() > trace_history_) {
    remembered_.erase(remembered_order_.front());
    remembered_order_.pop_front();
  }
}

// --- what is known of one

const RequestTable::Record* RequestTable::Find(uint64_t id) const {
  auto found = in_flight_.find(id);
  if (found != in_flight_.end()) return &found->second;
  found = remembered_.find(id);
  return found == remembered_.end() ? nullptr : &found->second;
}

absl::StatusOr<const RequestTable::Record*> RequestTable::FindMessage(
    MeshHandler handler) const {
  constexpr MeshHandler kMessages = (MeshHandler{1} << kMessageBits) - 1;
  const Record* record = Find(RequestOf(handler));
  if (record == nullptr || (handler & kMessages) >= record->messages) {
    return IsNone(handler);
  }
  return record;
}

absl::StatusOr<std::vector<absl::Status>> RequestTable::OutcomesOf(
    MeshHandler handler, absl::Duration timeout) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const Record* record, FindMessage(handler));
  std::vector<absl::Status> outcomes;
  std::vector<uint32_t> silent;
  for (size_t i = 0; i < record->servers.size(); ++i) {
    if (record->is_cancelled) {
      outcomes.push_back(absl::CancelledError("the request was cancelled"));
    } else if (record->outcomes[i].has_value()) {
      outcomes.push_back(*record->outcomes[i]);
    } else {
      silent.push_back(record->servers[i]);
    }
  }
  if (silent.empty()) return outcomes;
  return absl::DeadlineExceededError(absl::StrCat(
      "handler ", handler, ": after ", absl::FormatDuration(timeout),
      " there is no answer of server ", absl::StrJoin(silent, ", "),
      "; wait again, or cancel it"));
}

std::vector<uint32_t> RequestTable::known_servers() const {
  std::vector<uint32_t> known;
  for (const auto& [rank, server] : servers_) known.push_back(rank);
  return known;
}

std::vector<uint32_t> RequestTable::live_servers() const {
  std::vector<uint32_t> live;
  for (const auto& [rank, server] : servers_) {
    if (server.lost.ok()) live.push_back(rank);
  }
  return live;
}

std::vector<MeshHandler> RequestTable::HandlersOf(MeshHandler handler) const {
  const auto found = in_flight_.find(RequestOf(handler));
  if (found == in_flight_.end()) return {handler};
  std::vector<MeshHandler> handlers;
  for (uint32_t i = 0; i < found->second.messages; ++i) {
    handlers.push_back(HandlerOf(found->first, i));
  }
  return handlers;
}

}  // namespace fairlead::internal
