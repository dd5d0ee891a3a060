#include "tools/bench/bench_cluster.h"

#include <signal.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/child_process/service_process.h"
#include "libs/clock/clock.h"
#include "libs/status/status_macros.h"

namespace fairlead::bench {
namespace {

constexpr absl::Duration kStartTimeout = absl::Minutes(5);
constexpr absl::Duration kStopTimeout = absl::Seconds(30);

}  // namespace

absl::StatusOr<std::unique_ptr<BenchCluster>> BenchCluster::Start(
    const Programs& programs, const Options& options) {
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<BenchCluster> cluster(new BenchCluster());
  cluster->shm_dir_ = options.shm_dir;
  FAIRLEAD_RETURN_IF_ERROR(cluster->Add(programs, "registry",
                                        "services/registry/registry", options,
                                        {"--store=:memory:"}));
  const std::string registry = absl::StrCat("--registry=", cluster->registry());
  const std::string shm_dir = absl::StrCat("--shm_dir=", options.shm_dir);
  std::vector<std::string> pool = {
      registry, shm_dir, absl::StrCat("--dataset=", options.dataset),
      absl::StrCat("--workers=", options.workers), "--shm_budget=16GB"};
  pool.insert(pool.end(), options.pool_flags.begin(), options.pool_flags.end());
  const RealClock clock;
  const absl::Duration start = clock.MonotonicNow();
  FAIRLEAD_RETURN_IF_ERROR(cluster->Add(
      programs, "pool", "services/sampler_pool/sampler_pool", options, pool));
  cluster->pool_start_ = clock.MonotonicNow() - start;
  FAIRLEAD_RETURN_IF_ERROR(cluster->Add(
      programs, "gateway", "services/channel_gateway/channel_gateway", options,
      {registry, shm_dir, "--shm_budget=16GB"}));
  return cluster;
}

absl::Status BenchCluster::Add(const Programs& programs,
                               const std::string& name,
                               const std::string& program,
                               const Options& options,
                               const std::vector<std::string>& flags) {
  std::vector<std::string> argv = {programs.Path(program),
                                   "--listen=127.0.0.1:0",
                                   "--metrics_listen=127.0.0.1:0"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  FAIRLEAD_ASSIGN_OR_RETURN(
      ServiceProcess service,
      ServiceProcess::Start(argv,
                            absl::StrCat(options.folder, "/", name, ".log"),
                            kStartTimeout));
  services_.emplace_back(name, std::move(service));
  return absl::OkStatus();
}

BenchCluster::~BenchCluster() {
  for (auto& [unused, service] : services_) service.process().Signal(SIGTERM);
  for (auto& [unused, service] : services_) {
    service.process().Wait(kStopTimeout).IgnoreError();
  }
  services_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(shm_dir_, ignored);
}

std::map<std::string, pid_t> BenchCluster::pids() {
  std::map<std::string, pid_t> pids;
  for (auto& [name, service] : services_) {
    pids[name] = service.process().pid();
  }
  return pids;
}

}  // namespace fairlead::bench
