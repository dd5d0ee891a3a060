#include "integration_tests/harness/test_cluster.h"

#include <signal.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"

namespace fairlead::testing {
namespace {

std::string NewFolderIn(const std::string& parent) {
  std::string folder = absl::StrCat(parent, "/fairlead-test-XXXXXX");
  EXPECT_NE(mkdtemp(folder.data()), nullptr) << folder;
  return folder;
}

}  // namespace

std::string Program(const std::string& path) {
  return absl::StrCat(std::getenv("TEST_SRCDIR"), "/",
                      std::getenv("TEST_WORKSPACE"), "/", path);
}

std::string NewFolder() { return NewFolderIn(::testing::TempDir()); }

absl::StatusOr<Outcome> RunProgram(const std::string& program,
                                   std::vector<std::string> flags) {
  std::vector<std::string> argv = {Program(program)};
  argv.insert(argv.end(), flags.begin(), flags.end());
  return RunToEnd(argv, kPatience, NewFolder());
}

absl::StatusOr<std::string> MakeKronecker(int scale) {
  const std::string folder = NewFolder();
  FAIRLEAD_ASSIGN_OR_RETURN(
      const Outcome made,
      RunProgram("tools/dataset/dataset",
                 {"kronecker", absl::StrCat("--out=", folder),
                  absl::StrCat("--scale=", scale), "--edge_factor=8",
                  "--feature_dim=16"}));
  if (made.exit_code != 0) return absl::InternalError(made.err);
  return folder;
}

absl::StatusOr<std::unique_ptr<TestCluster>> TestCluster::Start(
    const Options& options) {
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<TestCluster> cluster(new TestCluster());
  cluster->folder_ = NewFolder();
  cluster->shm_dir_ = NewFolderIn("/dev/shm");
  const auto start = [&](const std::string& name,
                         std::vector<std::string> flags) {
    std::vector<std::string> argv = {
        Program(absl::StrCat("services/", name, "/", name)),
        "--listen=127.0.0.1:0", "--metrics_listen=127.0.0.1:0"};
    argv.insert(argv.end(), flags.begin(), flags.end());
    absl::StatusOr<ServiceProcess> service = ServiceProcess::Start(
        argv, absl::StrCat(cluster->folder_, "/", name, ".log"), kPatience);
    if (service.ok()) cluster->services_.push_back(*std::move(service));
    return service.status();
  };
  FAIRLEAD_RETURN_IF_ERROR(start(
      "registry", {absl::StrCat("--store=", cluster->folder_, "/store.db")}));
  const std::string registry =
      absl::StrCat("--registry=", cluster->registry().address());
  const std::string shm_dir = absl::StrCat("--shm_dir=", cluster->shm_dir_);
  std::vector<std::string> pool_flags = {
      registry, shm_dir, absl::StrCat("--dataset=", options.dataset),
      absl::StrCat("--workers=", options.workers)};
  pool_flags.insert(pool_flags.end(), options.pool_flags.begin(),
                    options.pool_flags.end());
  FAIRLEAD_RETURN_IF_ERROR(start("sampler_pool", pool_flags));
  FAIRLEAD_RETURN_IF_ERROR(start("channel_gateway", {registry, shm_dir}));
  return cluster;
}

TestCluster::~TestCluster() {
  services_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(shm_dir_, ignored);
}

absl::StatusOr<nlohmann::json> TestCluster::Load(
    std::vector<std::string> flags) {
  flags.push_back("--json");
  flags.push_back(absl::StrCat("--registry=", registry().address()));
  FAIRLEAD_ASSIGN_OR_RETURN(const Outcome outcome,
                            RunProgram("tools/loadgen/loadgen", flags));
  nlohmann::json json = nlohmann::json::parse(outcome.out, nullptr,
                                              /*allow_exceptions=*/false);
  if (outcome.exit_code != 0 || !json.is_object()) {
    return absl::InternalError(absl::StrCat("loadgen ended with ",
                                            outcome.exit_code, ": ",
                                            outcome.out, outcome.err));
  }
  return json;
}

absl::Status TestCluster::Stop() {
  for (ServiceProcess& service : services_) service.process().Signal(SIGTERM);
  for (ServiceProcess& service : services_) {
    FAIRLEAD_ASSIGN_OR_RETURN(const int exit_code,
                              service.process().Wait(kPatience));
    if (exit_code != 0) {
      return absl::InternalError(
          absl::StrCat(service.log(), ": ended with ", exit_code));
    }
  }
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(shm_dir_, error)) {
    return absl::InternalError(
        absl::StrCat(entry.path().string(), ": was left behind"));
  }
  return absl::OkStatus();
}

}  // namespace fairlead::testing
