#include "services/sampler_pool/pool_metrics.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/telemetry/channel_samples.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/telemetry.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/sampler_pool/channel_table.h"

namespace fairlead {
namespace {

// From a commit's microsecond to the seconds that a batch may be queued.
const std::vector<double>& StageBuckets() {
  static const auto& buckets = *new std::vector<double>{
      1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3, 10};
  return buckets;
}

prometheus::Histogram& Stage(Telemetry& telemetry, const char* stage) {
  return telemetry.Histogram(metrics::kPoolStageSeconds, StageBuckets(),
                             {{"stage", stage}});
}

// "parked" of CHANNEL_STATE_PARKED.
std::string NameOf(v1::ChannelState state) {
  constexpr size_t kPrefix = sizeof("CHANNEL_STATE_") - 1;
  return absl::AsciiStrToLower(v1::ChannelState_Name(state).substr(kPrefix));
}

void SampleChannel(const ChannelTable::Snapshot& channel, absl::Duration now,
                   ChannelSamples::One& one) {
  const v1::ChannelDescription& is = channel.description;
  const auto gauge = [&one](const MetricName& metric, auto value) {
    one.Gauge(metric, static_cast<double>(value));
  };
  one.SetWorkerKey(is.worker_key());

  using State = ChannelTable::TimedState;
  for (const auto& [name, state] : {std::pair("idle", State::kIdle),
                                    std::pair("runnable", State::kRunnable),
                                    std::pair("parked", State::kParked),
                                    std::pair("paused", State::kPaused)}) {
    one.Counter(metrics::kPoolChannelStateSeconds,
                absl::ToDoubleSeconds(channel.times.In(state, now)),
                {"state", name});
  }
  for (const auto& [phase, batches] :
       {std::pair("total", is.batches()),
        std::pair("submitted", is.submitted_batches()),
        std::pair("completed", is.completed_batches()),
        std::pair("failed", is.failed_batches())}) {
    one.Gauge(metrics::kPoolChannelBatches, static_cast<double>(batches),
              {"phase", phase});
  }
  one.Counter(metrics::kPoolChannelEndedBatches,
              static_cast<double>(channel.ok_batches), {"result", "ok"});
  one.Counter(metrics::kPoolChannelEndedBatches,
              static_cast<double>(channel.failed_batches),
              {"result", "failed"});
  gauge(metrics::kPoolChannelInFlight, is.in_flight_batches());
  gauge(metrics::kPoolChannelCredit, is.credit_batches());
  one.Counter(metrics::kPoolChannelWorkerSeconds, is.worker_seconds());

  gauge(metrics::kShmMessages, is.buffer_messages());
  gauge(metrics::kShmCapacityBytes, is.buffer_bytes());
  gauge(metrics::kShmUsedBytes, is.buffer_used_bytes());
  one.Highest(metrics::kShmHighWaterBytes,
              static_cast<double>(is.buffer_high_water_bytes()));
  one.Counter(metrics::kShmReclaimedMessages,
              static_cast<double>(is.buffer_reclaimed_messages()));
  one.Counter(metrics::kShmWaitSeconds, is.buffer_producer_wait_seconds(),
              {"end", "producer"});
  one.Counter(metrics::kShmWaitSeconds, is.buffer_consumer_wait_seconds(),
              {"end", "consumer"});
}

}  // namespace

PoolMetrics::PoolMetrics(Telemetry& telemetry)
    : batches_ok(telemetry.Counter(metrics::kPoolBatches, {{"result", "ok"}})),
      batches_failed(
          telemetry.Counter(metrics::kPoolBatches, {{"result", "failed"}})),
      waits_for_room(telemetry.Counter(metrics::kPoolWaitsForRoom)),
      device_batches(telemetry.Counter(metrics::kPoolDeviceBatches)),
      workers(telemetry.Gauge(metrics::kPoolWorkers)),
      room_seconds(Stage(telemetry, "room")),
      telemetry_(telemetry),
      batch_bytes_(telemetry.Counter(metrics::kPoolBatchBytes)),
      sampled_edges_(telemetry.Counter(metrics::kPoolSampledEdges)),
      queued_seconds_(Stage(telemetry, "queued")),
      sample_seconds_(Stage(telemetry, "sample")),
      remote_seconds_(Stage(telemetry, "remote")),
      features_seconds_(Stage(telemetry, "features")),
      commit_seconds_(Stage(telemetry, "commit")) {}

void PoolMetrics::CountBatch(uint64_t bytes, uint64_t edges,
                             const BatchStages& stages) {
  batch_bytes_.Increment(static_cast<double>(bytes));
  sampled_edges_.Increment(static_cast<double>(edges));
  queued_seconds_.Observe(absl::ToDoubleSeconds(stages.queued));
  sample_seconds_.Observe(absl::ToDoubleSeconds(stages.sample));
  // A batch that asked nobody would only hide how long the others waited.
  if (stages.remote > absl::ZeroDuration()) {
    remote_seconds_.Observe(absl::ToDoubleSeconds(stages.remote));
  }
  features_seconds_.Observe(absl::ToDoubleSeconds(stages.features));
  commit_seconds_.Observe(absl::ToDoubleSeconds(stages.commit));
}

prometheus::Counter& PoolMetrics::WorkerBusySeconds(int worker) {
  return telemetry_.Counter(metrics::kPoolWorkerBusySeconds,
                            {{"worker", absl::StrCat(worker)}});
}

std::function<void(uint32_t, absl::Duration)> PoolMetrics::PeerCallObserver(
    uint32_t num_partitions) {
  std::vector<prometheus::Histogram*> by_partition;
  for (uint32_t i = 0; i < num_partitions; ++i) {
    by_partition.push_back(
        &telemetry_.Histogram(metrics::kPoolPeerCallSeconds, DurationBuckets(),
                              {{"partition", absl::StrCat(i)}}));
  }
  return [by_partition](uint32_t partition, absl::Duration took) {
    by_partition.at(partition)->Observe(absl::ToDoubleSeconds(took));
  };
}

void SamplePool(const PoolSnapshot& pool, ChannelSamples& channels,
                MetricSamples& samples) {
  std::map<std::string, int> by_state;
  for (const v1::ChannelState state :
       {v1::CHANNEL_STATE_IDLE, v1::CHANNEL_STATE_RUNNABLE,
        v1::CHANNEL_STATE_PARKED, v1::CHANNEL_STATE_PAUSED,
        v1::CHANNEL_STATE_INITIALISING, v1::CHANNEL_STATE_TEARING_DOWN,
        v1::CHANNEL_STATE_FAILED}) {
    by_state[NameOf(state)] = 0;
  }
  std::vector<uint64_t> ids;
  ids.reserve(pool.channels.size());
  for (const ChannelTable::Snapshot& channel : pool.channels) {
    ids.push_back(channel.description.channel_id());
    ++by_state[NameOf(channel.description.state())];
  }
  channels.Sample(ids, samples, [&pool](size_t i, ChannelSamples::One& one) {
    SampleChannel(pool.channels[i], pool.now, one);
  });
  for (const auto& [state, count] : by_state) {
    samples.Gauge(metrics::kPoolChannels, {{"state", state}}, count);
  }
  samples.Gauge(metrics::kPoolShmBudget, {},
                static_cast<double>(pool.shm_budget_bytes));
  samples.Gauge(metrics::kPoolShmPromised, {},
                static_cast<double>(pool.shm_promised_bytes));
  samples.Gauge(metrics::kPoolPutAside, {},
                static_cast<double>(pool.put_aside));
  samples.Gauge(metrics::kPoolSuspectBatches, {{"state", "suspect"}},
                static_cast<double>(pool.suspects));
  samples.Gauge(metrics::kPoolSuspectBatches, {{"state", "poisonous"}},
                static_cast<double>(pool.poisonous));
}

void SamplePeers(const PartitionClient::Counts& calls,
                 const RowCache::Counts& cache, MetricSamples& samples) {
  const auto count = [&samples](const MetricName& metric, const char* label,
                                const char* value, uint64_t total) {
    samples.Counter(metric, {{label, value}}, static_cast<double>(total));
  };
  count(metrics::kPoolPeerCalls, "result", "ok", calls.ok_calls);
  count(metrics::kPoolPeerCalls, "result", "failed", calls.failed_calls);
  count(metrics::kPoolPeerCalls, "result", "given_up", calls.given_up);
  count(metrics::kPoolPeerBytes, "direction", "sent", calls.request_bytes);
  count(metrics::kPoolPeerBytes, "direction", "received", calls.response_bytes);
  count(metrics::kPoolFeatureCacheLookups, "result", "hit", cache.hits);
  count(metrics::kPoolFeatureCacheLookups, "result", "miss", cache.misses);
  samples.Gauge(metrics::kPoolFeatureCacheBytes, {},
                static_cast<double>(cache.bytes));
}

}  // namespace fairlead
