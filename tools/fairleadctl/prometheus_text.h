#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_PROMETHEUS_TEXT_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_PROMETHEUS_TEXT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fairlead {

using MetricLabels = std::map<std::string, std::string>;

struct MetricSample {
  std::string name;  // with the _sum, _count or _bucket of a histogram
  MetricLabels labels;
  double value = 0;
};

// The samples of a page in Prometheus's text format, in its order. Comments,
// types and timestamps are passed over. INVALID_ARGUMENT, naming the line, for
// what is not that format; whatever the bytes are, nothing worse happens.
absl::StatusOr<std::vector<MetricSample>> ParsePrometheusText(
    absl::string_view text);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_PROMETHEUS_TEXT_H_
