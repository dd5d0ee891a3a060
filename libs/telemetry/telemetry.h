#ifndef FAIRLEAD_LIBS_TELEMETRY_TELEMETRY_H_
#define FAIRLEAD_LIBS_TELEMETRY_TELEMETRY_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/rpc/readiness.h"
#include "libs/sync/mutex.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/metrics_server.h"
#include "prometheus/collectable.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"

namespace fairlead {

// What a component says when it is asked: samples of its metrics as they are
// at that moment. A metric may be given many times, with different labels.
class MetricSamples {
 public:
  using Labels = std::map<std::string, std::string>;

  void Counter(const MetricName& metric, const Labels& labels, double value);
  void Gauge(const MetricName& metric, const Labels& labels, double value);

  std::vector<prometheus::MetricFamily> Take();

 private:
  void Add(const MetricName& metric, prometheus::MetricType type,
           const Labels& labels, double value);

  std::map<std::string, prometheus::MetricFamily> families_;
};

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
  std::string address() const {
    return server_ == nullptr ? "" : server_->address();
  }

  prometheus::Counter& Counter(const MetricName& metric,
                               const Labels& labels = {});
  prometheus::Gauge& Gauge(const MetricName& metric, const Labels& labels = {});
  prometheus::Histogram& Histogram(const MetricName& metric,
                                   const std::vector<double>& buckets,
                                   const Labels& labels = {});

  // Calls `sample` at each scrape, from the scraper's thread, until what this
  // returns is destroyed, which waits for a call under way.
  class Sampled;
  std::shared_ptr<Sampled> OnScrape(std::function<void(MetricSamples&)> sample);

  // Exposes whether the process is ready, and if not, why, from now on; /readyz
  // says that it is not, before. `readiness` must outlive this.
  void ExposeReadiness(const rpc::Readiness& readiness);

  // What is exposed now, as text: for tests and tools.
  std::string Expose() const;

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  mutable Mutex mutex_;
  std::vector<std::weak_ptr<prometheus::Collectable>> sampled_
      ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Sampled> process_;
  std::shared_ptr<Sampled> readiness_;
  std::atomic<const rpc::Readiness*> probed_ = nullptr;
  std::unique_ptr<MetricsServer> server_;  // the first to end: it asks the rest
};

// Buckets from 10 us to 10 s, two a power of ten: for what may wait for a disk,
// a network or a trainer, in seconds.
const std::vector<double>& DurationBuckets();

// Buckets from 1 us to 10 ms, for what only takes CPU time.
const std::vector<double>& ShortDurationBuckets();

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TELEMETRY_TELEMETRY_H_
