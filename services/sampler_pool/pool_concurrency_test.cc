// How many batches of one channel a pool makes at a time.

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"
#include "services/sampler_pool/pool_fixture.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;

// Holds the workers that come, until it lets them go.
class Gate {
 public:
  void Enter() {
    MutexLock lock(&mutex_);
    ++inside_;
    mutex_.Await(absl::Condition(&is_open_));
  }
  // Whether so many are inside at once.
  bool Await(int workers) {
    MutexLock lock(&mutex_);
    wanted_ = workers;
    return mutex_.AwaitWithTimeout(absl::Condition(this, &Gate::HasThem),
                                   absl::Minutes(1));
  }
  void Open() {
    MutexLock lock(&mutex_);
    is_open_ = true;
  }

 private:
  bool HasThem() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return inside_ >= wanted_;
  }

  Mutex mutex_;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
  int wanted_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_open_ ABSL_GUARDED_BY(mutex_) = false;
};

using PoolConcurrencyTest = ::fairlead::testing::PoolFixture;

// With more workers than the four batches that the originals make at a time.
TEST_F(PoolConcurrencyTest, OneTrainerAloneMayHaveEveryWorker) {
  constexpr int kWorkers = 6;
  Gate gate;
  StartPool(kWorkers, [&gate](uint64_t, uint64_t) {
    gate.Enter();
    return absl::OkStatus();
  });
  ASSERT_THAT(pool_->RegisterInput(Spec(1)), IsOk());
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  EXPECT_TRUE(gate.Await(kWorkers));
  gate.Open();
  pool_.reset();  // before the gate
}

}  // namespace
}  // namespace fairlead
