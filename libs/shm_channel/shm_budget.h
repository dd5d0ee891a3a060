#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_SHM_BUDGET_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_SHM_BUDGET_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace fairlead {

// How many bytes of shared memory a process may have. Thread-safe.
class ShmBudget {
 public:
  explicit ShmBudget(uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // RESOURCE_EXHAUSTED, with the numbers, if that is more than is left.
  absl::Status Take(uint64_t bytes) {
    uint64_t used = used_bytes_.load();
    do {
      if (bytes > limit_bytes_ - used) return TooMuch(bytes, used);
    } while (!used_bytes_.compare_exchange_weak(used, used + bytes));
    return absl::OkStatus();
  }

  // What Take would say.
  absl::Status Check(uint64_t bytes) const {
    const uint64_t used = used_bytes_.load();
    return bytes > limit_bytes_ - used ? TooMuch(bytes, used)
                                       : absl::OkStatus();
  }

  void GiveBack(uint64_t bytes) { used_bytes_ -= bytes; }

  uint64_t used_bytes() const { return used_bytes_; }
  uint64_t limit_bytes() const { return limit_bytes_; }

 private:
  absl::Status TooMuch(uint64_t bytes, uint64_t used) const {
    return absl::ResourceExhaustedError(
        absl::StrCat("--shm_budget: ", bytes, " bytes are wanted, and of ",
                     limit_bytes_, " there are ", limit_bytes_ - used,
                     " left; raise --shm_budget, or ask for a smaller buffer"));
  }

  const uint64_t limit_bytes_;
  std::atomic<uint64_t> used_bytes_{0};
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_SHM_BUDGET_H_
