#include "libs/dist_context/dist_session.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/rpc/registry_address.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

constexpr size_t kMostLetters = 32;

// How long one who waited for somebody who is gone waits for the registry to
// say whether that had been there in time.
constexpr absl::Duration kLastWord = absl::Seconds(2);

absl::Status CheckJob(const std::string& name) {
  const bool is_name =
      !name.empty() && name.size() <= kMostLetters &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == ':' ||
               c == '-';
      });
  if (is_name) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("job.name: \"", name, "\" must be 1 to ", kMostLetters,
                   " characters of [A-Za-z0-9._:-]"));
}

absl::Status CheckRole(const DistSession& session, DistRole role,
                       absl::string_view what) {
  if (session.context().role == role) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(what, ": is for a ", DistRoleName(role), ", and ",
                   session.context().worker_name(), " is a ",
                   DistRoleName(session.context().role)));
}

absl::Status NoGroup(const DistSession& session, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(
      what, ": ", session.context().worker_name(),
      session.is_shut_down() ? " was shut down; init another session"
                             : " is a dynamic client, which has no group"));
}

}  // namespace

DistSession::DistSession(DistContext context, JobOptions job, bool is_dynamic)
    : context_(std::move(context)),
      job_(std::move(job)),
      is_dynamic_(is_dynamic),
      member_name_(MemberName(context_, job_.name)),
      has_seen_clients_(!is_dynamic && context_.num_clients() > 0) {}

absl::StatusOr<std::unique_ptr<DistSession>> StartDistSession(
    DistContext context, JobOptions job, bool is_dynamic) {
  FAIRLEAD_RETURN_IF_ERROR(CheckJob(job.name));
  FAIRLEAD_ASSIGN_OR_RETURN(job.registry, rpc::RegistryAddress(job.registry));
  const absl::Time deadline = absl::Now() + job.timeout;
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<DistSession> session(
      new DistSession(std::move(context), std::move(job), is_dynamic));
  FAIRLEAD_RETURN_IF_ERROR(session->Meet(deadline));
  return session;
}

absl::Status DistSession::Meet(absl::Time deadline) {
  Membership::Options options;
  options.registry = job_.registry;
  options.security = job_.security;
  options.connect_timeout = job_.timeout;
  options.member.set_member_name(member_name_);
  options.member.set_role(v1::ROLE_TRAINER);
  options.member.set_address(job_.rpc_address);
  if (job_.lease > absl::ZeroDuration()) {
    const int64_t nanoseconds = absl::ToInt64Nanoseconds(job_.lease);
    options.member.mutable_lease()->set_seconds(nanoseconds / 1'000'000'000);
    options.member.mutable_lease()->set_nanos(
        static_cast<int32_t>(nanoseconds % 1'000'000'000));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(membership_, Membership::Start(std::move(options)));
  FAIRLEAD_RETURN_IF_ERROR(StartWatch(deadline));
  if (is_dynamic_ && context_.is_client()) return MeetServers(deadline);
  FAIRLEAD_RETURN_IF_ERROR(MeetAll(deadline));
  group_ = std::make_unique<Rendezvous>(
      membership_.get(),
      absl::StrCat(job_.name, "/", DistRoleName(context_.role)),
      context_.world_size, context_.rank);
  global_ = std::make_unique<Rendezvous>(
      membership_.get(), absl::StrCat(job_.name, "/global"),
      context_.global_world_size, context_.global_rank);
  // A watch's first news is of a moment after its start: all who met are in it.
  return StartWatch(deadline);
}

absl::Status DistSession::StartWatch(absl::Time deadline) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      watch_, MemberWatch::Start({.registry = job_.registry,
                                  .security = job_.security,
                                  .role = v1::ROLE_TRAINER,
                                  .name_prefix = absl::StrCat(job_.name, "/"),
                                  .connect_timeout = deadline - absl::Now(),
                                  .on_change = [this](const auto& members) {
                                    OnMembers(members);
                                  }}));
  return absl::OkStatus();
}

absl::Status DistSession::CheckNoTwin() const {
  for (const auto& [name, member] : watch_->members()) {
    const std::optional<DistPeer> peer = ParsePeer(member);
    if (!peer.has_value() || peer->role != context_.role ||
        peer->rank != context_.rank || name == member_name_) {
      continue;
    }
    return absl::AlreadyExistsError(
        absl::StrCat("job ", job_.name, ": ", DistRoleName(context_.role),
                     " rank ", context_.rank, " is taken by ", name, ", and ",
                     member_name_, " asks for it too; give each its own"));
  }
  return absl::OkStatus();
}

absl::Status DistSession::MeetAll(absl::Time deadline) {
  // A group of its own, with the one round: what comes after may start anew.
  Rendezvous door(membership_.get(), absl::StrCat(job_.name, "/init"),
                  context_.global_world_size, context_.global_rank);
  const std::string mine = absl::StrJoin(
      {std::string(DistRoleName(context_.role)), context_.worker_name(),
       context_.group_name, absl::StrCat(context_.num_servers()),
       absl::StrCat(context_.num_clients())},
      " ");
  while (true) {
    const uint64_t version = watch_->version();
    const absl::StatusOr<std::vector<Rendezvous::Value>> values =
        door.AllGather(mine, deadline - absl::Now());
    if (values.ok()) return CheckSame(*values);
    // One who left again may come back: it is started again, say.
    if (absl::IsAborted(values.status()) && absl::Now() < deadline) continue;
    if (!absl::IsAlreadyExists(values.status())) return values.status();
    FAIRLEAD_RETURN_IF_ERROR(CheckNoTwin());
    // Whoever had the rank is gone: it was of an earlier session, of which some
    // are there still. Or its coming is news to us yet.
    if (!watch_->AwaitChange(version, deadline)) {
      return absl::DeadlineExceededError(
          absl::StrCat("job ", job_.name,
                       ": processes of an earlier start are still there "
                       "and did not leave within ",
                       absl::FormatDuration(job_.timeout),
                       "; end them, or give this job another name (",
                       std::string(values.status().message()), ")"));
    }
  }
}

absl::Status DistSession::CheckSame(
    const std::vector<Rendezvous::Value>& values) {
  std::set<std::string> names;
  for (const Rendezvous::Value& value : values) {
    const std::vector<std::string> parts = absl::StrSplit(value.value, ' ');
    uint32_t servers = 0;
    uint32_t clients = 0;
    if (parts.size() != 5 || !absl::SimpleAtoi(parts[3], &servers) ||
        !absl::SimpleAtoi(parts[4], &clients)) {
      return absl::FailedPreconditionError(
          absl::StrCat("job ", job_.name, ": ", value.member_name,
                       " is of another version; start all with the same"));
    }
    const auto mismatch = [&](absl::string_view what, const auto& here,
                              const auto& there) {
      return absl::FailedPreconditionError(
          absl::StrCat("job ", job_.name, ": ", what, " is ", here, " at ",
                       context_.worker_name(), " and ", there, " at ", parts[1],
                       "; start all with the same"));
    };
    if (servers != context_.num_servers()) {
      return mismatch("num_servers", context_.num_servers(), servers);
    }
    if (clients != context_.num_clients()) {
      return mismatch("num_clients", context_.num_clients(), clients);
    }
    if (parts[0] == DistRoleName(context_.role) &&
        parts[2] != context_.group_name) {
      return mismatch("group_name", context_.group_name, parts[2]);
    }
    if (!names.insert(parts[1]).second) {
      return absl::FailedPreconditionError(
          absl::StrCat("job ", job_.name,
                       ": servers and clients are both of "
                       "group ",
                       parts[2], "; give each role its own name"));
    }
    names_.push_back(parts[1]);
  }
  return absl::OkStatus();
}

absl::Status DistSession::MeetServers(absl::Time deadline) {
  FAIRLEAD_RETURN_IF_ERROR(CheckNoTwin());
  const bool are_there = watch_->Await(
      [this](const MemberWatch::Members& members) {
        return Missing(RanksOf(members, DistRole::kServer),
                       context_.num_servers())
            .empty();
      },
      deadline);
  if (are_there) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat(
      "job ", job_.name, ": these servers of ", context_.num_servers(),
      " did not come within ", absl::FormatDuration(job_.timeout), ": ",
      absl::StrJoin(Missing(RanksOf(watch_->members(), DistRole::kServer),
                            context_.num_servers()),
                    ", ")));
}

std::vector<DistPeer> DistSession::Peers() const {
  return ParsePeers(watch_->members());
}

bool DistSession::AwaitPeers(
    absl::FunctionRef<bool(const std::vector<DistPeer>&)> holds,
    absl::Time deadline) const {
  return watch_->Await(
      [holds](const MemberWatch::Members& members) {
        return holds(ParsePeers(members));
      },
      deadline);
}

std::map<DistRole, std::vector<std::string>> DistSession::WorkerNames() const {
  std::map<DistRole, std::vector<std::string>> names;
  for (DistPeer& peer : Peers()) {
    names[peer.role].push_back(std::move(peer.worker_name));
  }
  return names;
}

uint32_t DistSession::RanksIn(DistRole role) const {
  switch (role) {
    case DistRole::kServer:
      return context_.num_servers();
    case DistRole::kClient:
      return context_.num_clients();
    case DistRole::kWorker:
      break;
  }
  return context_.is_worker() ? context_.world_size : 0;
}

absl::StatusOr<DistPeer> DistSession::FindPeer(DistRole role,
                                               uint32_t rank) const {
  const uint32_t ranks = RanksIn(role);
  // How many clients there are nobody knows if they come and go.
  if (rank >= ranks && !(is_dynamic_ && role == DistRole::kClient)) {
    return absl::InvalidArgumentError(
        absl::StrCat("job ", job_.name, ": has no ", DistRoleName(role), " ",
                     rank, "; it has ", ranks, ", counted from 0"));
  }
  for (DistPeer& peer : Peers()) {
    if (peer.role == role && peer.rank == rank) return std::move(peer);
  }
  return absl::UnavailableError(
      absl::StrCat("job ", job_.name, ": ", DistRoleName(role), " ", rank,
                   " is not there; it has left or died, or not yet come"));
}

absl::StatusOr<DistPeer> DistSession::FindPeer(
    absl::string_view worker_name) const {
  std::vector<std::string> names;
  for (DistPeer& peer : Peers()) {
    if (peer.role != context_.role) continue;
    if (peer.worker_name == worker_name) return std::move(peer);
    names.push_back(peer.worker_name);
  }
  return absl::NotFoundError(absl::StrCat(
      "job ", job_.name, ": group ", context_.group_name, " has no member ",
      worker_name, "; there are ", absl::StrJoin(names, ", ")));
}

std::vector<std::string> DistSession::GoneOf(
    Meeting meeting, const MemberWatch::Members& members) const {
  std::vector<std::string> gone;
  for (const DistRole role :
       {DistRole::kWorker, DistRole::kServer, DistRole::kClient}) {
    if (meeting == Meeting::kGroup && role != context_.role) continue;
    const uint32_t ranks = RanksIn(role);
    const size_t first = role == DistRole::kClient ? context_.num_servers() : 0;
    for (const uint32_t rank : Missing(RanksOf(members, role), ranks)) {
      gone.push_back(names_[first + rank]);
    }
  }
  return gone;
}

void DistSession::OnMembers(const MemberWatch::Members& members) {
  MutexLock lock(&mutex_);
  if (stop_ == nullptr || GoneOf(meeting_, members).empty()) return;
  stop_->request_stop();
}

absl::StatusOr<std::map<std::string, std::string>> DistSession::Gather(
    Meeting meeting, Rendezvous& group, absl::string_view value,
    absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  absl::StatusOr<std::vector<Rendezvous::Value>> values;
  while (true) {
    std::stop_source stop;
    {
      MutexLock lock(&mutex_);
      meeting_ = meeting;
      stop_ = &stop;
    }
    OnMembers(watch_->members());
    values = group.AllGather(value, deadline - absl::Now(), stop.get_token());
    {
      MutexLock lock(&mutex_);
      stop_ = nullptr;
    }
    if (values.ok() || !stop.stop_requested()) break;
    // One who has left may have done so after it had sent its value, and all
    // the others theirs: then the round is complete, and is answered at once.
    values =
        group.AllGather(value, std::min(deadline - absl::Now(), kLastWord));
    if (values.ok() || absl::Now() >= deadline) break;
    const std::vector<std::string> gone = GoneOf(meeting, watch_->members());
    if (gone.empty()) continue;  // it is back
    return absl::AbortedError(absl::StrCat(
        "job ", job_.name, ": ", context_.worker_name(),
        " waited for those who had left or died: ", absl::StrJoin(gone, ", "),
        " (", std::string(values.status().message()), ")"));
  }
  if (!values.ok()) return values.status();
  const size_t first = meeting == Meeting::kGroup && context_.is_client()
                           ? context_.num_servers()
                           : 0;
  std::map<std::string, std::string> by_name;
  for (size_t i = 0; i < values->size(); ++i) {
    by_name[names_[first + i]] = (*values)[i].value;
  }
  return by_name;
}

absl::StatusOr<std::map<std::string, std::string>> DistSession::AllGather(
    absl::string_view value, absl::Duration timeout) {
  if (group_ == nullptr) return NoGroup(*this, "all_gather");
  return Gather(Meeting::kGroup, *group_, value, timeout);
}

absl::StatusOr<std::map<std::string, std::string>> DistSession::GlobalAllGather(
    absl::string_view value, absl::Duration timeout) {
  if (global_ == nullptr) return NoGroup(*this, "global_all_gather");
  return Gather(Meeting::kGlobal, *global_, value, timeout);
}

void DistSession::Exit() {
  was_told_to_exit_ = true;
  watch_->Reconsider();
}

absl::Status DistSession::WaitForExit(absl::Time deadline) const {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckRole(*this, DistRole::kServer, "wait_for_exit"));
  const bool has_come = watch_->Await(
      [this](const MemberWatch::Members& members) {
        if (was_told_to_exit_) return true;
        const bool any = !RanksOf(members, DistRole::kClient).empty();
        if (any) has_seen_clients_ = true;
        return !any && has_seen_clients_;
      },
      deadline);
  if (has_come) return absl::OkStatus();
  auto names = WorkerNames();
  return absl::DeadlineExceededError(absl::StrCat(
      "job ", job_.name, ": nobody called Exit, and ",
      names[DistRole::kClient].empty()
          ? "no client has come yet"
          : absl::StrCat("these clients are still there: ",
                         absl::StrJoin(names[DistRole::kClient], ", "))));
}

absl::Status DistSession::Shutdown(absl::Duration timeout) {
  if (is_shut_down_) return absl::OkStatus();
  absl::Status met;
  if (group_ != nullptr) {
    const std::vector<uint32_t> gone =
        Missing(RanksOf(watch_->members(), context_.role), context_.world_size);
    met = gone.empty() ? Barrier(timeout)
                       : absl::AbortedError(absl::StrCat(
                             "job ", job_.name, ": ", context_.worker_name(),
                             " shut down alone: these ranks of group ",
                             context_.group_name,
                             " had left or died: ", absl::StrJoin(gone, ", ")));
  }
  is_shut_down_ = true;
  group_ = nullptr;
  global_ = nullptr;
  membership_ = nullptr;
  return met;
}

absl::StatusOr<std::unique_ptr<DistSession>> InitWorkerGroup(
    const InitWorkerGroupOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      DistContext context,
      MakeWorkerContext(options.world_size, options.rank, options.group_name));
  return StartDistSession(std::move(context), options.job, false);
}

absl::StatusOr<std::unique_ptr<DistSession>> InitServer(
    const InitServerOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      DistContext context,
      MakeServerContext(options.num_servers,
                        options.is_dynamic ? 0 : options.num_clients,
                        options.server_rank, options.group_name));
  return StartDistSession(std::move(context), options.job, options.is_dynamic);
}

absl::StatusOr<std::unique_ptr<DistSession>> InitClient(
    const InitClientOptions& options) {
  uint32_t num_clients = options.num_clients;
  if (options.is_dynamic && num_clients <= options.client_rank) {
    num_clients = options.client_rank + 1;
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      DistContext context,
      MakeClientContext(options.num_servers, num_clients, options.client_rank,
                        options.group_name));
  return StartDistSession(std::move(context), options.job, options.is_dynamic);
}

absl::Status ShutdownClient(DistSession& session, absl::Duration timeout) {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckRole(session, DistRole::kClient, "shutdown_client"));
  return session.Shutdown(timeout);
}

absl::Status WaitAndShutdownServer(
    DistSession& session, const WaitAndShutdownServerOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(session.WaitForExit(options.exit_deadline));
  absl::Status first;
  if (options.shut_down != nullptr) first = options.shut_down();
  first.Update(session.Shutdown(options.timeout));
  return first;
}

}  // namespace fairlead
