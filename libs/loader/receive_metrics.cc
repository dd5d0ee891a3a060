#include "libs/loader/receive_metrics.h"

#include <functional>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "libs/loader/received_batch.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"

namespace fairlead {
namespace {

void Sample(const ReceiveStats& stats, const MetricSamples::Labels& labels,
            MetricSamples& samples) {
  samples.Counter(metrics::kLoaderBatches, labels,
                  static_cast<double>(stats.batches));
  samples.Counter(metrics::kLoaderRequestedBatches, labels,
                  static_cast<double>(stats.requested));
  samples.Counter(metrics::kLoaderStartSeconds, labels,
                  absl::ToDoubleSeconds(stats.starting));
  samples.Gauge(metrics::kLoaderQueuedBatches, labels,
                static_cast<double>(stats.queued));
  samples.Gauge(metrics::kLoaderPrefetchBatches, labels,
                static_cast<double>(stats.prefetch));
  samples.Counter(metrics::kLoaderWaitSeconds, labels,
                  absl::ToDoubleSeconds(stats.waited));
  samples.Counter(metrics::kLoaderStalls, labels,
                  static_cast<double>(stats.stalls));
  samples.Counter(metrics::kLoaderDecodeSeconds, labels,
                  absl::ToDoubleSeconds(stats.decoding));
  samples.Counter(metrics::kLoaderCopySeconds, labels,
                  absl::ToDoubleSeconds(stats.landing));
}

}  // namespace

std::shared_ptr<Telemetry::Sampled> ExposeReceiveStats(
    Telemetry& telemetry, const MetricSamples::Labels& labels,
    std::function<ReceiveStats()> stats) {
  return telemetry.OnScrape(
      [labels, stats = std::move(stats)](MetricSamples& samples) {
        Sample(stats(), labels, samples);
      });
}

}  // namespace fairlead
