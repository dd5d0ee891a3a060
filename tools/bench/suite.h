#ifndef FAIRLEAD_TOOLS_BENCH_SUITE_H_
#define FAIRLEAD_TOOLS_BENCH_SUITE_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "tools/bench/bench_cluster.h"

namespace fairlead::bench {

// What is measured, and for how long.
struct SuiteOptions {
  Programs programs;
  std::string work_dir;  // for datasets and logs; made
  std::string shm_dir;   // on a tmpfs; made, and removed
  std::string dataset;   // empty: a Kronecker graph of 2^scale nodes is made
  int scale = 20;
  uint64_t max_nodes = uint64_t{1} << 20;  // of the graphs of "scaling"
  uint64_t batch_size = 1024;
  int workers = 1;  // sampling threads
  std::vector<int> clients = {1, 2, 4, 16};
  std::set<std::string> parts = {};  // of SuiteParts(); empty: all

  bool quick = false;  // fewer cases of benchmarks
  int rounds = 3;
  absl::Duration warm_up = absl::Seconds(1.5);
  absl::Duration window = absl::Seconds(5);
  double seconds_per_floor = 0.3;
  double seconds_per_micro = 0.2;
  uint64_t table_bytes = uint64_t{1} << 30;
  uint64_t traced_batches = 60;

  // A step begins: how many are done, of how many, and what it is.
  std::function<void(int done, int all, const std::string& step)> on_step =
      nullptr;
};

// The names that SuiteOptions::parts knows.
const std::vector<std::string>& SuiteParts();

// Runs it all, in rounds that take turns between loads, so that what happens to
// the machine meanwhile happens to all of them. Results as README.md says; a
// part that fails, or cannot be had here, is named in "not_measured" with the
// reason. INVALID_ARGUMENT for a part that there is none of; UNAVAILABLE if
// work_dir cannot be made.
absl::StatusOr<nlohmann::ordered_json> RunSuite(const SuiteOptions& options);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_SUITE_H_
