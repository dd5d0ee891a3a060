#include "services/registry/registry_metrics.h"

#include <cstdint>

#include "absl/time/time.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"
#include "services/registry/registry_state.h"

namespace fairlead {

void SampleRegistry(const RegistryCounts& counts, MetricSamples& samples) {
  const auto gauge = [&samples](const MetricName& metric,
                                const MetricSamples::Labels& labels,
                                uint64_t value) {
    samples.Gauge(metric, labels, static_cast<double>(value));
  };
  gauge(metrics::kRegistryMembers, {{"role", "sampler_pool"}},
        counts.sampler_pools);
  gauge(metrics::kRegistryMembers, {{"role", "channel_gateway"}},
        counts.channel_gateways);
  gauge(metrics::kRegistryMembers, {{"role", "trainer"}}, counts.trainers);
  gauge(metrics::kRegistryDrainingMembers, {}, counts.draining);
  gauge(metrics::kRegistryBackends, {}, counts.backends);
  gauge(metrics::kRegistryChannels, {{"state", "assigned"}}, counts.assigned);
  gauge(metrics::kRegistryChannels, {{"state", "paused"}}, counts.paused);
  gauge(metrics::kRegistryChannels, {{"state", "lost"}}, counts.lost);
  samples.Gauge(metrics::kRegistryReconcileLag, {},
                absl::ToDoubleSeconds(counts.reconcile_lag));
}

}  // namespace fairlead
