#ifndef FAIRLEAD_LIBS_TELEMETRY_TELEMETRY_H_
#define FAIRLEAD_LIBS_TELEMETRY_TELEMETRY_H_

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/telemetry/metric_names.h"
#include "prometheus/counter.h"
#include "prometheus/exposer.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace fairlead {

// The metrics of one process. Made first, handed to every component, which
// takes its handles once, at construction: they live as long as this does, and
// are safe to use from any thread.
class Telemetry {
 public:
  using Labels = std::map<std::string, std::string>;

  // Metrics that nobody scrapes: for tests, and for programs without a port.
  Telemetry();
  ~Telemetry();

  // Answers /metrics in Prometheus's format on `address`, host:port; port 0
  // takes a free one. INVALID_ARGUMENT if it is no address, UNAVAILABLE if it
  // cannot be listened on.
  static absl::StatusOr<std::unique_ptr<Telemetry>> Serve(
      const std::string& address);

  // host:port, with the port that was taken; empty if nobody scrapes.
  const std::string& address() const { return address_; }

  prometheus::Counter& Counter(const MetricName& metric,
                               const Labels& labels = {});
  prometheus::Gauge& Gauge(const MetricName& metric, const Labels& labels = {});
  prometheus::Histogram& Histogram(const MetricName& metric,
                                   const std::vector<double>& buckets,
                                   const Labels& labels = {});

  // What is exposed now, as text: for tests and tools.
  std::string Expose() const;

 private:
  class ProcessMetrics;

  std::shared_ptr<prometheus::Registry> registry_;
  std::shared_ptr<ProcessMetrics> process_;
  std::unique_ptr<prometheus::Exposer> exposer_;
  std::string address_;
};

// Buckets from 10 us to 10 s, for durations in seconds.
const std::vector<double>& DurationBuckets();

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TELEMETRY_TELEMETRY_H_
