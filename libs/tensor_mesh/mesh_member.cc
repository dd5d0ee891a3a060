#include "libs/tensor_mesh/mesh_member.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"

namespace fairlead::internal {
namespace {

constexpr absl::Duration kToLeave = absl::Seconds(1);

// Whether an attempt to link may succeed later.
bool MayBeMended(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsNotFound(status) || absl::IsPermissionDenied(status);
}

absl::Status WaitedInVain(const std::vector<uint32_t>& members) {
  return absl::DeadlineExceededError(absl::StrCat(
      "waited in vain for members ", absl::StrJoin(members, ", ")));
}

}  // namespace

MeshMember::MeshMember(MeshConfig config,
                       std::shared_ptr<MeshRendezvous> rendezvous)
    : config_(std::move(config)),
      routes_(
          config_.routes.has_value()
              ? *config_.routes
              : MeshRoutes::AllToAll(config_.num_workers, config_.num_servers)),
      rendezvous_(std::move(rendezvous)),
      number_(config_.role == MeshRole::kWorker ? WorkerNumber(config_.rank)
                                                : ServerNumber(config_.rank)),
      life_(absl::Uniform<uint64_t>(absl::IntervalClosed, absl::BitGen(), 1,
                                    UINT64_MAX)),
      all_(config_.num_workers + config_.num_servers) {
  std::iota(all_.begin(), all_.end(), 0);
}

std::string MeshMember::NameOf(uint32_t number) const {
  return number < config_.num_workers
             ? absl::StrCat("worker ", number)
             : absl::StrCat("server ", number - config_.num_workers);
}

absl::Status MeshMember::Explain(const absl::Status& status) const {
  if (status.ok()) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(name(), ": ", status.message(), " (members 0 to ",
                   config_.num_workers - 1, " are workers, ",
                   config_.num_workers, " to ", all_.back(), " servers)"));
}

bool MeshMember::IsFounder(uint32_t number) const {
  const bool is_worker = number < config_.num_workers;
  const uint32_t rank = is_worker ? number : number - config_.num_workers;
  const uint32_t founders =
      is_worker ? config_.founding_workers : config_.founding_servers;
  return founders == 0 || rank < founders;
}

// --- the board

absl::Status MeshMember::Post(absl::FunctionRef<void(MeshLine&)> change,
                              absl::Time deadline) {
  MutexLock lock(&post_mutex_);
  change(line_);
  return Explain(rendezvous_->Post(line_.Encode(), deadline));
}

void MeshMember::OnLines(const MeshRendezvous::Lines& lines) {
  MutexLock lock(&mutex_);
  Board board;
  for (const auto& [number, text] : lines) {
    if (number == number_ || number >= all_.size()) continue;
    MeshLine& line = board[number];  // without a life until it says something
    if (text.empty()) continue;
    absl::StatusOr<MeshLine> parsed = MeshLine::Parse(text);
    if (parsed.ok()) {
      line = *std::move(parsed);
      if (linked_[number].life == 0) linked_.erase(number);
    } else {
      linked_[number] = {0, parsed.status()};
    }
  }
  for (const auto& [number, line] : board_) {
    const auto now = board.find(number);
    if (now == board.end() || (now->second.life == 0 && line.life != 0)) {
      gone_[number] = line;
    }
  }
  for (const auto& [number, line] : board) {
    if (line.life != 0) gone_.erase(number);
  }
  board_ = std::move(board);
  is_changed_ = true;
}

absl::Status MeshMember::Enter(MeshLine offer, absl::Time deadline) {
  // Who sees this member's line is seen by it.
  rendezvous_->Watch(
      [this](const MeshRendezvous::Lines& lines) { OnLines(lines); });
  return Post(
      [this, &offer](MeshLine& line) {
        line = std::move(offer);
        line.life = life_;
      },
      deadline);
}

void MeshMember::Leave() {
  rendezvous_->Watch(nullptr);
  MutexLock lock(&post_mutex_);
  if (line_.life == 0 || line_.reached[kStopRound] > 0) return;
  // Who does not learn it like this sees the lease end.
  rendezvous_->Post("", absl::Now() + kToLeave).IgnoreError();
}

// --- linking

std::optional<MeshMember::Board> MeshMember::AwaitBoard(
    absl::Duration at_most) {
  MutexLock lock(&mutex_);
  const auto is_due = [this] {
    mutex_.AssertHeld();
    return is_changed_ || !links_;
  };
  mutex_.AwaitWithTimeout(absl::Condition(&is_due), at_most);
  if (!links_) return std::nullopt;
  is_changed_ = false;
  return board_;
}

void MeshMember::StopLinking() {
  MutexLock lock(&mutex_);
  links_ = false;
}

void MeshMember::SetLink(uint32_t rank, uint64_t life, absl::Status status) {
  MutexLock lock(&mutex_);
  linked_[PeerNumber(rank)] = {life, std::move(status)};
}

// --- the start

bool MeshMember::Runs() const {
  return std::any_of(board_.begin(), board_.end(), [](const auto& entry) {
    return entry.second.reached[kStartRound] >= 2;
  });
}

std::vector<uint32_t> MeshMember::Awaited() const {
  const bool runs = Runs();
  std::vector<uint32_t> awaited;
  for (const uint32_t number : all_) {
    if (number == number_) continue;
    const auto found = board_.find(number);
    const bool is_there = found != board_.end() && found->second.life != 0;
    const bool is_wanted = runs ? is_there : IsFounder(number);
    if (!is_wanted) continue;
    bool is_reached = is_there;
    if (is_there && std::any_of(peers().begin(), peers().end(),
                                [this, number](uint32_t rank) {
                                  return PeerNumber(rank) == number;
                                })) {
      const auto link = linked_.find(number);
      is_reached = link != linked_.end() && link->second.status.ok() &&
                   link->second.life == found->second.life;
    }
    if (!is_reached) awaited.push_back(number);
  }
  return awaited;
}

absl::Status MeshMember::FindGone(MeshRound round, uint64_t count) const {
  for (const auto& [number, line] : gone_) {
    if (line.reached[round] >= count) continue;
    return absl::UnavailableError(absl::StrCat("member ", number, " is gone"));
  }
  return absl::OkStatus();
}

absl::Status MeshMember::Hopeless() const {
  for (const auto& [number, link] : linked_) {
    if (MayBeMended(link.status) || link.status.ok() ||
        (!Runs() && !IsFounder(number))) {
      continue;
    }
    return absl::Status(
        link.status.code(),
        absl::StrCat(NameOf(number), ": ", link.status.message()));
  }
  return Runs() ? absl::OkStatus() : FindGone(kStartRound, 1);
}

absl::Status MeshMember::Start(absl::Time deadline) {
  bool runs = false;
  {
    MutexLock lock(&mutex_);
    const auto is_decided = [this] {
      mutex_.AssertHeld();
      return Runs() || Awaited().empty() || !Hopeless().ok();
    };
    mutex_.AwaitWithDeadline(absl::Condition(&is_decided), deadline);
    runs = Runs();
    const auto is_linked = [this] {
      mutex_.AssertHeld();
      return Awaited().empty() || !Hopeless().ok();
    };
    if (runs) {
      mutex_.AwaitWithDeadline(
          absl::Condition(&is_linked),
          std::min(deadline, absl::Now() + config_.peer_timeout));
    }
    FAIRLEAD_RETURN_IF_ERROR(Explain(Hopeless()));
    const std::vector<uint32_t> awaited = Awaited();
    if (!awaited.empty() && !runs) {
      std::string why(WaitedInVain(awaited).message());
      for (const uint32_t number : awaited) {
        const auto link = linked_.find(number);
        if (link == linked_.end()) continue;
        absl::StrAppend(&why, "; ", NameOf(number), ": ",
                        link->second.status.message());
      }
      return Explain(absl::DeadlineExceededError(why));
    }
  }
  if (runs) return JoinRounds(deadline);
  const auto say = [this, deadline](uint64_t stage) {
    return Post([stage](MeshLine& line) { line.reached[kStartRound] = stage; },
                deadline);
  };
  FAIRLEAD_RETURN_IF_ERROR(say(1));
  {
    MutexLock lock(&mutex_);
    const auto missing = [this] {
      mutex_.AssertHeld();
      std::vector<uint32_t> members;
      for (const uint32_t number : all_) {
        const auto found = board_.find(number);
        if (number != number_ && IsFounder(number) && !gone_.contains(number) &&
            (found == board_.end() || !found->second.TakesPart())) {
          members.push_back(number);
        }
      }
      return members;
    };
    const auto is_met = [this, &missing] {
      mutex_.AssertHeld();
      return Runs() || !FindGone(kStartRound, 1).ok() || missing().empty();
    };
    if (!mutex_.AwaitWithDeadline(absl::Condition(&is_met), deadline)) {
      return Explain(WaitedInVain(missing()));
    }
    FAIRLEAD_RETURN_IF_ERROR(Explain(FindGone(kStartRound, 1)));
  }
  return say(2);
}

absl::Status MeshMember::JoinRounds(absl::Time deadline) {
  MutexLock barriers(&barrier_mutex_);
  {
    MutexLock lock(&mutex_);
    for (const auto& [number, line] : board_) {
      for (MeshRound round = 0; round < kMeshRounds; ++round) {
        passed_[round] = std::max(passed_[round], line.reached[round]);
      }
    }
  }
  return Post(
      [this](MeshLine& line) {
        barrier_mutex_.AssertHeld();
        line.reached = passed_;
        line.reached[kStartRound] = 2;
        line.reached[kStopRound] = 0;
      },
      deadline);
}

// --- rounds

absl::Status MeshMember::Meet(MeshRound round, uint64_t count,
                              const std::vector<uint32_t>& members,
                              absl::Time deadline) {
  FAIRLEAD_RETURN_IF_ERROR(
      Post([round, count](MeshLine& line) { line.reached[round] = count; },
           deadline));
  MutexLock lock(&mutex_);
  const auto missing = [this, round, count, &members] {
    mutex_.AssertHeld();
    std::vector<uint32_t> behind;
    for (const uint32_t number : members) {
      const auto found = board_.find(number);
      if (found != board_.end() && found->second.TakesPart() &&
          found->second.reached[round] < count) {
        behind.push_back(number);
      }
    }
    return behind;
  };
  const auto is_met = [&missing] { return missing().empty(); };
  if (mutex_.AwaitWithDeadline(absl::Condition(&is_met), deadline)) {
    return absl::OkStatus();
  }
  return Explain(WaitedInVain(missing()));
}

absl::Status MeshMember::Barrier(const MeshBarrier& scope,
                                 absl::Duration timeout) {
  const uint32_t step = scope.every_process ? 1 : config_.group_size;
  std::vector<uint32_t> members;
  if (scope.workers) {
    for (uint32_t i = 0; i < config_.num_workers; i += step) {
      members.push_back(WorkerNumber(i));
    }
  }
  if (scope.servers) {
    for (uint32_t i = 0; i < config_.num_servers; i += step) {
      members.push_back(ServerNumber(i));
    }
  }
  if (!std::binary_search(members.begin(), members.end(), number_)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "barrier: ", name(), " is not among those who are to meet",
        scope.every_process ? ""
                            : "; of a node's processes only the first is"));
  }
  if (members.size() == 1) return absl::OkStatus();
  const MeshRound round = (scope.workers ? 1 : 0) | (scope.servers ? 2 : 0) |
                          (scope.every_process ? 4 : 0);
  MutexLock lock(&barrier_mutex_);
  FAIRLEAD_RETURN_IF_ERROR(
      Meet(round, passed_[round] + 1, members, absl::Now() + timeout));
  ++passed_[round];
  return absl::OkStatus();
}

absl::Status MeshMember::Stop(absl::Time deadline) {
  const absl::Status stopped = Meet(kStopRound, 1, all_, deadline);
  absl::Status gone;
  {
    MutexLock lock(&mutex_);
    gone = Explain(FindGone(kStopRound, 1));
  }
  // Who has seen all others stop may end: they know that it had stopped, too.
  if (stopped.ok()) Meet(kStopRound, 2, all_, deadline).IgnoreError();
  return gone.ok() ? stopped : gone;
}

}  // namespace fairlead::internal
