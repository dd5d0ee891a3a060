#include "libs/sync/mutex.h"

#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

// Under TSan this is the proof that the wrapper tells it enough: every access
// below is ordered by the mutex alone.
TEST(MutexTest, OrdersWhatItGuards) {
  struct {
    Mutex mutex;
    int count ABSL_GUARDED_BY(mutex) = 0;
  } guarded;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&guarded] {
      for (int j = 0; j < 1000; ++j) {
        MutexLock lock(&guarded.mutex);
        ++guarded.count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  MutexLock lock(&guarded.mutex);
  EXPECT_EQ(guarded.count, 4000);
}

TEST(MutexTest, AwaitReturnsWithTheConditionTrueAndTheLockHeld) {
  Mutex mutex;
  bool ready = false;
  int value = 0;
  std::thread producer([&] {
    MutexLock lock(&mutex);
    value = 42;
    ready = true;
  });
  {
    MutexLock lock(&mutex);
    mutex.Await(absl::Condition(&ready));
    EXPECT_EQ(value, 42);
  }
  producer.join();
}

}  // namespace
}  // namespace fairlead
