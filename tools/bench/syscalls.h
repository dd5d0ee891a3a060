#ifndef FAIRLEAD_TOOLS_BENCH_SYSCALLS_H_
#define FAIRLEAD_TOOLS_BENCH_SYSCALLS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "tools/bench/bench_cluster.h"
#include "tools/bench/load_window.h"

namespace fairlead::bench {

// System calls of one batch, by process and call, counted by strace: of two
// runs of different length the difference, so that set-up does not count.
//
//   {"batches", "by_process": {"pool": {"futex": 3.1, ...}, ...},
//    "total": {"pool": 12.5, ...}}
//
// strace stops a process at each call: the numbers hold, the speed does not,
// and a batch that finds others faster may wait less often. UNAVAILABLE where
// there is no strace, or it may not trace.
absl::StatusOr<nlohmann::ordered_json> CountSystemCalls(
    const Programs& programs, BenchCluster& cluster, const LoadSpec& load,
    uint64_t batches, const std::string& folder);

// What `strace -c` has written: calls by name, without the total.
std::map<std::string, double> ParseStraceSummary(absl::string_view text);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_SYSCALLS_H_
