#ifndef FAIRLEAD_LIBS_DIST_CONTEXT_DIST_SESSION_H_
#define FAIRLEAD_LIBS_DIST_CONTEXT_DIST_SESSION_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/dist_context/dist_context.h"
#include "libs/dist_context/dist_peers.h"
#include "libs/membership/member_watch.h"
#include "libs/membership/membership.h"
#include "libs/membership/rendezvous.h"
#include "libs/rpc/security.h"
#include "libs/sync/mutex.h"

namespace fairlead {

// What all processes of a job say alike, but for `rpc_address`.
struct JobOptions {
  // As rpc::RegistryAddress has it: empty for the environment's.
  std::string registry = "127.0.0.1:7100";

  // Of this process, towards the registry and the others; null: plain text.
  std::shared_ptr<rpc::Security> security = nullptr;

  // Which job: 1 to 32 characters of [A-Za-z0-9._:-]. Jobs do not meet.
  std::string name = "job";

  // host:port where the others can call this process (libs/dist_rpc); empty if
  // they cannot.
  std::string rpc_address = {};

  absl::Duration timeout = absl::Seconds(180);  // for all to meet
  absl::Duration lease = {};  // zero means the registry's default
};

struct InitWorkerGroupOptions {
  uint32_t world_size = 1;
  uint32_t rank = 0;
  std::string group_name = {};
  JobOptions job = {};
};

struct InitServerOptions {
  uint32_t num_servers = 1;
  uint32_t server_rank = 0;
  uint32_t num_clients = 0;
  // Clients come and go: they are not waited for, num_clients is not looked at.
  bool is_dynamic = false;
  std::string group_name = {};
  JobOptions job = {};
};

struct InitClientOptions {
  uint32_t num_servers = 1;
  uint32_t num_clients = 1;
  uint32_t client_rank = 0;
  // Waits for the servers and not for other clients, whatever num_clients; the
  // servers must be dynamic, too. Such clients have no group to meet in.
  bool is_dynamic = false;
  std::string group_name = {};
  JobOptions job = {};
};

// One process's part in a job, from its init to its shutdown (parity GL-001 to
// GL-016, GL-120 to GL-125, DS-14 to DS-17).
//
//   FAIRLEAD_ASSIGN_OR_RETURN(const auto session, InitClient(
//       {.num_servers = 2, .num_clients = 4, .client_rank = 1,
//        .job = {.registry = "10.0.0.1:7100", .name = "train7"}}));
//   FAIRLEAD_ASSIGN_OR_RETURN(const auto losses, session->AllGather(
//       SerializeLoss(loss), absl::Minutes(1)));  // {"_default_client_0": …}
//   FAIRLEAD_RETURN_IF_ERROR(ShutdownClient(*session, absl::Minutes(1)));
//
// The original has module-level functions over one context of the process,
// which cannot be had again once it was shut down, and stays half made if init
// fails. Here the caller owns the session: a process may have several, one
// after the other or, as tests do, at a time; an init that fails leaves
// nothing behind.
//
// The ranks of a group must make the same calls of AllGather and Barrier, and
// of their global forms, in the same order; these four and Shutdown are for one
// thread at a time, everything else for any.
class DistSession {
 public:
  // Leaves the job; without Shutdown() the others will miss this one.
  ~DistSession() = default;

  const DistContext& context() const { return context_; }
  const std::string& job() const { return job_.name; }
  const std::string& registry() const { return job_.registry; }
  const std::shared_ptr<rpc::Security>& security() const {
    return job_.security;
  }
  bool is_shut_down() const { return is_shut_down_; }

  // --- who there is, as the registry says now --------------------------------
  std::vector<DistPeer> Peers() const;  // this one, too; by role, then rank
  // Waits until `holds` of Peers(); false if it does not by the deadline. It is
  // called as MemberWatch::Await says.
  bool AwaitPeers(absl::FunctionRef<bool(const std::vector<DistPeer>&)> holds,
                  absl::Time deadline) const;
  // By role, sorted by rank.
  std::map<DistRole, std::vector<std::string>> WorkerNames() const;
  // UNAVAILABLE if that process is not there (any more): it ended, or has not
  // yet begun. INVALID_ARGUMENT if there will never be such a rank.
  absl::StatusOr<DistPeer> FindPeer(DistRole role, uint32_t rank) const;
  // Of this one's group. NOT_FOUND, with the names that there are.
  absl::StatusOr<DistPeer> FindPeer(absl::string_view worker_name) const;

  // --- groups that meet ------------------------------------------------------
  // Values of all ranks of the role, or of all roles, by worker name. At most
  // 1 MiB each. Errors as Rendezvous::AllGather; ABORTED within seconds of one
  // being known to be gone, naming it, whether it had sent its value or not;
  // FAILED_PRECONDITION after Shutdown(), and for a dynamic client.
  absl::StatusOr<std::map<std::string, std::string>> AllGather(
      absl::string_view value, absl::Duration timeout);
  absl::StatusOr<std::map<std::string, std::string>> GlobalAllGather(
      absl::string_view value, absl::Duration timeout);
  // The original logs a barrier that failed, and goes on; this says so.
  absl::Status Barrier(absl::Duration timeout) {
    return AllGather("", timeout).status();
  }
  absl::Status GlobalBarrier(absl::Duration timeout) {
    return GlobalAllGather("", timeout).status();
  }

  // --- the end of a server ---------------------------------------------------
  // Any thread, any number of times.
  void Exit();
  // Returns at once when Exit() was called, or all clients have left or died:
  // the servers' end hangs on no one client. DEADLINE_EXCEEDED, naming the
  // clients that are there.
  absl::Status WaitForExit(absl::Time deadline) const;

  // Meets the group once more, so that none leaves while another needs it, and
  // leaves, whether they met or not: ABORTED at once, naming them, if some of
  // the group are gone; otherwise as Barrier. The second call does nothing.
  absl::Status Shutdown(absl::Duration timeout);

 private:
  friend absl::StatusOr<std::unique_ptr<DistSession>> StartDistSession(
      DistContext context, JobOptions job, bool is_dynamic);

  DistSession(DistContext context, JobOptions job, bool is_dynamic);

  absl::Status Meet(absl::Time deadline);
  absl::Status MeetAll(absl::Time deadline);
  absl::Status MeetServers(absl::Time deadline);
  absl::Status CheckSame(const std::vector<Rendezvous::Value>& values);
  absl::Status StartWatch(absl::Time deadline);
  // ALREADY_EXISTS if another member has this one's role and rank.
  absl::Status CheckNoTwin() const;
  // How many there are of a role.
  uint32_t RanksIn(DistRole role) const;
  // Who meets: all of this one's role, or of all roles.
  enum class Meeting { kGroup, kGlobal };
  absl::StatusOr<std::map<std::string, std::string>> Gather(
      Meeting meeting, Rendezvous& group, absl::string_view value,
      absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);
  // The worker names of those who are to meet and are not there (any more).
  std::vector<std::string> GoneOf(Meeting meeting,
                                  const MemberWatch::Members& members) const;
  // Who waits for one that has gone waits for nothing.
  void OnMembers(const MemberWatch::Members& members)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const DistContext context_;
  const JobOptions job_;
  const bool is_dynamic_;
  const std::string member_name_;
  std::vector<std::string> names_;  // worker names, by global rank

  Mutex mutex_;
  // The call of Gather() that is under way.
  Meeting meeting_ ABSL_GUARDED_BY(mutex_) = Meeting::kGroup;
  std::stop_source* stop_ ABSL_GUARDED_BY(mutex_) = nullptr;

  std::unique_ptr<Membership> membership_;  // until shutdown
  std::unique_ptr<MemberWatch> watch_;
  std::unique_ptr<Rendezvous> group_;  // none for a dynamic client
  std::unique_ptr<Rendezvous> global_;

  std::atomic<bool> is_shut_down_ = false;
  std::atomic<bool> was_told_to_exit_ = false;
  mutable std::atomic<bool> has_seen_clients_ = false;
};

// Join the job and return once all of it have, in whatever order they were
// started. A member that left again is waited for, as is the end of those of an
// earlier session of the job under the same name. Errors, all of them at once
// but for the first, and then this process has left the job:
//   DEADLINE_EXCEEDED    after job.timeout, naming the ranks that are missing;
//   INVALID_ARGUMENT     naming the field;
//   ALREADY_EXISTS       if another process has this rank, naming both;
//   FAILED_PRECONDITION  if another one named other counts, with both of them:
//                        at once if their sum differs, else when all are there;
//   UNAVAILABLE          if the registry cannot be reached.
absl::StatusOr<std::unique_ptr<DistSession>> InitWorkerGroup(
    const InitWorkerGroupOptions& options);
absl::StatusOr<std::unique_ptr<DistSession>> InitServer(
    const InitServerOptions& options);
absl::StatusOr<std::unique_ptr<DistSession>> InitClient(
    const InitClientOptions& options);

// DistSession::Shutdown of a client; FAILED_PRECONDITION for another role.
// Servers end when the last client has left, whichever that is (DS-61).
absl::Status ShutdownClient(DistSession& session, absl::Duration timeout);

struct WaitAndShutdownServerOptions {
  absl::Time exit_deadline = absl::InfiniteFuture();
  absl::Duration timeout = absl::Seconds(180);  // for the servers to meet

  // Takes down what the server has: for example DistServer::Shutdown. Its
  // error is returned in the end, and keeps no other server waiting.
  std::function<absl::Status()> shut_down = nullptr;
};

// WaitForExit, `shut_down`, DistSession::Shutdown: the last two whatever the
// one before returned; the first error. If exit does not come by its deadline
// nothing is shut down. FAILED_PRECONDITION for another role than server.
absl::Status WaitAndShutdownServer(DistSession& session,
                                   const WaitAndShutdownServerOptions& options);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_DIST_CONTEXT_DIST_SESSION_H_
