#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_FUTEX_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_FUTEX_H_

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>

#include "absl/time/time.h"

namespace fairlead {

// Sleeping on a word in shared memory, between processes.

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t) &&
              std::atomic<uint32_t>::is_always_lock_free);

// Sleeps while `word` is `expected`, at most `timeout`. May return early.
inline void FutexWait(const std::atomic<uint32_t>& word, uint32_t expected,
                      absl::Duration timeout) {
  const timespec relative = absl::ToTimespec(timeout);
  syscall(SYS_futex, &word, FUTEX_WAIT, expected,
          timeout == absl::InfiniteDuration() ? nullptr : &relative, nullptr,
          0);
}

// Wakes at most `count` who sleep on `word`; how many it woke.
inline int64_t FutexWake(const std::atomic<uint32_t>& word, int count) {
  return syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

inline void FutexWakeAll(const std::atomic<uint32_t>& word) {
  FutexWake(word, INT_MAX);
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_FUTEX_H_
