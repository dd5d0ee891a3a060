#ifndef FAIRLEAD_TOOLS_BENCH_MICRO_H_
#define FAIRLEAD_TOOLS_BENCH_MICRO_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "tools/bench/bench_cluster.h"

namespace fairlead::bench {

// One of the benchmarks that lie beside what they measure.
struct MicroSpec {
  std::string part;     // "shm channel"
  std::string program;  // its path below Programs::root
  std::string filter;   // which of its cases
};

// Those of the suite; `quick` leaves out what needs large graphs and tables,
// and most cases.
std::vector<MicroSpec> MicroSpecs(bool quick);

// Runs one: a list of
//   {"name", "unit": "s", "values": [seconds of an iteration, a repetition],
//    "counters": {name: [values]}}
absl::StatusOr<nlohmann::ordered_json> RunMicro(const Programs& programs,
                                                const MicroSpec& spec,
                                                int repetitions,
                                                double min_seconds,
                                                const std::string& folder);

// The same from what a Google Benchmark has printed with
// --benchmark_format=json. INVALID_ARGUMENT for what is not that.
absl::StatusOr<nlohmann::ordered_json> ParseBenchmarkJson(
    const std::string& text);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_MICRO_H_
