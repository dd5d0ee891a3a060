#ifndef FAIRLEAD_SERVICES_REGISTRY_REGISTRY_CORE_H_
#define FAIRLEAD_SERVICES_REGISTRY_REGISTRY_CORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/clock/clock.h"
#include "libs/rpc/readiness.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"
#include "services/registry/registry_metrics.h"
#include "services/registry/registry_state.h"
#include "services/registry/registry_store.h"

namespace fairlead {

// The registry's state, kept in step with a store that other registries may
// write to as well: plans changes on it, makes them durable, and then real;
// takes in what others wrote; ends leases that run out here, and adopts the
// members of registries that died.
//
// Thread-safe; one thread of its own. Reading never waits for the store.
class RegistryCore {
 public:
  // What the owner does about changes. Called without any lock, by whichever
  // thread made or saw the change, and never twice at a time.
  struct Listener {
    virtual ~Listener() = default;
    // Something is different: ask.
    virtual void OnChanged() = 0;
    // Channels that ended with their trainers' leases, for the pools to be
    // told. False if some could not be: then it is called again, with none, a
    // little later.
    virtual bool OnEnded(std::vector<RegistryState::Ended> ended) = 0;
  };

  // Takes in what `store` holds. All five must outlive the core, which calls
  // `listener` from Run() on. `readiness` is held for "store" from a change
  // that the store did not take until one that it did; the thread tries.
  static absl::StatusOr<std::unique_ptr<RegistryCore>> Create(
      const RegistryLimits& limits, RegistryStore& store, const Clock& clock,
      RegistryMetrics& metrics, rpc::Readiness& readiness, Listener& listener);
  ~RegistryCore();

  // Starts the thread; call it once.
  void Run();
  // Ends it; the listener is called no more but from Commit(). Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // Tells this life of this registry from all others.
  uint64_t incarnation() const { return incarnation_; }

  // Plans on the state, commits the writes, and applies them. The
  // plan may be made several times, if other registries write too; an error of
  // its is believed only once all that they wrote is known.
  using Plan = std::function<absl::StatusOr<RegistryState::Writes>(
      const RegistryState&)>;
  absl::Status Commit(const Plan& plan)
      ABSL_LOCKS_EXCLUDED(commit_mutex_, mutex_);

  // The same where the plan, a function that returns a Planned<Answer> or a
  // StatusOr of one, has an answer.
  template <typename Answer, typename PlanAnswer>
  absl::StatusOr<Answer> Change(PlanAnswer plan)
      ABSL_LOCKS_EXCLUDED(commit_mutex_, mutex_) {
    Answer answer{};
    FAIRLEAD_RETURN_IF_ERROR(
        Commit([&](const RegistryState& state)
                   -> absl::StatusOr<RegistryState::Writes> {
          absl::StatusOr<RegistryState::Planned<Answer>> planned = plan(state);
          if (!planned.ok()) return planned.status();
          answer = std::move(planned->answer);
          return std::move(planned->writes);
        }));
    return answer;
  }

  // Reads the state, as far as it is known here.
  template <typename Reader>
  auto Read(Reader reader) const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    return reader(std::as_const(state_));
  }
  // For readers that return a status: an error is believed only once all that
  // other registries wrote is known. UNAVAILABLE if that cannot be known now.
  template <typename Reader>
  std::invoke_result_t<Reader, const RegistryState&> ReadLatest(Reader reader)
      ABSL_LOCKS_EXCLUDED(commit_mutex_, mutex_) {
    auto result = Read(reader);
    if (result.ok()) return result;
    FAIRLEAD_ASSIGN_OR_RETURN(const bool is_news, CatchUpUnlocked());
    return is_news ? Read(reader) : result;
  }

  absl::StatusOr<RegistryState::Renewal> RenewLease(
      uint64_t member_id, const std::string& member_name, uint64_t incarnation)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::btree_set<uint64_t> TakeChangedMembers() ABSL_LOCKS_EXCLUDED(mutex_);
  // A pool has heard which channels it holds.
  void NoteAsked(uint64_t member_id) ABSL_LOCKS_EXCLUDED(mutex_);
  RegistryCounts Count() const ABSL_LOCKS_EXCLUDED(mutex_);

  // What the thread does when something is due; a test with a clock of its own
  // calls it. False if the store failed, or a pool could not be told.
  bool Tend() ABSL_LOCKS_EXCLUDED(commit_mutex_, mutex_);

  // Has OnEnded called soon.
  void Retry() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  RegistryCore(const RegistryLimits& limits, RegistryStore& store,
               const Clock& clock, RegistryMetrics& metrics,
               rpc::Readiness& readiness, Listener& listener);

  // Takes in what was written since; whether that was anything.
  absl::StatusOr<bool> CatchUp() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<bool> CatchUpUnlocked()
      ABSL_LOCKS_EXCLUDED(commit_mutex_, mutex_);
  absl::Status CommitLocked(const Plan& plan)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Follow() ABSL_LOCKS_EXCLUDED(commit_mutex_, mutex_);
  void NotifyChanged() ABSL_LOCKS_EXCLUDED(commit_mutex_, mutex_);
  void RunKeeper() ABSL_LOCKS_EXCLUDED(commit_mutex_, mutex_);
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || news_;
  }
  void NoteStore(bool takes_changes) ABSL_LOCKS_EXCLUDED(mutex_);

  const uint64_t incarnation_;
  RegistryStore& store_;
  const Clock& clock_;
  RegistryMetrics& metrics_;
  rpc::Readiness& readiness_;
  Listener& listener_;

  // Held over a change from its plan to its end, and while the store is asked:
  // changes come one after the other, and reading need not wait for them.
  Mutex commit_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  int64_t revision_ ABSL_GUARDED_BY(commit_mutex_) = 0;

  mutable Mutex mutex_;
  RegistryState state_ ABSL_GUARDED_BY(mutex_);
  bool store_changed_ ABSL_GUARDED_BY(mutex_) = true;
  bool store_fails_ ABSL_GUARDED_BY(mutex_) = false;
  bool news_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  Mutex notify_mutex_;  // one call of OnChanged at a time
  std::thread keeper_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_REGISTRY_CORE_H_
