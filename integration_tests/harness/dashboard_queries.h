#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_DASHBOARD_QUERIES_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_DASHBOARD_QUERIES_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fairlead::testing {

// A question that a dashboard asks of Prometheus.
struct DashboardQuery {
  std::string where;  // "pool.json, Workers busy"
  std::string query;  // with every variable as it is at first
};

// The queries of all panels of Grafana dashboards: the .json files of `folder`.
// INVALID_ARGUMENT, naming file and panel, for what Grafana would not show:
// no schema version, a uid or a panel's id that is there twice, a panel without
// a title, without queries, or of a data source other than `data_source`.
absl::StatusOr<std::vector<DashboardQuery>> GrafanaQueries(
    const std::string& folder, const std::string& data_source);

// Those of the console page, of its tiles, table and plots.
absl::StatusOr<std::vector<DashboardQuery>> ConsoleQueries(
    const std::string& html);

// The metrics that a query names: ours, and recorded ones, whose names have a
// colon. Of a histogram its name without _bucket, _sum or _count, which must be
// in `known` then.
std::set<std::string> MetricsOf(absl::string_view query,
                                const std::set<std::string>& known);

// The names in a text of metric_names.h.
std::set<std::string> MetricNamesIn(const std::string& header);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_DASHBOARD_QUERIES_H_
