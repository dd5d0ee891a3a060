#include "tools/fairleadctl/scrape.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/http_get/http_get.h"
#include "libs/status/status_macros.h"
#include "tools/fairleadctl/prometheus_text.h"

namespace fairlead {

absl::StatusOr<std::vector<MetricSample>> ScrapeMetrics(
    const std::string& address, absl::Duration timeout) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string page,
                            HttpGet(address, "/metrics", timeout));
  absl::StatusOr<std::vector<MetricSample>> samples = ParsePrometheusText(page);
  if (!samples.ok()) {
    return absl::UnavailableError(
        absl::StrCat("http://", address,
                     "/metrics: ", std::string(samples.status().message())));
  }
  return samples;
}

}  // namespace fairlead
