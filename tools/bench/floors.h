#ifndef FAIRLEAD_TOOLS_BENCH_FLOORS_H_
#define FAIRLEAD_TOOLS_BENCH_FLOORS_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fairlead::bench {

// What this machine does at best with memory, and between processes: nothing of
// ours is in these loops. README.md says what each leaves out.

// One figure, measured several times.
struct Floor {
  std::string name;
  std::string what;  // in a line
  std::string unit;  // as WithUnit's
  std::vector<double> values;
};

struct FloorOptions {
  int rounds = 3;
  size_t table_bytes = size_t{1} << 30;  // far beyond any cache
  double seconds = 0.3;                  // of each measurement, about
  std::function<void(const std::string&)> on_progress = nullptr;
};

// memcpy in cache and from DRAM, random reads, a gather of random rows.
std::vector<Floor> MemoryFloors(const FloorOptions& options);

// Loopback TCP: bytes a second, CPU time of each end, round trips. A futex
// between two processes. UNAVAILABLE if there is no loopback, or no process
// may be made.
absl::StatusOr<std::vector<Floor>> ExchangeFloors(const FloorOptions& options);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_FLOORS_H_
