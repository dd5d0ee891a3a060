#include "integration_tests/harness/test_cluster.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"

namespace fairlead::testing {
namespace {

absl::StatusOr<std::string> MakeFolder(const std::string& parent) {
  std::string folder = absl::StrCat(parent, "/fairlead-test-XXXXXX");
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::UnavailableError(
        absl::StrCat(folder, ": cannot be made: ", strerror(errno)));
  }
  return folder;
}

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) {
    // No test can go on, and none of them should have to ask.
    std::abort();
  }
  return value;
}

}  // namespace

std::string Program(absl::string_view target) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(target, absl::MaxSplits(':', 1));
  const auto& [folder, name] = parts;
  return absl::StrCat(
      FromEnvironment("TEST_SRCDIR"), "/", FromEnvironment("TEST_WORKSPACE"),
      "/", folder, "/",
      name.empty() ? std::filesystem::path(folder).filename().string() : name);
}

std::string NewFolder() { return *MakeFolder(FromEnvironment("TEST_TMPDIR")); }

absl::StatusOr<Outcome> RunProgram(absl::string_view target,
                                   const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {Program(target)};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return RunToEnd(argv, kPatience, NewFolder());
}

absl::StatusOr<ServiceProcess> StartRegistry(const std::string& folder,
                                             const std::string& listen) {
  return ServiceProcess::Start(
      {Program("services/registry"), "--listen=" + listen,
       "--metrics_listen=127.0.0.1:0", "--store=" + folder + "/registry.db"},
      folder + "/registry.log", kPatience);
}

uint64_t ResidentBytes(pid_t pid) {
  std::ifstream statm(absl::StrCat("/proc/", pid, "/statm"));
  uint64_t pages = 0;
  uint64_t resident_pages = 0;
  statm >> pages >> resident_pages;
  return resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

bool IsFullScale() {
  const char* scale = std::getenv("FAIRLEAD_TEST_SCALE");
  return scale != nullptr && absl::string_view(scale) == "full";
}

absl::StatusOr<std::unique_ptr<TestCluster>> TestCluster::Start(
    const Options& options) {
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<TestCluster> cluster(new TestCluster(options));
  cluster->folder_ = NewFolder();
  // A flag that is given twice has its last value.
  std::vector<std::string> registry_flags = {
      absl::StrCat("--store=", cluster->folder_, "/store.db")};
  registry_flags.insert(registry_flags.end(), options.registry_flags.begin(),
                        options.registry_flags.end());
  for (int i = 0; i < options.registries; ++i) {
    FAIRLEAD_RETURN_IF_ERROR(cluster->StartService(
        i == 0 ? "registry" : absl::StrCat("registry-", i), "registry",
        cluster->PlaceOf(i), registry_flags));
    absl::StrAppend(&cluster->registry_addresses_, i == 0 ? "" : ",",
                    cluster->services_.back().address());
  }
  for (int partition = 0; partition < options.partitions; ++partition) {
    const bool is_new_host = partition == 0 || options.host_per_partition;
    if (is_new_host) {
      FAIRLEAD_ASSIGN_OR_RETURN(cluster->shm_dirs_.emplace_back(),
                                MakeFolder("/dev/shm"));
    }
    FAIRLEAD_RETURN_IF_ERROR(
        cluster->StartPool(partition, absl::StrCat("pool-", partition), {}));
    if (!is_new_host) continue;
    FAIRLEAD_RETURN_IF_ERROR(
        cluster->StartGateway(partition, absl::StrCat("gateway-", partition)));
  }
  return cluster;
}

absl::Status TestCluster::StartPool(
    int partition, const std::string& name,
    const std::vector<std::string>& more_flags) {
  std::vector<std::string> flags = {
      absl::StrCat("--registry=", registry_addresses()),
      absl::StrCat("--shm_dir=", shm_dirs_.back()),
      absl::StrCat("--dataset=", options_.dataset),
      absl::StrCat("--workers=", options_.workers)};
  flags.insert(flags.end(), options_.pool_flags.begin(),
               options_.pool_flags.end());
  flags.push_back(absl::StrCat("--partition=", partition));
  flags.insert(flags.end(), more_flags.begin(), more_flags.end());
  return StartService(name, "sampler_pool", PlaceOf(partition), flags);
}

absl::Status TestCluster::StartGateway(int partition, const std::string& name) {
  std::vector<std::string> flags = {
      absl::StrCat("--registry=", registry_addresses()),
      absl::StrCat("--shm_dir=", shm_dirs_.back()),
      absl::StrCat("--member_name=", name)};
  flags.insert(flags.end(), options_.gateway_flags.begin(),
               options_.gateway_flags.end());
  return StartService(name, "channel_gateway", PlaceOf(partition), flags);
}

absl::Status TestCluster::AddHost(int partition, const std::string& name) {
  FAIRLEAD_ASSIGN_OR_RETURN(shm_dirs_.emplace_back(), MakeFolder("/dev/shm"));
  const std::string pool = absl::StrCat("pool-", name);
  FAIRLEAD_RETURN_IF_ERROR(
      StartPool(partition, pool, {absl::StrCat("--member_name=", pool)}));
  return StartGateway(partition, absl::StrCat("gateway-", name));
}

absl::Status TestCluster::AddGateway(const std::string& name) {
  return StartGateway(/*partition=*/0, absl::StrCat("gateway-", name));
}

absl::Status TestCluster::StartService(const std::string& name,
                                       const std::string& program,
                                       const Place& place,
                                       const std::vector<std::string>& flags) {
  std::vector<std::string> argv = place.launcher;
  argv.push_back(Program("services/" + program));
  argv.push_back(absl::StrCat("--listen=", place.address, ":0"));
  argv.push_back(absl::StrCat("--metrics_listen=", place.address, ":0"));
  argv.insert(argv.end(), flags.begin(), flags.end());
  // (Networks of tests are nobody else's.)
  if (place.address != "127.0.0.1") argv.emplace_back("--insecure_listen");
  FAIRLEAD_ASSIGN_OR_RETURN(
      ServiceProcess service,
      ServiceProcess::Start(argv, absl::StrCat(folder_, "/", name, ".log"),
                            kPatience));
  names_.push_back(name);
  services_.push_back(std::move(service));
  commands_.push_back(std::move(argv));
  return absl::OkStatus();
}

size_t TestCluster::IndexOf(absl::string_view name) const {
  return static_cast<size_t>(std::find(names_.begin(), names_.end(), name) -
                             names_.begin());
}

absl::Status TestCluster::Kill(size_t service) {
  ChildProcess& victim = services_[service].process();
  victim.Signal(SIGKILL);
  return victim.Wait(kPatience).status();
}

absl::Status TestCluster::Restart(size_t service) {
  ServiceProcess& gone = services_[service];
  std::vector<std::string> argv = commands_[service];
  argv.push_back(absl::StrCat("--listen=", gone.address()));
  argv.push_back(absl::StrCat("--metrics_listen=", gone.metrics_address()));
  FAIRLEAD_ASSIGN_OR_RETURN(gone,
                            ServiceProcess::Start(argv, gone.log(), kPatience));
  return absl::OkStatus();
}

absl::Status TestCluster::End(size_t service) {
  ServiceProcess& ended = services_[service];
  ended.process().Signal(SIGTERM);
  FAIRLEAD_ASSIGN_OR_RETURN(const int exit_code,
                            ended.process().Wait(kPatience));
  if (exit_code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the service with ", ended.log(),
                                          " ended with ", exit_code,
                                          " on SIGTERM, which asks for 0"));
}

absl::Status TestCluster::KillAndRestart(size_t service) {
  FAIRLEAD_RETURN_IF_ERROR(Kill(service));
  return Restart(service);
}

absl::StatusOr<ServiceProcess> TestCluster::Replace(size_t service) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      ServiceProcess other,
      ServiceProcess::Start(commands_[service],
                            services_[service].log() + ".again", kPatience));
  std::swap(other, services_[service]);
  return other;
}

TestCluster::~TestCluster() {
  services_.clear();
  std::error_code ignored;
  for (const std::string& shm_dir : shm_dirs_) {
    std::filesystem::remove_all(shm_dir, ignored);
  }
}

absl::StatusOr<Outcome> TestCluster::RunLoadgen(
    std::vector<std::string> flags) {
  flags.push_back(absl::StrCat("--registry=", registry_addresses()));
  return RunProgram("tools/loadgen", flags);
}

absl::StatusOr<nlohmann::json> TestCluster::Load(
    std::vector<std::string> flags) {
  flags.emplace_back("--json");
  FAIRLEAD_ASSIGN_OR_RETURN(const Outcome outcome,
                            RunLoadgen(std::move(flags)));
  if (outcome.exit_code != 0) {
    return absl::InternalError(absl::StrCat("loadgen ended with ",
                                            outcome.exit_code, ": ",
                                            outcome.out, outcome.err));
  }
  nlohmann::json report = nlohmann::json::parse(outcome.out, nullptr, false);
  if (report.is_discarded()) {
    return absl::InternalError(
        absl::StrCat("loadgen --json printed no JSON: ", outcome.out));
  }
  return report;
}

absl::Status TestCluster::Stop() {
  for (ServiceProcess& service : services_) service.process().Signal(SIGTERM);
  for (size_t i = 0; i < services_.size(); ++i) {
    FAIRLEAD_RETURN_IF_ERROR(End(i));
  }
  return CheckNothingIsLeft();
}

absl::Status TestCluster::CheckNothingIsLeft() const {
  for (const std::string& shm_dir : shm_dirs_) {
    for (const auto& left : std::filesystem::directory_iterator(shm_dir)) {
      return absl::InternalError(absl::StrCat(
          left.path().string(), ": was left behind in shared memory"));
    }
  }
  return absl::OkStatus();
}

}  // namespace fairlead::testing
