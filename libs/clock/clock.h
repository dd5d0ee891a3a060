#ifndef FAIRLEAD_LIBS_CLOCK_CLOCK_H_
#define FAIRLEAD_LIBS_CLOCK_CLOCK_H_

#include <time.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace fairlead {

// Time for the outermost layer, which must ask; everything below it is handed
// the answer. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Time for people. Jumps when the host's clock is set.
  virtual absl::Time Now() const = 0;

  // Time for intervals, costs and leases, since an unspecified moment. Never
  // goes back. Comparable between the processes of one host.
  virtual absl::Duration MonotonicNow() const = 0;
};

class RealClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  absl::Duration MonotonicNow() const override {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return absl::DurationFromTimespec(now);
  }
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_CLOCK_CLOCK_H_
