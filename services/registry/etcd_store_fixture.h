#ifndef FAIRLEAD_SERVICES_REGISTRY_ETCD_STORE_FIXTURE_H_
#define FAIRLEAD_SERVICES_REGISTRY_ETCD_STORE_FIXTURE_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "libs/sync/mutex.h"
#include "services/registry/etcd_cluster.h"
#include "services/registry/etcd_store.h"
#include "services/registry/registry_store.h"
#include "services/registry/store_records_matcher.h"

// What tests of stores in a real etcd have in common.
namespace fairlead::testing {

// Reached only by what is broken, unless a test kills its etcd.
inline constexpr absl::Duration kPatience = absl::Minutes(1);

inline std::string TestName() {
  return ::testing::UnitTest::GetInstance()->current_test_info()->name();
}

// A cluster of this test's own.
inline std::unique_ptr<EtcdCluster> StartEtcd(size_t members) {
  const std::string folder =
      absl::StrCat(::testing::TempDir(), "/", TestName());
  std::filesystem::create_directories(folder);
  return EtcdCluster::Start(members, folder).value();
}

inline EtcdOptions OptionsFor(const EtcdCluster& etcd,
                              const std::string& test_name) {
  return {.endpoints = etcd.endpoints(),
          .prefix = absl::StrCat(
              "/", absl::StrReplaceAll(test_name, {{"/", "_"}}), "/"),
          .call_deadline = kPatience};
}

// As after a restart: what is there, through a store that knows nothing.
inline StoreRecords RecordsIn(const EtcdOptions& options) {
  return OpenEtcdStore(options).value()->Load().value().records;
}

// Counts calls, and waits for one.
class Calls {
 public:
  std::function<void()> Counter() {
    return [this] {
      MutexLock lock(&mutex_);
      ++count_;
    };
  }
  // Waits until `done`, which is asked after each call.
  template <typename Done>
  bool AwaitUntil(Done done) {
    int64_t seen = -1;
    while (!done()) {
      MutexLock lock(&mutex_);
      const auto called = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return count_ != seen;
      };
      if (!mutex_.AwaitWithTimeout(absl::Condition(&called), kPatience)) {
        return false;
      }
      seen = count_;
    }
    return true;
  }

 private:
  Mutex mutex_;
  int64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_SERVICES_REGISTRY_ETCD_STORE_FIXTURE_H_
