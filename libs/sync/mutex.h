#ifndef FAIRLEAD_LIBS_SYNC_MUTEX_H_
#define FAIRLEAD_LIBS_SYNC_MUTEX_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

// absl::Mutex that ThreadSanitizer can see.
//
// The packaged Abseil is built without TSan, so TSan does not know that its
// mutex orders anything and reports a race for every correctly locked member.
// Under --config=tsan these classes tell it; otherwise they are Abseil's own.

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FAIRLEAD_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define FAIRLEAD_TSAN 1
#endif

#if defined(FAIRLEAD_TSAN)
extern "C" void __tsan_acquire(void* addr);
extern "C" void __tsan_release(void* addr);
#endif

namespace fairlead {

#if !defined(FAIRLEAD_TSAN)

using Mutex = absl::Mutex;
using MutexLock = absl::MutexLock;

#else

// Abseil looks for cycles among locks that are taken within others, in code of
// its own that TSan cannot see into either.
inline const bool kLooksForNoCycles = [] {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return true;
}();

class ABSL_LOCKABLE Mutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    mutex_.Lock();
    __tsan_acquire(this);
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    __tsan_release(this);
    mutex_.Unlock();
  }
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() { mutex_.AssertHeld(); }
  void Await(const absl::Condition& condition) {
    AwaitWithDeadline(condition, absl::InfiniteFuture());
  }
  bool AwaitWithTimeout(const absl::Condition& condition,
                        absl::Duration timeout) {
    return AwaitWithDeadline(condition, absl::Now() + timeout);
  }
  bool AwaitWithDeadline(const absl::Condition& condition,
                         absl::Time deadline) {
    // Any thread may evaluate the condition, on behalf of this one.
    Watched watched{this, &condition};
    __tsan_release(this);
    const bool holds = mutex_.AwaitWithDeadline(
        absl::Condition(&watched, &Watched::Eval), deadline);
    __tsan_acquire(this);
    return holds;
  }

 private:
  struct Watched {
    bool Eval() const {
      __tsan_acquire(mutex);
      const bool holds = condition->Eval();
      __tsan_release(mutex);
      return holds;
    }
    Mutex* mutex;
    const absl::Condition* condition;
  };

  absl::Mutex mutex_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex)
      : mutex_(mutex) {
    mutex_->Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

#endif

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SYNC_MUTEX_H_
