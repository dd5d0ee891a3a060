#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_SCRAPE_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_SCRAPE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/fairleadctl/prometheus_text.h"

namespace fairlead {

// The samples of http://`address`/metrics. UNAVAILABLE, naming the address, if
// it does not answer so within `timeout`.
absl::StatusOr<std::vector<MetricSample>> ScrapeMetrics(
    const std::string& address, absl::Duration timeout);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_SCRAPE_H_
