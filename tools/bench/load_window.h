#ifndef FAIRLEAD_TOOLS_BENCH_LOAD_WINDOW_H_
#define FAIRLEAD_TOOLS_BENCH_LOAD_WINDOW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "tools/bench/bench_cluster.h"

namespace fairlead::bench {

// A load on a cluster, or on trainers' own sampler pools, each trainer a
// process (tools/loadgen).
struct LoadSpec {
  std::string name;            // "remote 10,5"
  bool shared_memory = false;  // multi-process workers, no cluster
  std::string fanout;
  uint64_t batch_size = 1024;
  int clients = 1;
  int workers = 1;  // of trainers' own pools
  uint64_t buffer_bytes = 64 << 20;
  bool read_batches = false;  // every byte of them, as a trainer's model would
};

struct WindowOptions {
  absl::Duration warm_up = absl::Seconds(1.5);  // after every trainer's first
  absl::Duration length = absl::Seconds(5);
  absl::Duration bin = absl::Milliseconds(500);  // of shares over time
  std::string dataset;
  std::string folder;   // for what trainers print; made
  std::string shm_dir;  // of trainers' own pools
};

// Looks at a load while it runs evenly: it is started, warmed up, watched from
// one moment to another, and then ended. What is counted between these two
// moments, and the CPU time that every process took between them:
//
//   {"seconds", "batches", "batches_per_s", "bytes_per_s",
//    "batch": {"bytes", "edges"},
//    "cpu_s_per_batch": {"pool", "gateway", "trainer", "registry"},
//    "switches_per_batch": the same,
//    "stage_s_per_batch": {"sample", "features", ...} of the pool's workers,
//    "gap_quantiles_s": 101 numbers, of the time between two batches of one,
//    "shares": each trainer's part of the batches,
//    "bins": {"seconds", "batches": for each trainer, in each bin}}
//
// `cluster` may be null for a load through shared memory. INTERNAL, with what
// it said, if a trainer fails.
absl::StatusOr<nlohmann::ordered_json> WatchLoad(const Programs& programs,
                                                 BenchCluster* cluster,
                                                 const LoadSpec& load,
                                                 const WindowOptions& options);

// Looks at a cluster that nobody uses, so many times:
//   {"cores": [processors' time a second], "by_process": {name: the same}}
nlohmann::ordered_json WatchIdle(BenchCluster& cluster, int rounds,
                                 const WindowOptions& options);

// Runs one trainer for so many batches, under `prefix`, a program that runs
// another, to its end. What it reports.
absl::StatusOr<nlohmann::json> RunBatches(
    const Programs& programs, BenchCluster& cluster, const LoadSpec& load,
    uint64_t batches, const std::vector<std::string>& prefix,
    const std::string& folder);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_LOAD_WINDOW_H_
