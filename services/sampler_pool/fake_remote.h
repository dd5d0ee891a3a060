#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_FAKE_REMOTE_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_FAKE_REMOTE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sync/mutex.h"

namespace fairlead::testing {

// Other partitions, in this process. The test keeps one, and gives each pool a
// NewClient() of it. Thread-safe.
class FakeRemote {
 public:
  enum class Mode {
    kAtOnce,     // before Fetch returns
    kElsewhere,  // on another thread, in any order
    kHold,       // when the test says so
  };

  // `parts` must outlive it.
  FakeRemote(const PartitionedDataset& parts, Mode mode);
  // REQUIRES that its clients are gone.
  ~FakeRemote();

  std::unique_ptr<RemotePartitions> NewClient();

  // Asked before each fetch is answered, with how many there were before.
  void FailIf(std::function<absl::Status(uint64_t fetch)> failure)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Of kHold: waits until as many are held, and answers all from then on.
  void AwaitHeld(size_t count) ABSL_LOCKS_EXCLUDED(mutex_);
  void Release() ABSL_LOCKS_EXCLUDED(mutex_);
  size_t num_held() const ABSL_LOCKS_EXCLUDED(mutex_);

  uint64_t num_fetches() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Client;
  struct Asked {
    RemoteFetches fetches;
    std::function<void(absl::Status)> done;
    uint64_t number = 0;
  };

  void Take(Asked asked) ABSL_LOCKS_EXCLUDED(mutex_);
  void Answer(const Asked& asked) ABSL_LOCKS_EXCLUDED(mutex_);
  void CancelAll() ABSL_LOCKS_EXCLUDED(mutex_);
  void RunThread() ABSL_LOCKS_EXCLUDED(mutex_);

  const PartitionedDataset& parts_;
  mutable Mutex mutex_;
  Mode mode_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t num_fetches_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t num_answering_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Asked> waiting_ ABSL_GUARDED_BY(mutex_);
  std::function<absl::Status(uint64_t)> failure_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_FAKE_REMOTE_H_
