#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_ADAPTIVE_SPIN_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_ADAPTIVE_SPIN_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace fairlead::internal {

// Looks again and again for a short while before a sleep, which costs system
// calls at both ends: longer where that was worth it lately, hardly at all
// where it was not, and never where there is one core. Who else wants the core
// meanwhile has it: it may well be the one that is waited for. Thread-safe.
class AdaptiveSpin {
 public:
  // Looks after every so many pauses of the processor. Each look takes a cache
  // line from the one who is to change it, so few make for throughput, and
  // many for latency. Never longer than `max_ns`.
  explicit AdaptiveSpin(int pauses, int64_t max_ns = 20'000)
      : pauses_(pauses), max_ns_(max_ns) {}

  // Whether `condition` became true within the while.
  template <typename Condition>
  bool Until(const Condition& condition) {
    static const bool is_alone = std::thread::hardware_concurrency() == 1;
    if (is_alone) return condition();
    const int64_t limit = limit_ns_.load(std::memory_order_relaxed);
    const auto start = std::chrono::steady_clock::now();
    while (true) {
      for (int i = 0; i < 4; ++i) {
        if (condition()) return true;
        for (int j = 0; j < pauses_; ++j) Pause();
      }
      const auto spun = std::chrono::steady_clock::now() - start;
      if (spun >= std::chrono::nanoseconds(limit)) return false;
      if (spun >= std::chrono::nanoseconds(kMinNs)) std::this_thread::yield();
    }
  }

  // How long the whole wait was, sleep included: that is what a spin would
  // have had to last.
  void Learn(int64_t waited_ns) {
    const int64_t limit = limit_ns_.load(std::memory_order_relaxed);
    limit_ns_.store(std::clamp(waited_ns < max_ns_ ? 2 * waited_ns : limit / 2,
                               std::min(kMinNs, max_ns_), max_ns_),
                    std::memory_order_relaxed);
  }

 private:
  // Not that long: who hardly spins does not give its turn away, either.
  static constexpr int64_t kMinNs = 500;

  static void Pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  const int pauses_;
  const int64_t max_ns_;
  std::atomic<int64_t> limit_ns_{max_ns_};
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_ADAPTIVE_SPIN_H_
