#ifndef FAIRLEAD_SERVICES_REGISTRY_REGISTRY_METRICS_H_
#define FAIRLEAD_SERVICES_REGISTRY_REGISTRY_METRICS_H_

#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"

namespace fairlead {

// The registry's metrics, looked up once.
struct RegistryMetrics {
  explicit RegistryMetrics(Telemetry& telemetry)
      : sampler_pools(telemetry.Gauge(metrics::kRegistryMembers,
                                      {{"role", "sampler_pool"}})),
        channel_gateways(telemetry.Gauge(metrics::kRegistryMembers,
                                         {{"role", "channel_gateway"}})),
        trainers(
            telemetry.Gauge(metrics::kRegistryMembers, {{"role", "trainer"}})),
        backends(telemetry.Gauge(metrics::kRegistryBackends)),
        channels(telemetry.Gauge(metrics::kRegistryChannels)),
        expired_leases(telemetry.Counter(metrics::kRegistryExpiredLeases)),
        store_commit_seconds(telemetry.Histogram(
            metrics::kRegistryStoreCommitSeconds, DurationBuckets())) {}

  prometheus::Gauge& sampler_pools;
  prometheus::Gauge& channel_gateways;
  prometheus::Gauge& trainers;
  prometheus::Gauge& backends;
  prometheus::Gauge& channels;
  prometheus::Counter& expired_leases;
  prometheus::Histogram& store_commit_seconds;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_REGISTRY_METRICS_H_
