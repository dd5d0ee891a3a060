#include "integration_tests/harness/prometheus_server.h"

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/child_process.h"
#include "libs/http_get/http_get.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"

namespace fairlead::testing {

bool IsInstalled(absl::string_view program) {
  const char* path = std::getenv("PATH");
  if (path == nullptr) return false;
  for (const absl::string_view folder : absl::StrSplit(path, ':')) {
    if (access(absl::StrCat(folder, "/", program).c_str(), X_OK) == 0) {
      return true;
    }
  }
  return false;
}

absl::StatusOr<std::unique_ptr<PrometheusServer>> PrometheusServer::Start(
    TestCluster& cluster, absl::Duration interval) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      ChildProcess process,
      ChildProcess::Start(
          {Program("tools/dashboards:serve.sh"),
           absl::StrCat("--registry=", cluster.registry_addresses()),
           absl::StrCat("--registry_metrics=",
                        cluster.registry().metrics_address()),
           "--listen=127.0.0.1:0",
           absl::StrCat("--interval=", absl::ToInt64Milliseconds(interval),
                        "ms"),
           absl::StrCat("--fairleadctl=", Program("tools/fairleadctl"))},
          {}));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<std::string> line,
                            process.ReadLine(kPatience));
  const std::string said = line.value_or("it ended");
  absl::string_view address = said;
  if (!absl::ConsumePrefix(&address, "dashboard: http://")) {
    return absl::UnavailableError(
        absl::StrCat("tools/dashboards/serve.sh said no address: ", said));
  }
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<PrometheusServer>(new PrometheusServer(
      std::move(process), std::string(address.substr(0, address.find('/')))));
}

absl::StatusOr<nlohmann::json> PrometheusServer::Get(
    const std::string& path,
    const std::vector<std::pair<std::string, std::string>>& parameters) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::string body,
      HttpGet(address_, "/api/v1/" + path, kPatience, parameters));
  nlohmann::json answer = nlohmann::json::parse(body, nullptr, false);
  if (!answer.is_object() || answer.value("status", "") != "success") {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", body));
  }
  return std::move(answer["data"]);
}

absl::StatusOr<nlohmann::json> PrometheusServer::QueryRange(
    const std::string& query, absl::Duration window) {
  const absl::Time now = absl::Now();
  FAIRLEAD_ASSIGN_OR_RETURN(
      nlohmann::json data,
      Get("query_range",
          {{"query", query},
           {"start", absl::StrCat(absl::ToUnixSeconds(now - window))},
           {"end", absl::StrCat(absl::ToUnixSeconds(now))},
           {"step", "1"}}));
  return std::move(data["result"]);
}

absl::Status PrometheusServer::Stop() {
  FAIRLEAD_ASSIGN_OR_RETURN(const int exit_code, process_.Terminate(kPatience));
  if (exit_code == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("tools/dashboards/serve.sh ended with ", exit_code));
}

}  // namespace fairlead::testing
