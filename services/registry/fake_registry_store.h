#ifndef FAIRLEAD_SERVICES_REGISTRY_FAKE_REGISTRY_STORE_H_
#define FAIRLEAD_SERVICES_REGISTRY_FAKE_REGISTRY_STORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "libs/sync/mutex.h"
#include "services/registry/registry_store.h"

namespace fairlead {

// A store whose medium is an object of the test's, and which fails when told
// to. Several stores on one medium are several registries that share it.
class FakeRegistryStore final : public RegistryStore {
 public:
  // What outlives the stores.
  struct Medium {
    Mutex mutex;
    std::map<std::string, std::string> records ABSL_GUARDED_BY(mutex);
    std::vector<std::vector<StoreWrite>> commits ABSL_GUARDED_BY(mutex);
    std::set<uint64_t> registries ABSL_GUARDED_BY(mutex);
    // Grows with each commit, and with each registry that comes or goes.
    int64_t events ABSL_GUARDED_BY(mutex) = 0;
  };

  explicit FakeRegistryStore(Medium* medium) : medium_(*medium) {}

  ~FakeRegistryStore() override {
    {
      MutexLock lock(&medium_.mutex);
      stopping_ = true;
      if (incarnation_.has_value()) {
        medium_.registries.erase(*incarnation_);
        ++medium_.events;
      }
    }
    if (watch_.joinable()) watch_.join();
  }

  absl::StatusOr<StoreContents> Load() override {
    MutexLock lock(&medium_.mutex);
    return StoreContents{medium_.records, Revision()};
  }

  absl::StatusOr<int64_t> Commit(absl::Span<const StoreWrite> writes,
                                 int64_t revision) override {
    MutexLock lock(&medium_.mutex);
    if (!failure_.ok()) return failure_;
    if (revision != Revision()) {
      return absl::AbortedError(absl::StrCat("store: is at revision ",
                                             Revision(), ", not ", revision));
    }
    for (const StoreWrite& write : writes) {
      if (write.value.has_value()) {
        medium_.records[write.key] = *write.value;
      } else {
        medium_.records.erase(write.key);
      }
    }
    medium_.commits.emplace_back(writes.begin(), writes.end());
    ++medium_.events;
    return Revision();
  }

  absl::StatusOr<StoreChanges> ReadChanges(int64_t revision) override {
    MutexLock lock(&medium_.mutex);
    StoreChanges changes{.revision = Revision()};
    for (int64_t i = revision; i < Revision(); ++i) {
      const std::vector<StoreWrite>& commit =
          medium_.commits[static_cast<size_t>(i)];
      changes.writes.insert(changes.writes.end(), commit.begin(), commit.end());
    }
    return changes;
  }

  void Watch(std::function<void()> changed) override {
    MutexLock lock(&medium_.mutex);
    seen_events_ = medium_.events;
    watch_ = std::thread([this, changed = std::move(changed)] {
      while (AwaitEvent()) changed();
    });
  }

  absl::Status HoldRegistry(uint64_t incarnation) override {
    MutexLock lock(&medium_.mutex);
    medium_.registries.insert(incarnation);
    incarnation_ = incarnation;
    ++medium_.events;
    return absl::OkStatus();
  }

  absl::StatusOr<std::set<uint64_t>> LiveRegistries() override {
    MutexLock lock(&medium_.mutex);
    return medium_.registries;
  }

  // What every Commit says from now on.
  void FailWith(absl::Status failure) {
    MutexLock lock(&medium_.mutex);
    failure_ = std::move(failure);
  }

 private:
  int64_t Revision() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(medium_.mutex) {
    return static_cast<int64_t>(medium_.commits.size());
  }

  bool HasEvent() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(medium_.mutex) {
    return stopping_ || medium_.events != seen_events_;
  }

  // False when the store ends.
  bool AwaitEvent() {
    MutexLock lock(&medium_.mutex);
    medium_.mutex.Await(absl::Condition(this, &FakeRegistryStore::HasEvent));
    seen_events_ = medium_.events;
    return !stopping_;
  }

  Medium& medium_;
  absl::Status failure_ ABSL_GUARDED_BY(medium_.mutex);
  std::optional<uint64_t> incarnation_ ABSL_GUARDED_BY(medium_.mutex);
  int64_t seen_events_ ABSL_GUARDED_BY(medium_.mutex) = 0;
  bool stopping_ ABSL_GUARDED_BY(medium_.mutex) = false;
  std::thread watch_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_FAKE_REGISTRY_STORE_H_
