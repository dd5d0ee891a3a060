#ifndef FAIRLEAD_LIBS_TENSOR_MESH_BENCHMARK_SUPPORT_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_BENCHMARK_SUPPORT_H_

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"

namespace fairlead {

// What the benchmarks of a mesh and their floors have in common.

// A batch of 128 tokens of 7168: fp8 to the servers, bf16 back.
inline constexpr uint64_t kPushBytes = 128 * 7168;
inline constexpr uint64_t kReplyBytes = 2 * kPushBytes;
inline constexpr uint32_t kWorkers = 2;
inline constexpr uint32_t kServers = 2;

[[noreturn]] inline void Die(const std::string& why) {
  fprintf(stderr, "%s\n", why.c_str());
  _exit(1);
}
inline void OrDie(const absl::Status& status) {
  if (!status.ok()) Die(status.ToString());
}
template <typename T>
T OrDie(absl::StatusOr<T> value) {
  OrDie(value.status());
  return *std::move(value);
}

// Processes that end with this one, and are waited for.
class Children {
 public:
  Children() = default;
  ~Children() {
    for (const pid_t child : children_) waitpid(child, nullptr, 0);
  }
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  template <typename Run>
  void Fork(const Run& run) {
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      run();
      _exit(0);
    }
    children_.push_back(child);
  }

 private:
  std::vector<pid_t> children_;
};

class Latencies {
 public:
  void Add(int64_t ns) { ns_.push_back(ns); }
  void Report(benchmark::State& state) {
    if (ns_.empty()) return;
    std::sort(ns_.begin(), ns_.end());
    state.counters["p50_us"] = At(0.5);
    state.counters["p99_us"] = At(0.99);
  }

 private:
  double At(double part) const {
    const auto index = static_cast<size_t>(part * double(ns_.size() - 1));
    return static_cast<double>(ns_[index]) / 1e3;
  }

  std::vector<int64_t> ns_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_BENCHMARK_SUPPORT_H_
