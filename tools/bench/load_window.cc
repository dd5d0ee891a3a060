#include "tools/bench/load_window.h"

#include <signal.h>
#include <sys/types.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
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
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/child_process/child_process.h"
#include "libs/clock/clock.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "tools/bench/bench_cluster.h"
#include "tools/bench/process_usage.h"
#include "tools/bench/statistics.h"
#include "tools/fairleadctl/prometheus_text.h"
#include "tools/fairleadctl/scrape.h"

namespace fairlead::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::Duration kPatience = absl::Minutes(3);
constexpr absl::Duration kLook = absl::Milliseconds(20);

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> TrainerArgv(const Programs& programs,
                                     const BenchCluster* cluster,
                                     const LoadSpec& load) {
  std::vector<std::string> argv = {
      programs.Path("tools/loadgen/loadgen"),
      "--json",
      "--split=all",
      "--shuffle",
      load.read_batches ? "--read_batches" : "--noread_batches",
      absl::StrCat("--fanout=", load.fanout),
      absl::StrCat("--batch_size=", load.batch_size),
      absl::StrCat("--buffer_bytes=", load.buffer_bytes),
      "--epochs=1000000000"};
  if (cluster != nullptr) {
    argv.push_back(absl::StrCat("--registry=", cluster->registry()));
  }
  return argv;
}

// One process that loads.
struct Trainer {
  ChildProcess process;
  std::string out;
  std::string err;
};

absl::Status Failed(const Trainer& trainer) {
  return absl::InternalError(
      absl::StrCat("loadgen ended: ", ReadAll(trainer.err)));
}

absl::Status AwaitFirstBatches(std::vector<Trainer>& trainers) {
  const RealClock clock;
  const absl::Duration deadline = clock.MonotonicNow() + kPatience;
  for (Trainer& trainer : trainers) {
    std::error_code error;
    while (std::filesystem::file_size(trainer.out, error) == 0) {
      if (trainer.process.Wait(absl::ZeroDuration()).ok()) {
        return Failed(trainer);
      }
      if (clock.MonotonicNow() > deadline) {
        return absl::DeadlineExceededError(
            "loadgen: no batch came; see the services' logs");
      }
      absl::SleepFor(kLook);
    }
  }
  return absl::OkStatus();
}

// Waits until each trainer has printed some batches more than `printed` bytes
// hold: on a slow machine a window may be too short for any.
absl::Status AwaitMoreBatches(std::vector<Trainer>& trainers,
                              const std::vector<uintmax_t>& printed) {
  constexpr uintmax_t kSomeLines = 2000;  // a dozen
  const RealClock clock;
  const absl::Duration deadline = clock.MonotonicNow() + kPatience;
  for (size_t i = 0; i < trainers.size(); ++i) {
    std::error_code error;
    while (std::filesystem::file_size(trainers[i].out, error) <
           printed[i] + kSomeLines) {
      if (trainers[i].process.Wait(absl::ZeroDuration()).ok()) {
        return Failed(trainers[i]);
      }
      if (clock.MonotonicNow() > deadline) {
        return absl::DeadlineExceededError(
            "loadgen: no batch came any more; see the services' logs");
      }
      absl::SleepFor(kLook);
    }
  }
  return absl::OkStatus();
}

// What had been used at a moment.
struct Snapshot {
  absl::Duration at;
  std::map<std::string, double> cpu;
  std::map<std::string, double> switches;
  std::map<std::string, double> stages;
};

absl::StatusOr<Snapshot> Look(BenchCluster* cluster,
                              std::vector<Trainer>& trainers) {
  Snapshot snapshot;
  const auto add = [&](const std::string& role, pid_t pid) {
    snapshot.cpu[role] += CpuSecondsOf(pid);
    snapshot.switches[role] += VoluntarySwitchesOf(pid);
  };
  if (cluster != nullptr) {
    // (Answering costs the pool something, and is outside of the window but
    // for one time out of two.)
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::vector<MetricSample> samples,
        ScrapeMetrics(cluster->pool_metrics(), absl::Seconds(10)));
    for (const MetricSample& sample : samples) {
      if (sample.name != "fairlead_pool_stage_seconds_sum") continue;
      snapshot.stages[sample.labels.at("stage")] += sample.value;
    }
    for (const auto& [role, pid] : cluster->pids()) add(role, pid);
  }
  for (const Trainer& trainer : trainers) {
    add("trainer", trainer.process.pid());
    // A pool of its own.
    for (const pid_t child : ChildrenOf(trainer.process.pid())) {
      add("pool", child);
    }
  }
  snapshot.at = RealClock().MonotonicNow();
  return snapshot;
}

Json PerBatch(const std::map<std::string, double>& before,
              const std::map<std::string, double>& after, double batches) {
  Json json = Json::object();
  for (const auto& [name, value] : after) {
    const auto earlier = before.find(name);
    const double base = earlier == before.end() ? 0 : earlier->second;
    json[name] = (value - base) / std::max(batches, 1.0);
  }
  return json;
}

// What trainers have printed.
struct Received {
  std::vector<std::vector<double>> times;  // by trainer, seconds, ascending
  double batches = 0;                      // of whole runs
  double edges = 0;
  double bytes = 0;
};

absl::StatusOr<Received> ReadReports(const std::vector<Trainer>& trainers) {
  Received received;
  for (const Trainer& trainer : trainers) {
    std::vector<double>& times = received.times.emplace_back();
    std::ifstream file(trainer.out);
    bool has_report = false;
    for (std::string line; std::getline(file, line);) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      if (json.is_discarded()) return Failed(trainer);
      if (json.contains("received_ns")) {
        times.push_back(json["received_ns"].get<double>() * 1e-9);
      } else {
        has_report = true;
        received.batches += json["batches"].get<double>();
        received.edges += json["edges"].get<double>();
        received.bytes += json["bytes"].get<double>();
      }
    }
    if (!has_report) return Failed(trainer);
    std::sort(times.begin(), times.end());
  }
  return received;
}

Json Summarise(const Snapshot& first, const Snapshot& last,
               const Received& received, absl::Duration bin) {
  const double start = absl::ToDoubleSeconds(first.at);
  const double end = absl::ToDoubleSeconds(last.at);
  const double width = absl::ToDoubleSeconds(bin);
  const auto bins =
      std::max<size_t>(1, static_cast<size_t>((end - start) / width));
  std::vector<double> counts;
  std::vector<double> gaps;
  Json binned = Json::array();
  for (const std::vector<double>& times : received.times) {
    double count = 0;
    std::vector<double> in_bins(bins, 0);
    double before = 0;
    for (const double time : times) {
      const double previous = std::exchange(before, time);
      if (time < start || time >= end) continue;
      count += 1;
      if (previous > 0) gaps.push_back(time - previous);
      const auto at = static_cast<size_t>((time - start) / width);
      if (at < bins) in_bins[at] += 1;
    }
    counts.push_back(count);
    binned.push_back(in_bins);
  }
  double batches = 0;
  for (const double count : counts) batches += count;
  Json shares = Json::array();
  for (const double count : counts) {
    shares.push_back(count / std::max(batches, 1.0));
  }
  Json quantiles = Json::array();
  for (int i = 0; i <= 100 && !gaps.empty(); ++i) {
    // To the microsecond: 101 numbers a round are many.
    quantiles.push_back(std::round(Quantile(gaps, i / 100.0) * 1e6) / 1e6);
  }
  const double bytes = received.bytes / std::max(received.batches, 1.0);
  const double edges = received.edges / std::max(received.batches, 1.0);
  return {
      {"seconds", end - start},
      {"batches", batches},
      {"batches_per_s", batches / (end - start)},
      {"bytes_per_s", batches * bytes / (end - start)},
      {"batch", {{"bytes", bytes}, {"edges", edges}}},
      {"cpu_s_per_batch", PerBatch(first.cpu, last.cpu, batches)},
      {"switches_per_batch", PerBatch(first.switches, last.switches, batches)},
      {"stage_s_per_batch", PerBatch(first.stages, last.stages, batches)},
      {"gap_quantiles_s", quantiles},
      {"shares", shares},
      {"bins", {{"seconds", width}, {"batches", binned}}}};
}

}  // namespace

absl::StatusOr<Json> WatchLoad(const Programs& programs, BenchCluster* cluster,
                               const LoadSpec& load,
                               const WindowOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  std::vector<std::string> argv =
      TrainerArgv(programs, load.shared_memory ? nullptr : cluster, load);
  argv.push_back("--log_batches");
  if (load.shared_memory) {
    const std::vector<std::string> own = {
        "--workers=mp", absl::StrCat("--dataset=", options.dataset),
        absl::StrCat("--num_workers=", load.workers),
        absl::StrCat("--shm_dir=", options.shm_dir),
        absl::StrCat("--sampler_pool=",
                     programs.Path("services/sampler_pool/sampler_pool"))};
    argv.insert(argv.end(), own.begin(), own.end());
  }
  std::vector<Trainer> trainers;
  for (int i = 0; i < load.clients; ++i) {
    const std::string path = absl::StrCat(options.folder, "/trainer-", i);
    // An order of its own: none is to find in a cache what was gathered for
    // another.
    std::vector<std::string> its_own = argv;
    its_own.push_back(absl::StrCat("--seed=", i));
    FAIRLEAD_ASSIGN_OR_RETURN(
        ChildProcess process,
        ChildProcess::Start(its_own,
                            {.out = path + ".out", .err = path + ".err"}));
    trainers.push_back({std::move(process), path + ".out", path + ".err"});
  }
  FAIRLEAD_RETURN_IF_ERROR(AwaitFirstBatches(trainers));
  absl::SleepFor(options.warm_up);
  BenchCluster* const watched = load.shared_memory ? nullptr : cluster;
  FAIRLEAD_ASSIGN_OR_RETURN(const Snapshot first, Look(watched, trainers));
  std::vector<uintmax_t> printed;
  for (const Trainer& trainer : trainers) {
    printed.push_back(std::filesystem::file_size(trainer.out, error));
  }
  absl::SleepFor(options.length);
  FAIRLEAD_RETURN_IF_ERROR(AwaitMoreBatches(trainers, printed));
  FAIRLEAD_ASSIGN_OR_RETURN(const Snapshot last, Look(watched, trainers));
  for (Trainer& trainer : trainers) trainer.process.Signal(SIGTERM);
  for (Trainer& trainer : trainers) {
    FAIRLEAD_ASSIGN_OR_RETURN(const int exit_code,
                              trainer.process.Wait(kPatience));
    if (exit_code != 0) return Failed(trainer);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const Received received, ReadReports(trainers));
  return Summarise(first, last, received, options.bin);
}

Json WatchIdle(BenchCluster& cluster, int rounds,
               const WindowOptions& options) {
  const RealClock clock;
  absl::SleepFor(options.warm_up);
  Json cores = Json::array();
  Json by_process = Json::object();
  const std::map<std::string, pid_t> pids = cluster.pids();
  for (int round = 0; round < rounds; ++round) {
    std::map<std::string, double> before;
    for (const auto& [name, pid] : pids) before[name] = CpuSecondsOf(pid);
    const absl::Duration start = clock.MonotonicNow();
    absl::SleepFor(options.length);
    const double seconds = absl::ToDoubleSeconds(clock.MonotonicNow() - start);
    double sum = 0;
    for (const auto& [name, pid] : pids) {
      const double share = (CpuSecondsOf(pid) - before[name]) / seconds;
      by_process[name].push_back(share);
      sum += share;
    }
    cores.push_back(sum);
  }
  return {{"cores", cores}, {"by_process", by_process}};
}

absl::StatusOr<nlohmann::json> RunBatches(
    const Programs& programs, BenchCluster& cluster, const LoadSpec& load,
    uint64_t batches, const std::vector<std::string>& prefix,
    const std::string& folder) {
  std::vector<std::string> argv = prefix;
  const std::vector<std::string> trainer =
      TrainerArgv(programs, &cluster, load);
  argv.insert(argv.end(), trainer.begin(), trainer.end());
  argv.push_back(absl::StrCat("--max_batches=", batches));
  FAIRLEAD_ASSIGN_OR_RETURN(const Outcome outcome,
                            RunToEnd(argv, kPatience, folder));
  auto report = nlohmann::json::parse(outcome.out, nullptr, false);
  if (outcome.exit_code != 0 || report.is_discarded()) {
    return absl::InternalError(absl::StrCat("loadgen: ", outcome.err));
  }
  return report;
}

}  // namespace fairlead::bench
