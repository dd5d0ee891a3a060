#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_DEADLINE_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_DEADLINE_H_

#include <chrono>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace fairlead::internal {

inline int64_t MonotonicNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// How long to wait, fixed when the waiting begins. The clock is read only
// where that matters.
class Deadline {
 public:
  static Deadline After(absl::Duration timeout) {
    if (timeout <= absl::ZeroDuration()) return Deadline(0);
    if (timeout >= absl::Hours(24 * 365)) {
      return Deadline(std::numeric_limits<int64_t>::max());
    }
    return Deadline(MonotonicNs() + absl::ToInt64Nanoseconds(timeout));
  }

  // Whether it was not to be waited for at all: asked once.
  bool is_now() const { return at_ns_ == 0; }

  absl::Duration Left() const {
    if (at_ns_ == std::numeric_limits<int64_t>::max()) {
      return absl::InfiniteDuration();
    }
    return is_now() ? absl::ZeroDuration()
                    : absl::Nanoseconds(at_ns_ - MonotonicNs());
  }

 private:
  explicit Deadline(int64_t at_ns) : at_ns_(at_ns) {}

  int64_t at_ns_;
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_DEADLINE_H_
