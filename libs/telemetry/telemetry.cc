#include "libs/telemetry/telemetry.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <exception>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/rpc/address.h"
#include "libs/status/status_macros.h"
#include "libs/telemetry/metric_names.h"
#include "prometheus/collectable.h"
#include "prometheus/exposer.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace fairlead {
namespace {

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0;
  double resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenFds() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  int entries = 0;
  while (readdir(directory) != nullptr) ++entries;
  closedir(directory);
  return entries - 3;  // ".", ".." and the descriptor of this look
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

// Read when they are scraped, not before.
class Telemetry::ProcessMetrics final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    return {Family(metrics::kProcessCpuSeconds, prometheus::MetricType::Counter,
                   CpuSeconds()),
            Family(metrics::kProcessResidentMemory,
                   prometheus::MetricType::Gauge, ResidentBytes()),
            Family(metrics::kProcessOpenFds, prometheus::MetricType::Gauge,
                   OpenFds())};
  }

 private:
  static prometheus::MetricFamily Family(const MetricName& metric,
                                         prometheus::MetricType type,
                                         double value) {
    prometheus::MetricFamily family;
    family.name = metric.name;
    family.help = metric.help;
    family.type = type;
    family.metric.resize(1);
    family.metric[0].counter.value = value;
    family.metric[0].gauge.value = value;
    return family;
  }
};

Telemetry::Telemetry()
    : registry_(std::make_shared<prometheus::Registry>()),
      process_(std::make_shared<ProcessMetrics>()) {}

Telemetry::~Telemetry() = default;

absl::StatusOr<std::unique_ptr<Telemetry>> Telemetry::Serve(
    const std::string& address) {
  FAIRLEAD_RETURN_IF_ERROR(rpc::CheckAddress("--metrics_listen", address));
  auto telemetry = std::make_unique<Telemetry>();
  try {
    telemetry->exposer_ = std::make_unique<prometheus::Exposer>(address, 1);
    telemetry->address_ =
        absl::StrCat(address.substr(0, address.rfind(':')), ":",
                     telemetry->exposer_->GetListeningPorts().at(0));
  } catch (const std::exception&) {
    // The library's text says neither where nor why.
    return absl::UnavailableError(
        absl::StrCat("--metrics_listen=", address,
                     ": cannot be listened on; is the port in use, or the "
                     "host not this one? Port 0 takes a free one"));
  }
  telemetry->exposer_->RegisterCollectable(telemetry->registry_);
  telemetry->exposer_->RegisterCollectable(telemetry->process_);
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
  for (prometheus::MetricFamily& family : process_->Collect()) {
    families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

const std::vector<double>& DurationBuckets() {
  static const auto& buckets = *new std::vector<double>{
      1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3, 10};
  return buckets;
}

}  // namespace fairlead
