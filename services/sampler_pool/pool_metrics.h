#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_METRICS_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_METRICS_H_

#include <cstddef>
#include <vector>

#include "libs/partition_client/partition_client.h"
#include "libs/row_cache/row_cache.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {

// The pool's metrics, looked up once. Thread-safe.
struct PoolMetrics {
  explicit PoolMetrics(Telemetry& telemetry)
      : batches_ok(
            telemetry.Counter(metrics::kPoolBatches, {{"result", "ok"}})),
        batches_failed(
            telemetry.Counter(metrics::kPoolBatches, {{"result", "failed"}})),
        batch_bytes(telemetry.Counter(metrics::kPoolBatchBytes)),
        sampled_edges(telemetry.Counter(metrics::kPoolSampledEdges)),
        waits_for_room(telemetry.Counter(metrics::kPoolWaitsForRoom)),
        busy_seconds(telemetry.Counter(metrics::kPoolWorkerBusySeconds)),
        workers(telemetry.Gauge(metrics::kPoolWorkers)),
        queue_seconds(telemetry.Histogram(metrics::kPoolStageSeconds,
                                          DurationBuckets(),
                                          {{"stage", "queued"}})),
        sample_seconds(telemetry.Histogram(metrics::kPoolStageSeconds,
                                           DurationBuckets(),
                                           {{"stage", "sample"}})),
        write_seconds(telemetry.Histogram(metrics::kPoolStageSeconds,
                                          DurationBuckets(),
                                          {{"stage", "write"}})) {}

  prometheus::Counter& batches_ok;
  prometheus::Counter& batches_failed;
  prometheus::Counter& batch_bytes;
  prometheus::Counter& sampled_edges;
  prometheus::Counter& waits_for_room;
  prometheus::Counter& busy_seconds;
  prometheus::Gauge& workers;
  prometheus::Histogram& queue_seconds;
  prometheus::Histogram& sample_seconds;
  prometheus::Histogram& write_seconds;
};

// What each channel is at, for a scrape: the first `most` channels one by one,
// the rest under the worker_key "others", so that their number does not make
// the page endless.
void SampleChannels(const std::vector<v1::ChannelDescription>& channels,
                    MetricSamples& samples, size_t most = 256);

// What the pool has to do with other partitions.
void SamplePeers(uint64_t put_aside, const PartitionClient::Counts& calls,
                 const RowCache::Counts& cache, MetricSamples& samples);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_METRICS_H_
