#include "libs/loader/sampler_pool_process.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/security/credentials.h"
#include "libs/child_process/service_process.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/security.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr char kVariable[] = "FAIRLEAD_SAMPLER_POOL";
constexpr absl::Duration kGrace = absl::Seconds(5);

bool CanRun(const std::string& path) { return access(path.c_str(), X_OK) == 0; }

std::string Environment(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

absl::StatusOr<std::string> FindSamplerPool(const std::string& wanted) {
  const std::string from_environment = Environment(kVariable);
  for (const auto& [name, path] :
       {std::pair(std::string("sampler_pool_program"), wanted),
        std::pair(absl::StrCat("$", kVariable), from_environment)}) {
    if (path.empty()) continue;
    if (CanRun(path)) return path;
    return absl::NotFoundError(absl::StrCat(
        name, ": ", path,
        " is no program that can be run; build //services/sampler_pool and "
        "name what comes of it"));
  }
  std::error_code unknown;
  const std::string self =
      std::filesystem::read_symlink("/proc/self/exe", unknown).string();
  constexpr char kInRunfiles[] = "/fairlead/services/sampler_pool/sampler_pool";
  std::vector<std::string> places = {
      (std::filesystem::path(self).parent_path() / "sampler_pool").string(),
      absl::StrCat(self, ".runfiles", kInRunfiles)};
  const std::string runfiles = Environment("RUNFILES_DIR");
  if (!runfiles.empty()) places.push_back(absl::StrCat(runfiles, kInRunfiles));
  for (const std::string& place : places) {
    if (CanRun(place)) return place;
  }
  return absl::NotFoundError(absl::StrCat(
      "sampler_pool_program: there is none at ", absl::StrJoin(places, ", "),
      "; build //services/sampler_pool and name it there, or in $", kVariable));
}

absl::StatusOr<std::unique_ptr<SamplerPoolProcess>> SamplerPoolProcess::Start(
    const std::vector<std::string>& argv,
    const std::shared_ptr<rpc::Security>& security, const std::string& log,
    absl::Duration timeout) {
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<SamplerPoolProcess> process(new SamplerPoolProcess());
  std::shared_ptr<grpc::ChannelCredentials> credentials =
      grpc::InsecureChannelCredentials();
  std::vector<std::string> command = argv;
  if (security != nullptr && !security->options().tls_cert.empty()) {
    credentials = security->ChannelCredentials(rpc::Peer::kOwnJob);
    for (std::string& flag : rpc::FlagsOf(security->options())) {
      command.push_back(std::move(flag));
    }
  }
  process->thread_ = std::thread([p = process.get(), command, log, timeout] {
    p->Run(command, log, timeout);
  });
  MutexLock lock(&process->mutex_);
  const auto has_started = [&process]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return process->started_.has_value();
  };
  process->mutex_.Await(absl::Condition(&has_started));
  FAIRLEAD_RETURN_IF_ERROR(*process->started_);
  process->channel_ = rpc::MakeChannel(process->address_, credentials);
  return process;
}

SamplerPoolProcess::~SamplerPoolProcess() {
  channel_.reset();  // or the server would wait for the connection to go
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void SamplerPoolProcess::Run(const std::vector<std::string>& argv,
                             const std::string& log, absl::Duration timeout) {
  absl::StatusOr<ServiceProcess> service =
      ServiceProcess::Start(argv, log, timeout);
  {
    MutexLock lock(&mutex_);
    started_ = service.status();
    if (!service.ok()) return;
    address_ = service->address();
    pid_ = service->process().pid();
    mutex_.Await(absl::Condition(&stopping_));
  }
  service->process().Terminate(kGrace).IgnoreError();
}

}  // namespace fairlead
