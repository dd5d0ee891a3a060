#include "integration_tests/harness/running_load.h"

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/child_process.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"

namespace fairlead::testing {

absl::StatusOr<std::unique_ptr<RunningLoad>> RunningLoad::Start(
    TestCluster& cluster, const std::vector<std::string>& flags,
    const std::vector<std::string>& launcher) {
  std::vector<std::string> argv = launcher;
  argv.push_back(Program("tools/loadgen"));
  argv.insert(argv.end(), flags.begin(), flags.end());
  argv.push_back("--json");
  argv.push_back("--log_batches");
  argv.push_back(absl::StrCat("--registry=", cluster.registry_addresses()));
  const std::string err = NewFolder() + "/loadgen.log";
  FAIRLEAD_ASSIGN_OR_RETURN(ChildProcess process,
                            ChildProcess::Start(argv, {.err = err}));
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<RunningLoad> load(new RunningLoad(std::move(process), err));
  load->reader_ = std::thread([l = load.get()] { l->Read(); });
  return load;
}

RunningLoad::~RunningLoad() {
  process_.Signal(SIGKILL);  // nothing, if Finish saw its end
  reader_.join();
}

void RunningLoad::Read() {
  while (true) {
    const absl::StatusOr<std::optional<std::string>> line =
        process_.ReadLine(kPatience);
    const nlohmann::json json =
        line.ok() && line->has_value()
            ? nlohmann::json::parse(**line, nullptr, /*allow_exceptions=*/false)
            : nlohmann::json();
    MutexLock lock(&mutex_);
    if (!json.is_object()) {
      is_over_ = true;
      return;
    }
    if (!json.contains("batch_index")) {
      report_ = json;
      continue;
    }
    arrivals_.push_back(
        {.client = json["client"],
         .server = json["server"],
         .epoch = json["epoch"],
         .attempt = json["attempt"],
         .batch_index = json["batch_index"],
         .digest = json["digest"],
         .received = absl::Nanoseconds(json["received_ns"].get<int64_t>())});
  }
}

bool RunningLoad::AwaitBatches(size_t more) {
  MutexLock lock(&mutex_);
  const size_t wanted = arrivals_.size() + more;
  const auto there = [this, wanted]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return is_over_ || arrivals_.size() >= wanted;
  };
  mutex_.Await(absl::Condition(&there));
  return arrivals_.size() >= wanted && !is_over_;
}

std::vector<Arrival> RunningLoad::arrivals() {
  MutexLock lock(&mutex_);
  return arrivals_;
}

absl::StatusOr<nlohmann::json> RunningLoad::Finish() {
  {
    MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&is_over_));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const int exit_code, process_.Wait(kPatience));
  MutexLock lock(&mutex_);
  if (exit_code == 0 && report_.is_object()) return report_;
  std::ifstream err(err_);
  return absl::InternalError(
      absl::StrCat("loadgen ended with ", exit_code, ": ", report_.dump(), "\n",
                   std::string(std::istreambuf_iterator<char>(err), {})));
}

absl::Status RunningLoad::CheckExact(const BatchDigests& owed,
                                     uint64_t clients) {
  std::vector<BatchDigests> open(clients, owed);
  MutexLock lock(&mutex_);
  for (const Arrival& batch : arrivals_) {
    const std::string what = absl::StrCat("client ", batch.client, ", server ",
                                          batch.server, ", epoch ", batch.epoch,
                                          ", batch ", batch.batch_index, ": ");
    if (batch.client >= clients) {
      return absl::InternalError(absl::StrCat(what, "of no such client"));
    }
    const auto it =
        open[batch.client].find({batch.server, batch.epoch, batch.batch_index});
    if (it == open[batch.client].end()) {
      return absl::DataLossError(
          absl::StrCat(what, "came twice, or is none of the epoch"));
    }
    if (it->second != batch.digest) {
      return absl::DataLossError(absl::StrCat(
          what, "has the digest ", batch.digest, ", not ", it->second));
    }
    open[batch.client].erase(it);
  }
  for (uint64_t client = 0; client < clients; ++client) {
    if (open[client].empty()) continue;
    return absl::DataLossError(absl::StrCat(
        "client ", client, ": ", open[client].size(), " batches never came"));
  }
  return absl::OkStatus();
}

BatchDigests RunningLoad::Digests() {
  MutexLock lock(&mutex_);
  BatchDigests digests;
  for (const Arrival& batch : arrivals_) {
    if (batch.client != 0) continue;
    digests[{batch.server, batch.epoch, batch.batch_index}] = batch.digest;
  }
  return digests;
}

}  // namespace fairlead::testing
