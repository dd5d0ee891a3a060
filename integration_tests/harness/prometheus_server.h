#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_PROMETHEUS_SERVER_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_PROMETHEUS_SERVER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/child_process.h"
#include "nlohmann/json_fwd.hpp"

namespace fairlead::testing {

// Whether a program of that name is in PATH.
bool IsInstalled(absl::string_view program);

// The distribution's Prometheus, scraping a cluster, as tools/dev dashboard
// starts it. Thread-compatible.
class PrometheusServer {
 public:
  static absl::StatusOr<std::unique_ptr<PrometheusServer>> Start(
      TestCluster& cluster, absl::Duration interval);

  // host:port.
  const std::string& address() const { return address_; }
  std::string console_url() const {
    return "http://" + address_ + "/consoles/fairlead.html";
  }

  // `data` of an answer of /api/v1/`path`. INVALID_ARGUMENT with its error.
  absl::StatusOr<nlohmann::json> Get(
      const std::string& path,
      const std::vector<std::pair<std::string, std::string>>& parameters = {});

  // The result of a query over the last `window`, a value each second.
  absl::StatusOr<nlohmann::json> QueryRange(const std::string& query,
                                            absl::Duration window);

  // Ends it as ^C would. INTERNAL if it does not end with 0.
  absl::Status Stop();

 private:
  PrometheusServer(ChildProcess process, std::string address)
      : process_(std::move(process)), address_(std::move(address)) {}

  ChildProcess process_;
  std::string address_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_PROMETHEUS_SERVER_H_
