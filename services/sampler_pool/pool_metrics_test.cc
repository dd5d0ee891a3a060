#include "services/sampler_pool/pool_metrics.h"

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/telemetry/channel_samples.h"
#include "libs/telemetry/telemetry.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Four channels, one of them parked.
PoolSnapshot FourChannels() {
  PoolSnapshot pool;
  pool.now = absl::Seconds(100);
  pool.shm_budget_bytes = 1 << 20;
  pool.shm_promised_bytes = 4096;
  pool.put_aside = 3;
  pool.suspects = 5;
  pool.poisonous = 2;
  pool.channels.resize(4);
  for (size_t i = 0; i < pool.channels.size(); ++i) {
    ChannelTable::Snapshot& channel = pool.channels[i];
    v1::ChannelDescription& is = channel.description;
    is.set_channel_id(i + 1);
    is.set_worker_key("trainer");
    is.set_state(i == 0 ? v1::CHANNEL_STATE_PARKED
                        : v1::CHANNEL_STATE_RUNNABLE);
    is.set_completed_batches(10);
    is.set_worker_seconds(0.5);
    is.set_buffer_bytes(1024);
    is.set_buffer_used_bytes(100);
    is.set_buffer_high_water_bytes(100 * (i + 1));
    is.set_buffer_producer_wait_seconds(0.25);
    channel.times.Enter(ChannelTable::TimedState::kRunnable, absl::Seconds(90));
    if (i == 0) {
      channel.times.Enter(ChannelTable::TimedState::kParked, absl::Seconds(94));
    }
    channel.ok_batches = 20;
    channel.failed_batches = 2;
  }
  return pool;
}

TEST(PoolMetricsTest, ChannelsAreSampledOneByOneAndTheRestTogether) {
  Telemetry telemetry;
  ChannelSamples channels(/*max_channels=*/2);
  const auto sampled = telemetry.OnScrape([&](MetricSamples& samples) {
    SamplePool(FourChannels(), channels, samples);
  });
  const std::string page = telemetry.Expose();
  const auto own = [](const std::string& labels, const std::string& value) {
    return "{channel=\"1\"," + labels + "worker_key=\"trainer\"} " + value +
           "\n";
  };
  for (const auto& line :
       {"fairlead_pool_channel_batches" + own("phase=\"completed\",", "10"),
        "fairlead_pool_channel_state_seconds_total" +
            own("state=\"runnable\",", "4"),
        "fairlead_pool_channel_state_seconds_total" +
            own("state=\"parked\",", "6"),
        "fairlead_pool_channel_ended_batches_total" +
            own("result=\"failed\",", "2"),
        "fairlead_shm_used_bytes" + own("", "100"),
        "fairlead_shm_capacity_bytes" + own("", "1024")}) {
    EXPECT_THAT(page, HasSubstr(line));
  }
  const std::string other = "{channel=\"other\"";
  EXPECT_THAT(
      page, AllOf(HasSubstr("fairlead_pool_channel_batches" + other +
                            ",phase=\"completed\"} 20"),
                  HasSubstr("fairlead_pool_channel_worker_seconds_total" +
                            other + "} 1\n"),
                  HasSubstr("fairlead_pool_channel_state_seconds_total" +
                            other + ",state=\"runnable\"} 20"),
                  HasSubstr("fairlead_shm_wait_seconds_total" + other +
                            ",end=\"producer\"} 0.5"),
                  HasSubstr("fairlead_shm_high_water_bytes" + other + "} 400"),
                  Not(HasSubstr("channel=\"3\""))));
  EXPECT_THAT(page,
              AllOf(HasSubstr("fairlead_pool_channels{state=\"parked\"} 1"),
                    HasSubstr("fairlead_pool_channels{state=\"runnable\"} 3"),
                    HasSubstr("fairlead_pool_channels{state=\"failed\"} 0"),
                    HasSubstr("fairlead_pool_shm_promised_bytes 4096"),
                    HasSubstr("fairlead_pool_shm_budget_bytes 1048576"),
                    HasSubstr("fairlead_pool_put_aside_batches 3"),
                    HasSubstr("fairlead_pool_suspect_batches{"
                              "state=\"suspect\"} 5"),
                    HasSubstr("fairlead_pool_suspect_batches{"
                              "state=\"poisonous\"} 2")));
}

TEST(PoolMetricsTest, ABatchIsObservedInEachStageThatItWasIn) {
  Telemetry telemetry;
  PoolMetrics metrics(telemetry);
  const BatchStages local = {.queued = absl::Seconds(4),
                             .sample = absl::Seconds(3),
                             .features = absl::Seconds(2),
                             .commit = absl::Microseconds(1)};
  metrics.CountBatch(/*bytes=*/1000, /*edges=*/50, local);
  BatchStages remote = local;
  remote.remote = absl::Seconds(5);
  metrics.CountBatch(1000, 50, remote);
  const std::string page = telemetry.Expose();
  const auto stage = [](const char* what, const char* stage, const char* is) {
    return absl::StrCat("fairlead_pool_stage_seconds_", what, "{stage=\"",
                        stage, "\"} ", is, "\n");
  };
  EXPECT_THAT(page, AllOf(HasSubstr(stage("sum", "queued", "8")),
                          HasSubstr(stage("sum", "sample", "6")),
                          HasSubstr(stage("sum", "features", "4")),
                          HasSubstr(stage("count", "commit", "2")),
                          HasSubstr(stage("count", "room", "0")),
                          HasSubstr(stage("count", "remote", "1")),
                          HasSubstr(stage("sum", "remote", "5"))));
  EXPECT_THAT(page, AllOf(HasSubstr("fairlead_pool_batch_bytes_total 2000"),
                          HasSubstr("fairlead_pool_sampled_edges_total 100")));
}

TEST(PoolMetricsTest, WorkersAndPartitionsHaveSeriesOfTheirOwn) {
  Telemetry telemetry;
  PoolMetrics metrics(telemetry);
  metrics.WorkerBusySeconds(1).Increment(3);
  metrics.PeerCallObserver(/*num_partitions=*/4)(2, absl::Milliseconds(20));
  EXPECT_THAT(
      telemetry.Expose(),
      AllOf(
          HasSubstr("fairlead_pool_worker_busy_seconds_total{worker=\"1\"} 3"),
          HasSubstr("fairlead_pool_peer_call_seconds_bucket{"
                    "partition=\"2\",le=\"0.01\"} 0"),
          HasSubstr("fairlead_pool_peer_call_seconds_bucket{"
                    "partition=\"2\",le=\"0.03\"} 1"),
          HasSubstr("fairlead_pool_peer_call_seconds_count{"
                    "partition=\"3\"} 0")));
}

}  // namespace
}  // namespace fairlead
