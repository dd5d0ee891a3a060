#include "tools/bench/micro.h"

#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/child_process/child_process.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "tools/bench/bench_cluster.h"

namespace fairlead::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::Duration kPatience = absl::Minutes(5);

double SecondsOf(const std::string& unit) {
  if (unit == "s") return 1;
  if (unit == "ms") return 1e-3;
  if (unit == "us") return 1e-6;
  return 1e-9;
}

// What every Google Benchmark says of a case; the rest are counters.
bool IsCounter(const std::string& key, const Json& value) {
  static const auto& known = *new std::map<std::string, bool>{
      {"family_index", true}, {"per_family_instance_index", true},
      {"repetitions", true},  {"repetition_index", true},
      {"threads", true},      {"iterations", true},
      {"real_time", true},    {"cpu_time", true}};
  return value.is_number() && !known.contains(key);
}

}  // namespace

std::vector<MicroSpec> MicroSpecs(bool quick) {
  std::vector<MicroSpec> specs = {
      {"shm channel", "libs/shm_channel/shm_channel_benchmark",
       quick ? "BM_SendAndReceiveInOneThread"
             : "BM_Throughput/bytes:(1024|65536|1048576|16777216)/producers:1/"
               "max_messages:64|BM_HandOverByFlag/bytes:(1024|1048576)|"
               "BM_OneWayLatency|BM_SendAndReceiveInOneThread"},
      {"scheduler", "libs/fair_scheduler/fair_scheduler_benchmark",
       quick ? "BM_Decision/channels:1000/deficit:1"
             : "channels:(1|1000)/deficit:1"},
      {"encode", "libs/tensor_message/tensor_message_benchmark",
       quick ? "BM_PlanAndWriteFrame|BM_Parse" : "."},
      {"pool", "services/sampler_pool/pool_benchmark",
       quick ? "BM_BatchThroughTheTable/10/" : "BM_BatchThroughTheTable/10"},
  };
  if (quick) return specs;
  specs.push_back({"sampler", "libs/sampling/neighbor_sampler_benchmark",
                   "BM_Sample/15_10_5|BM_Sample/10_5/100000/"});
  specs.push_back(
      {"gather", "libs/graph/gather_benchmark", "/row_bytes:512|BM_Gather"});
  return specs;
}

absl::StatusOr<Json> ParseBenchmarkJson(const std::string& text) {
  const Json parsed = Json::parse(text, nullptr, false);
  if (parsed.is_discarded() || !parsed.contains("benchmarks")) {
    return absl::InvalidArgumentError(
        "no output of a Google Benchmark with --benchmark_format=json");
  }
  std::vector<std::string> order;
  std::map<std::string, std::vector<double>> times;
  std::map<std::string, std::map<std::string, std::vector<double>>> counters;
  for (const Json& run : parsed["benchmarks"]) {
    if (run.value("run_type", "") != "iteration") continue;
    const std::string name = run.value("run_name", run.value("name", ""));
    if (run.value("error_occurred", false)) {
      return absl::InternalError(
          absl::StrCat(name, ": ", run.value("error_message", "failed")));
    }
    if (!times.contains(name)) order.push_back(name);
    times[name].push_back(run.value("real_time", 0.0) *
                          SecondsOf(run.value("time_unit", "ns")));
    for (const auto& [key, value] : run.items()) {
      if (IsCounter(key, value)) counters[name][key].push_back(value);
    }
  }
  Json cases = Json::array();
  for (const std::string& name : order) {
    cases.push_back({{"name", name},
                     {"unit", "s"},
                     {"values", times[name]},
                     {"counters", counters[name]}});
  }
  return cases;
}

absl::StatusOr<Json> RunMicro(const Programs& programs, const MicroSpec& spec,
                              int repetitions, double min_seconds,
                              const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  FAIRLEAD_ASSIGN_OR_RETURN(
      const Outcome outcome,
      RunToEnd({programs.Path(spec.program), "--benchmark_format=json",
                absl::StrCat("--benchmark_filter=", spec.filter),
                absl::StrCat("--benchmark_min_time=", min_seconds),
                absl::StrCat("--benchmark_repetitions=", repetitions)},
               kPatience, folder));
  absl::StatusOr<Json> cases = ParseBenchmarkJson(outcome.out);
  if (cases.ok() && outcome.exit_code == 0) return cases;
  return absl::InternalError(absl::StrCat(
      spec.program, ": ",
      cases.ok() ? outcome.err
                 : std::string(cases.status().message()) + ": " + outcome.err));
}

}  // namespace fairlead::bench
