#include "tools/quickstart/local_cluster.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr absl::Duration kStartTimeout = absl::Minutes(2);
constexpr absl::Duration kStopTimeout = absl::Seconds(30);

absl::StatusOr<std::string> MakeFolder(const std::string& parent) {
  std::string folder = absl::StrCat(parent, "/fairlead-quickstart-XXXXXX");
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::UnavailableError(
        absl::StrCat(folder, ": cannot be made: ", strerror(errno)));
  }
  return folder;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalCluster>> LocalCluster::Start(
    const Options& options) {
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<LocalCluster> cluster(new LocalCluster());
  std::error_code error;
  FAIRLEAD_ASSIGN_OR_RETURN(
      cluster->folder_,
      MakeFolder(std::filesystem::temp_directory_path(error).string()));
  FAIRLEAD_ASSIGN_OR_RETURN(cluster->shm_dir_, MakeFolder("/dev/shm"));
  FAIRLEAD_RETURN_IF_ERROR(cluster->MakeDataset(options));
  FAIRLEAD_RETURN_IF_ERROR(cluster->StartService(
      options, "registry",
      {absl::StrCat("--store=", cluster->folder_, "/registry.db")}));
  const std::string registry = absl::StrCat("--registry=", cluster->registry());
  const std::string shm_dir = absl::StrCat("--shm_dir=", cluster->shm_dir_);
  FAIRLEAD_RETURN_IF_ERROR(cluster->StartService(
      options, "sampler_pool",
      {registry, shm_dir, absl::StrCat("--dataset=", cluster->dataset_),
       absl::StrCat("--workers=", options.workers)}));
  FAIRLEAD_RETURN_IF_ERROR(
      cluster->StartService(options, "channel_gateway", {registry, shm_dir}));
  return cluster;
}

absl::Status LocalCluster::MakeDataset(const Options& options) {
  dataset_ = options.dataset;
  if (!dataset_.empty()) return absl::OkStatus();
  dataset_ = folder_ + "/wordnet";
  FAIRLEAD_ASSIGN_OR_RETURN(
      const Outcome made,
      RunToEnd({options.runfiles + "/tools/dataset/dataset", "wordnet",
                absl::StrCat("--out=", dataset_),
                absl::StrCat("--feature_dim=", options.feature_dim),
                absl::StrCat("--seed=", options.seed)},
               kStartTimeout, folder_));
  if (made.exit_code == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("WordNet could not be made: ", made.err));
}

absl::Status LocalCluster::StartService(const Options& options,
                                        const std::string& name,
                                        std::vector<std::string> flags) {
  std::vector<std::string> argv = {
      absl::StrCat(options.runfiles, "/services/", name, "/", name),
      "--listen=127.0.0.1:0", "--metrics_listen=127.0.0.1:0"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  FAIRLEAD_ASSIGN_OR_RETURN(
      ServiceProcess service,
      ServiceProcess::Start(argv, absl::StrCat(folder_, "/", name, ".log"),
                            kStartTimeout));
  services_.push_back(std::move(service));
  return absl::OkStatus();
}

LocalCluster::~LocalCluster() {
  services_.clear();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  if (!shm_dir_.empty()) std::filesystem::remove_all(shm_dir_, ignored);
}

std::string LocalCluster::Describe() const {
  const char* names[] = {"registry", "sampler_pool", "channel_gateway"};
  std::string text = "three services on this host, while this runs:\n";
  for (size_t i = 0; i < services_.size(); ++i) {
    absl::StrAppend(&text, "  ", names[i], " at ", services_[i].address(),
                    ", metrics at http://", services_[i].metrics_address(),
                    "/metrics\n");
  }
  absl::StrAppend(&text,
                  "  see them: tools/dev dashboard --registry=", registry(),
                  " --registry_metrics=", services_[0].metrics_address(), "\n");
  return text;
}

absl::Status LocalCluster::Stop() {
  for (ServiceProcess& service : services_) service.process().Signal(SIGTERM);
  for (ServiceProcess& service : services_) {
    FAIRLEAD_ASSIGN_OR_RETURN(const int exit_code,
                              service.process().Wait(kStopTimeout));
    if (exit_code != 0) {
      return absl::InternalError(absl::StrCat(
          "the service at ", service.address(), " ended with ", exit_code));
    }
  }
  std::error_code error;
  if (!std::filesystem::is_empty(shm_dir_, error)) {
    return absl::InternalError(
        absl::StrCat(shm_dir_, ": the services left something behind"));
  }
  return absl::OkStatus();
}

}  // namespace fairlead
