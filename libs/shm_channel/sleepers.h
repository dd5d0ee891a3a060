#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_SLEEPERS_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_SLEEPERS_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "libs/shm_channel/futex.h"

namespace fairlead::internal {

// Those who wait for one condition, in shared memory. Waking costs one load
// while nobody sleeps. There is no count of sleepers, which one that is killed
// in its sleep would leave wrong for ever: only a flag that somebody may sleep.
//
//   sleeper:  const uint32_t ticket = sleepers.Announce();
//             if (!condition) sleepers.Sleep(ticket, timeout);   // and again
//   waker:    make the condition true (sequentially consistent); WakeOne().
class Sleepers {
 public:
  // The condition must be looked at after this.
  uint32_t Announce() {
    const uint32_t ticket = wakes_.load();
    may_sleep_.store(1);
    return ticket;
  }

  // Until somebody wakes those who announced themselves; may return early.
  void Sleep(uint32_t ticket, absl::Duration timeout) const {
    FutexWait(wakes_, ticket, timeout);
  }

  // Either the sleeper sees the condition, which became true before, or this
  // sees the flag, which it set before it looked. One that is woken and leaves
  // something for others wakes the next.
  void WakeOne() {
    if (may_sleep_.load() == 0) return;
    may_sleep_.store(0);
    wakes_.fetch_add(1);
    // Others may sleep behind the one that was woken.
    if (FutexWake(wakes_, 1) == 1) may_sleep_.store(1);
  }

  // Whatever the flag says: somebody may be about to wake just one of them.
  void WakeAll() {
    wakes_.fetch_add(1);
    FutexWakeAll(wakes_);
  }

 private:
  std::atomic<uint32_t> wakes_{0};
  std::atomic<uint32_t> may_sleep_{0};
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_SLEEPERS_H_
