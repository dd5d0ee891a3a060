#include "services/registry/registry_core.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_state.h"

namespace fairlead {
namespace {

constexpr absl::Duration kRetry = absl::Seconds(1);
// Other registries may be faster again and again, but one of all succeeds.
constexpr int kMaxTries = 64;

// The least id that a registry gives that takes over what another left. The
// store may be a backup of long ago, and know nothing of the ids that were
// given since; but nobody gives a thousand a second for long, so this is above
// all of them.
uint64_t FirstIdAt(absl::Time now) {
  return static_cast<uint64_t>(std::max<int64_t>(absl::ToUnixMillis(now), 1));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RegistryCore>> RegistryCore::Create(
    const RegistryLimits& limits, RegistryStore& store, const Clock& clock,
    RegistryMetrics& metrics, rpc::Readiness& readiness, Listener& listener) {
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<RegistryCore> core(
      new RegistryCore(limits, store, clock, metrics, readiness, listener));
  FAIRLEAD_RETURN_IF_ERROR(store.HoldRegistry(core->incarnation_));
  FAIRLEAD_ASSIGN_OR_RETURN(const StoreContents contents, store.Load());
  RegistryState::Writes records;
  for (const auto& [key, value] : contents.records) {
    records.push_back({key, value});
  }
  {
    MutexLock writer(&core->commit_mutex_);
    core->revision_ = contents.revision;
    MutexLock lock(&core->mutex_);
    FAIRLEAD_RETURN_IF_ERROR(core->state_.Apply(records, clock.MonotonicNow()));
    if (!records.empty()) core->state_.GiveIdsFrom(FirstIdAt(clock.Now()));
  }
  FAIRLEAD_RETURN_IF_ERROR(core->Follow());
  return core;
}

RegistryCore::RegistryCore(const RegistryLimits& limits, RegistryStore& store,
                           const Clock& clock, RegistryMetrics& metrics,
                           rpc::Readiness& readiness, Listener& listener)
    : incarnation_(absl::Uniform<uint64_t>(absl::BitGen())),
      store_(store),
      clock_(clock),
      metrics_(metrics),
      readiness_(readiness),
      listener_(listener),
      state_(limits, incarnation_) {}

RegistryCore::~RegistryCore() { Stop(); }

void RegistryCore::Run() {
  store_.Watch([this] {
    MutexLock lock(&mutex_);
    store_changed_ = true;
    news_ = true;
  });
  keeper_ = std::thread([this] { RunKeeper(); });
}

void RegistryCore::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (keeper_.joinable()) keeper_.join();
}

absl::Status RegistryCore::Commit(const Plan& plan) {
  absl::Status status;
  {
    MutexLock writer(&commit_mutex_);
    status = CommitLocked(plan);
  }
  NotifyChanged();
  return status;
}

absl::Status RegistryCore::CommitLocked(const Plan& plan) {
  bool is_latest = false;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    const absl::StatusOr<RegistryState::Writes> writes = Read(plan);
    if (!writes.ok()) {
      if (is_latest) return writes.status();
      is_latest = true;
      FAIRLEAD_ASSIGN_OR_RETURN(const bool is_news, CatchUp());
      if (!is_news) return writes.status();
      continue;
    }
    if (writes->empty()) return absl::OkStatus();
    const absl::Duration start = clock_.MonotonicNow();
    const absl::StatusOr<int64_t> revision = store_.Commit(*writes, revision_);
    if (revision.ok()) {
      const absl::Duration end = clock_.MonotonicNow();
      metrics_.store_commit_seconds.Observe(absl::ToDoubleSeconds(end - start));
      revision_ = *revision;
      NoteStore(/*takes_changes=*/true);
      MutexLock lock(&mutex_);
      FAIRLEAD_RETURN_IF_ERROR(state_.Apply(*writes, end));
      news_ = true;  // a lease may end sooner now
      return absl::OkStatus();
    }
    if (!absl::IsAborted(revision.status())) {
      NoteStore(/*takes_changes=*/false);
      // It may have been written although the answer was lost.
      CatchUp().IgnoreError();
      return revision.status();
    }
    FAIRLEAD_RETURN_IF_ERROR(CatchUp().status());
    is_latest = true;
  }
  return absl::UnavailableError(
      "store: other registries write to it all the time; try again");
}

absl::StatusOr<bool> RegistryCore::CatchUp() {
  FAIRLEAD_ASSIGN_OR_RETURN(const StoreChanges changes,
                            store_.ReadChanges(revision_));
  if (!changes.from_scratch && changes.writes.empty()) {
    revision_ = changes.revision;
    return false;
  }
  MutexLock lock(&mutex_);
  const absl::Duration now = clock_.MonotonicNow();
  FAIRLEAD_RETURN_IF_ERROR(changes.from_scratch
                               ? state_.ApplyAll(changes.writes, now)
                               : state_.Apply(changes.writes, now));
  revision_ = changes.revision;
  return true;
}

absl::StatusOr<bool> RegistryCore::CatchUpUnlocked() {
  absl::StatusOr<bool> is_news;
  {
    MutexLock writer(&commit_mutex_);
    is_news = CatchUp();
  }
  if (is_news.value_or(false)) NotifyChanged();
  return is_news;
}

absl::Status RegistryCore::Follow() {
  MutexLock writer(&commit_mutex_);
  FAIRLEAD_RETURN_IF_ERROR(CatchUp().status());
  FAIRLEAD_ASSIGN_OR_RETURN(const std::set<uint64_t> live,
                            store_.LiveRegistries());
  // This one may be missing from the list: where leases of registries are the
  // store's, they can run out while it cannot be reached.
  std::set<uint64_t> homes = live;
  homes.insert(incarnation_);
  return CommitLocked(
      [&homes](const RegistryState& state) { return state.PlanAdopt(homes); });
}

void RegistryCore::NotifyChanged() {
  MutexLock lock(&notify_mutex_);
  listener_.OnChanged();
}

absl::StatusOr<RegistryState::Renewal> RegistryCore::RenewLease(
    uint64_t member_id, const std::string& member_name, uint64_t incarnation) {
  const auto renew = [&]() -> absl::StatusOr<RegistryState::Renewal> {
    MutexLock lock(&mutex_);
    return state_.RenewLease(member_id, member_name, incarnation,
                             clock_.MonotonicNow());
  };
  absl::StatusOr<RegistryState::Renewal> renewal = renew();
  if (!renewal.ok()) {
    FAIRLEAD_ASSIGN_OR_RETURN(const bool is_news, CatchUpUnlocked());
    if (is_news) renewal = renew();
  }
  if (renewal.ok()) metrics_.renewals.Increment();
  return renewal;
}

absl::btree_set<uint64_t> RegistryCore::TakeChangedMembers() {
  MutexLock lock(&mutex_);
  return state_.TakeChangedMembers();
}

void RegistryCore::Retry() {
  MutexLock lock(&mutex_);
  news_ = true;
}

bool RegistryCore::Tend() {
  bool all_done = true;
  bool follow = false;
  bool store_fails = false;
  {
    MutexLock lock(&mutex_);
    follow = std::exchange(store_changed_, false);
    store_fails = store_fails_;
  }
  // Nobody may call a registry that is not ready, so it must see for itself.
  if (store_fails && !Commit([](const RegistryState& state) {
                        return state.PlanNothing();
                      }).ok()) {
    all_done = false;
  }
  if (follow && !Follow().ok()) {
    MutexLock lock(&mutex_);
    store_changed_ = true;
    all_done = false;
  }
  std::vector<uint64_t> expired;
  {
    MutexLock lock(&mutex_);
    const absl::Duration now = clock_.MonotonicNow();
    state_.PardonLateExpiries(now);
    expired = state_.Expired(now);
  }
  std::vector<RegistryState::Ended> ended;
  for (const uint64_t id : expired) {
    // One that is away already is only looked at again: maybe nothing points
    // at it any more.
    const bool was_away =
        Read([id](const RegistryState& state) { return state.IsAway(id); });
    const auto left = Change<std::vector<RegistryState::Ended>>(
        [this, id](const RegistryState& state) {
          return state.PlanExpiry(id, clock_.MonotonicNow());
        });
    if (!left.ok()) {
      all_done = false;
      continue;
    }
    if (!was_away) metrics_.expired_leases.Increment();
    ended.insert(ended.end(), left->begin(), left->end());
  }
  NotifyChanged();
  return listener_.OnEnded(std::move(ended)) && all_done;
}

void RegistryCore::RunKeeper() {
  bool retry = false;
  while (true) {
    {
      MutexLock lock(&mutex_);
      absl::Duration wait = state_.NextExpiry() - clock_.MonotonicNow();
      // What failed is still due, and not at once.
      if (retry) {
        mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kRetry);
      } else {
        mutex_.AwaitWithTimeout(absl::Condition(this, &RegistryCore::HasNews),
                                wait);
      }
      if (stopping_) return;
      news_ = false;
    }
    retry = !Tend();
  }
}

void RegistryCore::NoteStore(bool takes_changes) {
  if (!takes_changes) metrics_.store_failures.Increment();
  MutexLock lock(&mutex_);
  if (store_fails_ == !takes_changes) return;
  store_fails_ = !takes_changes;
  news_ = true;  // it may be for the thread to try again
  readiness_.Set("store", store_fails_);
}

void RegistryCore::NoteAsked(uint64_t member_id) {
  MutexLock lock(&mutex_);
  state_.NoteAsked(member_id);
}

RegistryCounts RegistryCore::Count() const {
  MutexLock lock(&mutex_);
  return state_.Count(clock_.MonotonicNow());
}

}  // namespace fairlead
