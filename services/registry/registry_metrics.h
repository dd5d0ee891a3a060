#ifndef FAIRLEAD_SERVICES_REGISTRY_REGISTRY_METRICS_H_
#define FAIRLEAD_SERVICES_REGISTRY_REGISTRY_METRICS_H_

#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"
#include "services/registry/registry_state.h"

namespace fairlead {

// The registry's metrics, looked up once.
struct RegistryMetrics {
  explicit RegistryMetrics(Telemetry& telemetry)
      : joins(telemetry.Counter(metrics::kRegistryJoins)),
        renewals(telemetry.Counter(metrics::kRegistryRenewals)),
        expired_leases(telemetry.Counter(metrics::kRegistryExpiredLeases)),
        epochs(telemetry.Counter(metrics::kRegistryEpochs)),
        resumed_epochs(telemetry.Counter(metrics::kRegistryResumedEpochs)),
        moved_channels(telemetry.Counter(metrics::kRegistryMovedChannels)),
        refused_moves(telemetry.Counter(metrics::kRegistryRefusedMoves)),
        store_failures(telemetry.Counter(metrics::kRegistryStoreFailures)),
        store_commit_seconds(telemetry.Histogram(
            metrics::kRegistryStoreCommitSeconds, DurationBuckets())) {}

  prometheus::Counter& joins;
  prometheus::Counter& renewals;
  prometheus::Counter& expired_leases;
  prometheus::Counter& epochs;
  prometheus::Counter& resumed_epochs;
  prometheus::Counter& moved_channels;
  prometheus::Counter& refused_moves;
  prometheus::Counter& store_failures;
  prometheus::Histogram& store_commit_seconds;
};

// What there is, for a scrape.
void SampleRegistry(const RegistryCounts& counts, MetricSamples& samples);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_REGISTRY_METRICS_H_
