#include "integration_tests/harness/test_cluster.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <cstdlib>
#include <filesystem>
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

absl::StatusOr<std::unique_ptr<TestCluster>> TestCluster::Start(
    const Options& options) {
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<TestCluster> cluster(new TestCluster());
  cluster->folder_ = NewFolder();
  FAIRLEAD_ASSIGN_OR_RETURN(cluster->shm_dir_, MakeFolder("/dev/shm"));
  FAIRLEAD_RETURN_IF_ERROR(cluster->StartService(
      "registry", {absl::StrCat("--store=", cluster->folder_, "/store.db")}));
  // A flag that is given twice has its last value.
  std::vector<std::string> flags = {
      absl::StrCat("--registry=", cluster->registry().address()),
      absl::StrCat("--shm_dir=", cluster->shm_dir_)};
  std::vector<std::string> pool_flags = flags;
  pool_flags.push_back(absl::StrCat("--dataset=", options.dataset));
  pool_flags.push_back(absl::StrCat("--workers=", options.workers));
  pool_flags.insert(pool_flags.end(), options.pool_flags.begin(),
                    options.pool_flags.end());
  FAIRLEAD_RETURN_IF_ERROR(cluster->StartService("sampler_pool", pool_flags));
  flags.insert(flags.end(), options.gateway_flags.begin(),
               options.gateway_flags.end());
  FAIRLEAD_RETURN_IF_ERROR(cluster->StartService("channel_gateway", flags));
  for (int partition = 1; partition < options.partitions; ++partition) {
    pool_flags.push_back(absl::StrCat("--partition=", partition));
    FAIRLEAD_RETURN_IF_ERROR(cluster->StartService("sampler_pool", pool_flags));
  }
  return cluster;
}

absl::Status TestCluster::StartService(const std::string& name,
                                       const std::vector<std::string>& flags) {
  std::vector<std::string> argv = {Program("services/" + name),
                                   "--listen=127.0.0.1:0",
                                   "--metrics_listen=127.0.0.1:0"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  FAIRLEAD_ASSIGN_OR_RETURN(
      ServiceProcess service,
      ServiceProcess::Start(
          argv, absl::StrCat(folder_, "/", name, "-", services_.size(), ".log"),
          kPatience));
  services_.push_back(std::move(service));
  commands_.push_back(std::move(argv));
  return absl::OkStatus();
}

absl::Status TestCluster::KillAndRestart(size_t service) {
  ServiceProcess& victim = services_[service];
  victim.process().Signal(SIGKILL);
  FAIRLEAD_RETURN_IF_ERROR(victim.process().Wait(kPatience).status());
  std::vector<std::string> argv = commands_[service];
  argv.push_back(absl::StrCat("--listen=", victim.address()));
  argv.push_back(absl::StrCat("--metrics_listen=", victim.metrics_address()));
  FAIRLEAD_ASSIGN_OR_RETURN(
      victim, ServiceProcess::Start(argv, victim.log(), kPatience));
  return absl::OkStatus();
}

TestCluster::~TestCluster() {
  services_.clear();
  std::error_code ignored;
  if (!shm_dir_.empty()) std::filesystem::remove_all(shm_dir_, ignored);
}

absl::StatusOr<Outcome> TestCluster::RunLoadgen(
    std::vector<std::string> flags) {
  flags.push_back(absl::StrCat("--registry=", registry().address()));
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
  for (ServiceProcess& service : services_) {
    FAIRLEAD_ASSIGN_OR_RETURN(const int exit_code,
                              service.process().Wait(kPatience));
    if (exit_code != 0) {
      return absl::InternalError(
          absl::StrCat("the service with ", service.log(), " ended with ",
                       exit_code, " on SIGTERM, which asks for 0"));
    }
  }
  for (const auto& left : std::filesystem::directory_iterator(shm_dir_)) {
    return absl::InternalError(absl::StrCat(
        left.path().string(), ": was left behind in shared memory"));
  }
  return absl::OkStatus();
}

}  // namespace fairlead::testing
