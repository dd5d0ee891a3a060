// What a capability costs: the same load, over loopback, through the programs
// of a build that has it and of one that has not. The two take turns, many
// times, each in a cluster of its own; what counts is the CPU time of a batch,
// which other work on the machine disturbs least. A folder compared with a copy
// of itself says what such a comparison cannot tell apart.
//
// Recovery: build the four programs twice, with --config=opt, and the second
// time with --define=measure=without_recovery (libs/sampling/recovery.h); copy
// them from bazel-bin into a folder for each, and name the folders.
//
// Telemetry: the second folder has scripts of the programs' names, which run
// them with what telemetry does while batches flow made to nothing:
// libs/telemetry/README.md says how.

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/command_line/command_line.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"

ABSL_FLAG(std::string, with, "",
          "Folder with registry, channel_gateway, sampler_pool and loadgen.");
ABSL_FLAG(std::string, without, "",
          "Folder with channel_gateway, sampler_pool and loadgen without what "
          "is measured.");
ABSL_FLAG(std::string, dataset, "", "Of the load.");
ABSL_FLAG(int, rounds, 11, "Runs of each of the two, in turn.");

namespace fairlead {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(5);

struct Load {
  std::string name;
  std::vector<std::string> flags;
};

std::vector<Load> Loads() {
  return {
      {"512 seeds, fanout 15,10, features",
       {"--batch_size=512", "--fanout=15,10", "--max_batches=1000"}},
      {"16 seeds, fanout 5,5",
       {"--batch_size=16", "--fanout=5,5", "--features=false",
        "--max_batches=40000"}},
      {"1 seed, fanout 1",
       {"--batch_size=1", "--fanout=1", "--features=false",
        "--max_batches=80000"}},
  };
}

double Seconds(const timespec& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_nsec) * 1e-9;
}
double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_usec) * 1e-6;
}

// CPU time so far of a process that runs.
double CpuSeconds(pid_t pid) {
  clockid_t clock = 0;
  timespec time = {};
  clock_getcpuclockid(pid, &clock);
  clock_gettime(clock, &time);
  return Seconds(time);
}

// CPU time of all children that have ended.
double CpuSecondsOfEnded() {
  rusage usage = {};
  getrusage(RUSAGE_CHILDREN, &usage);
  return Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
}

double Median(std::vector<double> values) {
  const auto middle =
      values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The services of one storage host, with the programs of one of the builds.
class Side {
 public:
  static absl::StatusOr<Side> Start(const std::string& programs,
                                    const std::string& folder) {
    Side side;
    side.loadgen_ = programs + "/loadgen";
    side.folder_ = folder;
    std::filesystem::create_directories(folder);
    FAIRLEAD_RETURN_IF_ERROR(side.Add(absl::GetFlag(FLAGS_with) + "/registry",
                                      {"--store=:memory:"}));
    const std::string registry =
        absl::StrCat("--registry=", side.services_[0].address());
    const std::string shm = absl::StrCat("--shm_dir=", folder, "/shm");
    FAIRLEAD_RETURN_IF_ERROR(
        side.Add(programs + "/sampler_pool",
                 {registry, shm,
                  absl::StrCat("--dataset=", absl::GetFlag(FLAGS_dataset)),
                  "--workers=1"}));
    FAIRLEAD_RETURN_IF_ERROR(
        side.Add(programs + "/channel_gateway", {registry, shm}));
    return side;
  }

  struct Cost {
    double cpu_us = 0;  // of a batch, of the pool, the gateway and the trainer
    double batches_per_s = 0;
  };
  absl::StatusOr<Cost> Run(const Load& load) {
    std::vector<std::string> argv = {
        loadgen_,
        absl::StrCat("--registry=", services_[0].address()),
        "--json",
        "--epochs=1000000",
        "--prefetch_size=16",
        "--split=all"};
    argv.insert(argv.end(), load.flags.begin(), load.flags.end());
    const double before = CpuSecondsOfServices() + CpuSecondsOfEnded();
    FAIRLEAD_ASSIGN_OR_RETURN(const Outcome outcome,
                              RunToEnd(argv, kPatience, folder_));
    const double after = CpuSecondsOfServices() + CpuSecondsOfEnded();
    const auto report = nlohmann::json::parse(outcome.out, nullptr, false);
    if (outcome.exit_code != 0 || report.is_discarded()) {
      return absl::InternalError(absl::StrCat("loadgen: ", outcome.err));
    }
    return Cost{(after - before) * 1e6 / report["batches"].get<double>(),
                report["batches_per_s"].get<double>()};
  }

 private:
  absl::Status Add(const std::string& program,
                   const std::vector<std::string>& flags) {
    std::vector<std::string> argv = {program, "--listen=127.0.0.1:0",
                                     "--metrics_listen=127.0.0.1:0"};
    argv.insert(argv.end(), flags.begin(), flags.end());
    FAIRLEAD_ASSIGN_OR_RETURN(
        ServiceProcess service,
        ServiceProcess::Start(
            argv, absl::StrCat(folder_, "/", services_.size(), ".log"),
            kPatience));
    services_.push_back(std::move(service));
    return absl::OkStatus();
  }

  double CpuSecondsOfServices() {
    double sum = 0;
    for (ServiceProcess& service : services_) {
      sum += CpuSeconds(service.process().pid());
    }
    return sum;
  }

  std::string loadgen_;
  std::string folder_;
  std::vector<ServiceProcess> services_;
};

absl::Status Measure() {
  const std::string folder =
      absl::StrCat("/dev/shm/fairlead-build-cost-", getpid());
  FAIRLEAD_ASSIGN_OR_RETURN(
      Side with, Side::Start(absl::GetFlag(FLAGS_with), folder + "/with"));
  FAIRLEAD_ASSIGN_OR_RETURN(
      Side without,
      Side::Start(absl::GetFlag(FLAGS_without), folder + "/without"));
  const std::array<Side*, 2> sides = {&with, &without};
  for (const Load& load : Loads()) {
    std::array<std::vector<double>, 2> cpu;
    std::array<std::vector<double>, 2> speed;
    std::vector<double> cpu_ratios;
    std::vector<double> speed_ratios;
    for (int round = 0; round < absl::GetFlag(FLAGS_rounds); ++round) {
      std::array<Side::Cost, 2> costs;
      for (size_t turn = 0; turn < 2; ++turn) {
        // Who goes first alternates, too.
        const size_t side = (turn + static_cast<size_t>(round)) % 2;
        FAIRLEAD_ASSIGN_OR_RETURN(costs[side], sides[side]->Run(load));
        cpu[side].push_back(costs[side].cpu_us);
        speed[side].push_back(costs[side].batches_per_s);
      }
      cpu_ratios.push_back(costs[0].cpu_us / costs[1].cpu_us);
      speed_ratios.push_back(costs[0].batches_per_s / costs[1].batches_per_s);
    }
    printf(
        "%s: CPU of a batch %.2f us with, %.2f us without: %+.2f %%; "
        "%.0f batches/s with, %.0f without: %+.2f %% (medians of %d pairs)\n",
        load.name.c_str(), Median(cpu[0]), Median(cpu[1]),
        (Median(cpu_ratios) - 1) * 100, Median(speed[0]), Median(speed[1]),
        (Median(speed_ratios) - 1) * 100, absl::GetFlag(FLAGS_rounds));
    fflush(stdout);
  }
  std::filesystem::remove_all(folder);
  return absl::OkStatus();
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::ParseFlagsOnly(
      argc, argv,
      "Measures what a batch costs with programs of two builds.\n"
      "Example: build_cost --with=/tmp/with --without=/tmp/without "
      "--dataset=/tmp/wordnet",
      __FILE__);
  return fairlead::ExitCode("build_cost", fairlead::Measure());
}
