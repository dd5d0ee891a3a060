#ifndef FAIRLEAD_LIBS_CLOCK_FAKE_CLOCK_H_
#define FAIRLEAD_LIBS_CLOCK_FAKE_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "libs/clock/clock.h"
#include "libs/sync/mutex.h"

namespace fairlead {

// A clock that stands still until it is told to move. Thread-safe.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::UnixEpoch() + MonotonicNow(); }
  absl::Duration MonotonicNow() const override {
    MutexLock lock(&mutex_);
    return now_;
  }
  void Advance(absl::Duration by) {
    MutexLock lock(&mutex_);
    now_ += by;
  }

 private:
  mutable Mutex mutex_;
  absl::Duration now_ ABSL_GUARDED_BY(mutex_) = absl::Seconds(1);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_CLOCK_FAKE_CLOCK_H_
