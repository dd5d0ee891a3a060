#include "tools/bench/syscalls.h"

#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/child_process/child_process.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "tools/bench/bench_cluster.h"
#include "tools/bench/load_window.h"

namespace fairlead::bench {
namespace {

constexpr char kStrace[] = "/usr/bin/strace";
constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr absl::Duration kAttach = absl::Seconds(1);

using Counts = std::map<std::string, double>;

absl::StatusOr<Counts> ReadSummary(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Counts counts = ParseStraceSummary(text);
  if (counts.empty()) {
    return absl::UnavailableError(
        "strace counted nothing; may it trace here? (It needs the right to "
        "ptrace.)");
  }
  return counts;
}

// Calls by process of one run.
absl::StatusOr<std::map<std::string, Counts>> CountOnce(
    const Programs& programs, BenchCluster& cluster, const LoadSpec& load,
    uint64_t batches, const std::string& folder) {
  std::vector<std::pair<std::string, ChildProcess>> tracers;
  for (const auto& [name, pid] : cluster.pids()) {
    const std::string path = absl::StrCat(folder, "/strace-", name);
    FAIRLEAD_ASSIGN_OR_RETURN(
        ChildProcess tracer,
        ChildProcess::Start(
            {kStrace, "-c", "-f", "-o", path, "-p", absl::StrCat(pid)},
            {.out = path + ".out", .err = path + ".err"}));
    tracers.emplace_back(name, std::move(tracer));
  }
  absl::SleepFor(kAttach);
  const std::string path = folder + "/strace-trainer";
  const absl::StatusOr<nlohmann::json> report =
      RunBatches(programs, cluster, load, batches,
                 {kStrace, "-c", "-f", "-o", path}, folder);
  for (auto& [unused, tracer] : tracers) tracer.Signal(SIGINT);
  for (auto& [unused, tracer] : tracers) {
    tracer.Wait(kPatience).IgnoreError();
  }
  FAIRLEAD_RETURN_IF_ERROR(report.status());
  std::map<std::string, Counts> counts;
  FAIRLEAD_ASSIGN_OR_RETURN(counts["trainer"], ReadSummary(path));
  for (const auto& [name, unused] : tracers) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        counts[name], ReadSummary(absl::StrCat(folder, "/strace-", name)));
  }
  return counts;
}

}  // namespace

std::map<std::string, double> ParseStraceSummary(absl::string_view text) {
  Counts counts;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    // % time, seconds, usecs/call, calls, maybe errors, syscall.
    const std::vector<absl::string_view> fields =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    double seconds = 0;
    double calls = 0;
    if (fields.size() < 5 || fields.back() == "total" ||
        !absl::SimpleAtod(fields[1], &seconds) ||
        !absl::SimpleAtod(fields[3], &calls)) {
      continue;
    }
    counts[std::string(fields.back())] += calls;
  }
  return counts;
}

absl::StatusOr<nlohmann::ordered_json> CountSystemCalls(
    const Programs& programs, BenchCluster& cluster, const LoadSpec& load,
    uint64_t batches, const std::string& folder) {
  if (access(kStrace, X_OK) != 0) {
    return absl::UnavailableError(
        "no program strace: install the package strace");
  }
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const uint64_t few = batches / 5 + 1;
  FAIRLEAD_ASSIGN_OR_RETURN(auto setup,
                            CountOnce(programs, cluster, load, few, folder));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto all, CountOnce(programs, cluster, load,
                                                      few + batches, folder));
  nlohmann::ordered_json by_process = nlohmann::ordered_json::object();
  nlohmann::ordered_json total = nlohmann::ordered_json::object();
  for (const auto& [process, counts] : all) {
    nlohmann::ordered_json each = nlohmann::ordered_json::object();
    double sum = 0;
    for (const auto& [call, count] : counts) {
      const double more =
          (count - setup[process][call]) / static_cast<double>(batches);
      sum += more;
      if (more >= 0.01) each[call] = more;
    }
    by_process[process] = each;
    total[process] = sum;
  }
  return nlohmann::ordered_json{
      {"batches", batches}, {"by_process", by_process}, {"total", total}};
}

}  // namespace fairlead::bench
