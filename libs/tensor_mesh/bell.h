#ifndef FAIRLEAD_LIBS_TENSOR_MESH_BELL_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_BELL_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "libs/shm_channel/adaptive_spin.h"
#include "libs/shm_channel/futex.h"
#include "libs/tensor_mesh/mesh_trace.h"

namespace fairlead::internal {

// One word that moves with everything that may interest the member that owns
// it: so a thread waits for all its peers by looking at one cache line, and
// sleeps on it. Lies in shared memory, or in the process where all who ring do.
//
// A ringer that finds nobody asleep makes no system call. One that is killed
// asleep stays counted, which harms nobody: it was the owner.
class alignas(64) MeshBell {
 public:
  uint32_t rings() const { return rings_.load(); }

  // What is to be seen must have been written before.
  void Ring() {
    rings_.fetch_add(1);
    if (sleepers_.load() != 0) FutexWakeAll(rings_);
  }

  // Until it rings, unless it has since `seen`; may return early.
  void Sleep(uint32_t seen, absl::Duration timeout) {
    sleepers_.fetch_add(1);
    FutexWait(rings_, seen, timeout);
    sleepers_.fetch_sub(1);
  }

 private:
  std::atomic<uint32_t> rings_{0};
  std::atomic<uint32_t> sleepers_{0};
};

// How a member waits: first spinning, then asleep, looking now and then for
// peers that died, which ring no bell.
class MeshWaiter {
 public:
  MeshWaiter(MeshBell& bell, absl::Duration spin)
      : bell_(bell), spin_(/*pauses=*/1, absl::ToInt64Nanoseconds(spin)) {}

  // Polls until `is_done`, or `timeout` is over. Whether it is done.
  template <typename Poll, typename CheckPeers, typename IsDone>
  bool WaitUntil(absl::Duration timeout, const Poll& poll,
                 const CheckPeers& check_peers, const IsDone& is_done) {
    const int64_t begin = MeshNanoseconds();
    const int64_t limit = timeout >= kForever
                              ? INT64_MAX
                              : begin + absl::ToInt64Nanoseconds(timeout);
    for (int64_t now = begin;; now = MeshNanoseconds()) {
      const uint32_t seen = bell_.rings();
      poll();
      if (is_done()) {
        if (now > begin) spin_.Learn(now - begin);
        return true;
      }
      int64_t check = next_check_.load(std::memory_order_relaxed);
      if (now >= check) {
        next_check_.store(now + kCheckNs, std::memory_order_relaxed);
        check_peers();
        continue;
      }
      if (now >= limit) return false;
      if (spin_.Until([&] { return bell_.rings() != seen; })) continue;
      bell_.Sleep(seen, absl::Nanoseconds(std::min(limit, check) - now));
    }
  }

 private:
  static constexpr absl::Duration kForever = absl::Hours(24 * 365);
  static constexpr int64_t kCheckNs = 100'000'000;

  MeshBell& bell_;
  AdaptiveSpin spin_;
  std::atomic<int64_t> next_check_{0};
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_BELL_H_
