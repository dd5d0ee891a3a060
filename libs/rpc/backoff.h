#ifndef FAIRLEAD_LIBS_RPC_BACKOFF_H_
#define FAIRLEAD_LIBS_RPC_BACKOFF_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "libs/random/philox.h"

namespace fairlead::rpc {

// How long to wait before each next try: doubling from `first` to `most`, each
// wait shortened at random by up to half, so that callers who failed together
// do not return together. Pure: the caller does the waiting. Thread-compatible.
class Backoff {
 public:
  // `seed` tells callers apart.
  explicit Backoff(uint64_t seed, absl::Duration first = absl::Milliseconds(50),
                   absl::Duration most = absl::Seconds(2))
      : random_(seed, 0, 0), first_(first), most_(most), next_(first) {}

  absl::Duration Next() {
    const absl::Duration full = next_;
    next_ = std::min(next_ * 2, most_);
    constexpr uint64_t kSteps = 1024;
    return full / 2 + full / 2 * static_cast<double>(random_.Below(kSteps)) /
                          static_cast<double>(kSteps);
  }

  // The most waits that can end within so long after a first failure: how many
  // tries of one caller an outage of that length can bring.
  static size_t MostTries(absl::Duration outage,
                          absl::Duration first = absl::Milliseconds(50),
                          absl::Duration most = absl::Seconds(2)) {
    size_t tries = 0;
    for (absl::Duration full = first; outage >= full / 2;
         full = std::min(full * 2, most)) {
      outage -= full / 2;
      ++tries;
    }
    return tries;
  }

  // After a success: the next failure is a first one.
  void Reset() { next_ = first_; }

 private:
  RandomStream random_;
  const absl::Duration first_;
  const absl::Duration most_;
  absl::Duration next_;
};

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_BACKOFF_H_
