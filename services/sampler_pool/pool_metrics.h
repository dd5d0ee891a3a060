#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_METRICS_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_METRICS_H_

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
                                          {{"stage", "write"}})),
        idle_channels(
            telemetry.Gauge(metrics::kPoolChannels, {{"state", "idle"}})),
        runnable_channels(
            telemetry.Gauge(metrics::kPoolChannels, {{"state", "runnable"}})),
        parked_channels(
            telemetry.Gauge(metrics::kPoolChannels, {{"state", "parked"}})) {}

  // One channel more or less in a state; nothing for a state that is not
  // counted.
  void CountChannel(v1::ChannelState state, int change) {
    if (state == v1::CHANNEL_STATE_IDLE) idle_channels.Increment(change);
    if (state == v1::CHANNEL_STATE_RUNNABLE) {
      runnable_channels.Increment(change);
    }
    if (state == v1::CHANNEL_STATE_PARKED) parked_channels.Increment(change);
  }

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
  prometheus::Gauge& idle_channels;
  prometheus::Gauge& runnable_channels;
  prometheus::Gauge& parked_channels;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_METRICS_H_
