#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_METRICS_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_METRICS_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/time/time.h"
#include "libs/partition_client/partition_client.h"
#include "libs/row_cache/row_cache.h"
#include "libs/telemetry/channel_samples.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"
#include "services/sampler_pool/channel_table.h"

namespace fairlead {

// Where the time of one batch went; zero where it spent none.
struct BatchStages {
  absl::Duration queued;
  absl::Duration sample;
  absl::Duration remote;
  absl::Duration features;
  absl::Duration commit;
};

// The pool's metrics, looked up once. Thread-safe.
class PoolMetrics {
 public:
  // `telemetry` must outlive it.
  explicit PoolMetrics(Telemetry& telemetry);

  // A batch was handed to its channel.
  void CountBatch(uint64_t bytes, uint64_t edges, const BatchStages& stages);

  // To be looked up once by each worker.
  prometheus::Counter& WorkerBusySeconds(int worker);

  // For PartitionClient: observes each call's time, by partition.
  std::function<void(uint32_t, absl::Duration)> PeerCallObserver(
      uint32_t num_partitions);

  prometheus::Counter& batches_ok;
  prometheus::Counter& batches_failed;
  prometheus::Counter& waits_for_room;
  prometheus::Counter& device_batches;
  prometheus::Gauge& workers;
  prometheus::Histogram& room_seconds;  // of batches that waited for it

 private:
  Telemetry& telemetry_;
  prometheus::Counter& batch_bytes_;
  prometheus::Counter& sampled_edges_;
  prometheus::Histogram& queued_seconds_;
  prometheus::Histogram& sample_seconds_;
  prometheus::Histogram& remote_seconds_;
  prometheus::Histogram& features_seconds_;
  prometheus::Histogram& commit_seconds_;
};

// What a pool is at, for a scrape: the only thing of all that takes its lock.
struct PoolSnapshot {
  std::vector<ChannelTable::Snapshot> channels;
  absl::Duration now;  // when it was taken
  uint64_t shm_budget_bytes = 0;
  uint64_t shm_promised_bytes = 0;
  uint64_t put_aside = 0;  // batches that wait for other partitions
  // Batches that were in the making when a pool died here: to be made alone,
  // and not to be made at all.
  uint64_t suspects = 0;
  uint64_t poisonous = 0;
};
void SamplePool(const PoolSnapshot& pool, ChannelSamples& channels,
                MetricSamples& samples);

// What the pool has to do with other partitions.
void SamplePeers(const PartitionClient::Counts& calls,
                 const RowCache::Counts& cache, MetricSamples& samples);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_POOL_METRICS_H_
