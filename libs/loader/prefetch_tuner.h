#ifndef FAIRLEAD_LIBS_LOADER_PREFETCH_TUNER_H_
#define FAIRLEAD_LIBS_LOADER_PREFETCH_TUNER_H_

#include <cstdint>
#include <deque>
#include <limits>

#include "absl/time/time.h"

namespace fairlead {

// A prefetch_size that finds itself: see PrefetchTuner.
inline constexpr uint64_t kAutoPrefetch = std::numeric_limits<uint64_t>::max();

// How many batches of one server may be on the way or wait for the trainer: a
// number that is fixed, or one that follows what is measured (parity W-49).
//
// By Little's law a trainer never waits if as many are asked for as it takes
// while one is on its way: rate * time from credit to arrival. Both are
// measured, by the trainer's clock alone:
//
//   the trainer waits, although credit does not   grow by a quarter
//   a part is here all of the time                shrink by an eighth, slowly
//
// Credit waits, at the pool or in front of a link that is full, if messages
// take twice as long to arrive as the fastest of this stream did; then more of
// it would only wait longer. So a slow sampler, a narrow link and a busy
// trainer leave the number as it is, and a long link makes it grow until the
// trainer or the link is busy all of the time.
//
// Pure bookkeeping: no clock of its own. Thread-compatible.
//
//   PrefetchTuner tuner(kAutoPrefetch, /*most=*/64);
//   tuner.OnStream(tuner.size(), now);   // so much credit was given
//   tuner.OnMessage(now);                // one of them is here
//   tuner.OnTake(here, waited, now);     // and now the trainer's
//   tuner.OnGrant(credit, now);          // what brings it up to size() again
class PrefetchTuner {
 public:
  // `size`, always; or if that is kAutoPrefetch at first 4, the loaders'
  // default (parity C-13), and from then on between 2 and `most`. If `most` is
  // less than these, so are they. REQUIRES that both are at least 1.
  PrefetchTuner(uint64_t size, uint64_t most);

  uint64_t size() const { return size_; }

  // A stream was opened, with credit for so many messages. What an earlier one
  // owes will not come.
  void OnStream(uint64_t credit, absl::Duration now);
  // So many more were asked for.
  void OnGrant(uint64_t credit, absl::Duration now);
  // One of those that were asked for has come.
  void OnMessage(absl::Duration now);

  // The trainer took one, and so many are left here. `waited` is all that it
  // has ever waited, for this server or another.
  void OnTake(uint64_t here, absl::Duration waited, absl::Duration now);

 private:
  // As many takes as there is credit: in that time all of it was used once.
  struct Round {
    absl::Duration began;
    absl::Duration waited_before;
    uint64_t size = 0;
    uint64_t takes = 0;
    uint64_t messages = 0;
    absl::Duration on_the_way;  // these together
  };

  void BeginRound(absl::Duration waited, absl::Duration now);
  void EndRound(absl::Duration waited, absl::Duration now);
  bool IsFixed() const { return least_ == most_; }

  const uint64_t least_;
  const uint64_t most_;
  uint64_t size_;

  std::deque<absl::Duration> asked_at_;  // what is on the way, oldest first
  absl::Duration fastest_;               // of this stream's messages
  Round round_;
  uint64_t calm_rounds_ = 0;  // since the trainer waited, or the size changed
  uint64_t spare_ = 0;        // the least that was here in these
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_PREFETCH_TUNER_H_
