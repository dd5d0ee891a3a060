#include "libs/telemetry/telemetry.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/rpc/address.h"
#include "libs/rpc/readiness.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/process_metrics.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace fairlead {

void MetricSamples::Add(const MetricName& metric, prometheus::MetricType type,
                        const Labels& labels, double value) {
  prometheus::MetricFamily& family = families_[metric.name];
  family.name = metric.name;
  family.help = metric.help;
  family.type = type;
  prometheus::ClientMetric& sample = family.metric.emplace_back();
  for (const auto& [name, label] : labels)
    sample.label.push_back({name, label});
  sample.counter.value = value;
  sample.gauge.value = value;
}

void MetricSamples::Counter(const MetricName& metric, const Labels& labels,
                            double value) {
  Add(metric, prometheus::MetricType::Counter, labels, value);
}

void MetricSamples::Gauge(const MetricName& metric, const Labels& labels,
                          double value) {
  Add(metric, prometheus::MetricType::Gauge, labels, value);
}

std::vector<prometheus::MetricFamily> MetricSamples::Take() {
  std::vector<prometheus::MetricFamily> families;
  families.reserve(families_.size());
  for (auto& [name, family] : families_) families.push_back(std::move(family));
  families_.clear();
  return families;
}

class Telemetry::Sampled {
 public:
  explicit Sampled(std::function<void(MetricSamples&)> sample)
      : source_(std::make_shared<Source>(std::move(sample))) {}
  ~Sampled() { source_->Stop(); }
  Sampled(const Sampled&) = delete;
  Sampled& operator=(const Sampled&) = delete;

  std::shared_ptr<prometheus::Collectable> source() const { return source_; }

 private:
  // A scraper may hold on to it for longer than there is something to ask.
  class Source final : public prometheus::Collectable {
   public:
    explicit Source(std::function<void(MetricSamples&)> sample)
        : sample_(std::move(sample)) {}

    std::vector<prometheus::MetricFamily> Collect() const override {
      MetricSamples samples;
      MutexLock lock(&mutex_);
      if (sample_ != nullptr) sample_(samples);
      return samples.Take();
    }
    void Stop() {
      MutexLock lock(&mutex_);
      sample_ = nullptr;
    }

   private:
    mutable Mutex mutex_;
    std::function<void(MetricSamples&)> sample_ ABSL_GUARDED_BY(mutex_);
  };

  const std::shared_ptr<Source> source_;
};

Telemetry::Telemetry() : registry_(std::make_shared<prometheus::Registry>()) {
  // Read when they are scraped, not before.
  process_ = OnScrape(SampleProcess);
}

void Telemetry::ExposeReadiness(const rpc::Readiness& readiness) {
  readiness_ = OnScrape([&readiness](MetricSamples& samples) {
    samples.Gauge(metrics::kReady, {}, readiness.ready() ? 1 : 0);
    for (const auto& [reason, holds] : readiness.reasons()) {
      samples.Gauge(metrics::kNotReady, {{"reason", reason}}, holds ? 1 : 0);
    }
  });
  probed_ = &readiness;
}

std::shared_ptr<Telemetry::Sampled> Telemetry::OnScrape(
    std::function<void(MetricSamples&)> sample) {
  auto sampled = std::make_shared<Sampled>(std::move(sample));
  MutexLock lock(&mutex_);
  sampled_.erase(
      std::remove_if(sampled_.begin(), sampled_.end(),
                     [](const auto& weak) { return weak.expired(); }),
      sampled_.end());
  sampled_.push_back(sampled->source());
  return sampled;
}

Telemetry::~Telemetry() = default;

absl::StatusOr<std::unique_ptr<Telemetry>> Telemetry::Serve(
    const std::string& address) {
  FAIRLEAD_RETURN_IF_ERROR(rpc::CheckAddress("--metrics_listen", address));
  auto telemetry = std::make_unique<Telemetry>();
  prometheus::Histogram& seconds =
      telemetry->Histogram(metrics::kScrapeSeconds, DurationBuckets());
  FAIRLEAD_ASSIGN_OR_RETURN(
      telemetry->server_,
      MetricsServer::Start(
          address,
          [&seconds, scraped = telemetry.get()] {
            const auto begin = std::chrono::steady_clock::now();
            std::string page = scraped->Expose();
            seconds.Observe(std::chrono::duration<double>(
                                std::chrono::steady_clock::now() - begin)
                                .count());
            return page;
          },
          [probed = telemetry.get()] {
            const rpc::Readiness* const readiness = probed->probed_.load();
            return readiness != nullptr && readiness->ready();
          }));
  return telemetry;
}

prometheus::Counter& Telemetry::Counter(const MetricName& metric,
                                        const Labels& labels) {
  return prometheus::BuildCounter()
      .Name(metric.name)
      .Help(metric.help)
      .Register(*registry_)
      .Add(labels);
}

prometheus::Gauge& Telemetry::Gauge(const MetricName& metric,
                                    const Labels& labels) {
  return prometheus::BuildGauge()
      .Name(metric.name)
      .Help(metric.help)
      .Register(*registry_)
      .Add(labels);
}

prometheus::Histogram& Telemetry::Histogram(const MetricName& metric,
                                            const std::vector<double>& buckets,
                                            const Labels& labels) {
  return prometheus::BuildHistogram()
      .Name(metric.name)
      .Help(metric.help)
      .Register(*registry_)
      .Add(labels, buckets);
}

std::string Telemetry::Expose() const {
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  std::vector<std::weak_ptr<prometheus::Collectable>> all;
  {
    MutexLock lock(&mutex_);
    all = sampled_;
  }
  for (const auto& weak : all) {
    const auto sampled = weak.lock();
    if (sampled == nullptr) continue;
    for (prometheus::MetricFamily& family : sampled->Collect()) {
      families.push_back(std::move(family));
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

const std::vector<double>& DurationBuckets() {
  static const auto& buckets = *new std::vector<double>{
      1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3, 10};
  return buckets;
}

const std::vector<double>& ShortDurationBuckets() {
  static const auto& buckets = *new std::vector<double>{
      1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01};
  return buckets;
}

}  // namespace fairlead
