#include "services/sampler_pool/pool_metrics.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/telemetry/telemetry.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Scrape(const std::vector<v1::ChannelDescription>& channels,
                   size_t most) {
  Telemetry telemetry;
  const auto sampled = telemetry.OnScrape(
      [&](MetricSamples& samples) { SampleChannels(channels, samples, most); });
  return telemetry.Expose();
}

TEST(PoolMetricsTest, ChannelsAreSampledOneByOneAndTheRestTogether) {
  std::vector<v1::ChannelDescription> channels(4);
  for (size_t i = 0; i < channels.size(); ++i) {
    channels[i].set_channel_id(i + 1);
    channels[i].set_worker_key("trainer");
    channels[i].set_state(i == 0 ? v1::CHANNEL_STATE_PARKED
                                 : v1::CHANNEL_STATE_RUNNABLE);
    channels[i].set_completed_batches(10);
    channels[i].set_worker_seconds(0.5);
    channels[i].set_buffer_used_bytes(100);
    channels[i].set_buffer_producer_wait_seconds(0.25);
  }
  const std::string page = Scrape(channels, /*most=*/2);
  EXPECT_THAT(page,
              HasSubstr("fairlead_pool_channel_batches{channel_id=\"1\","
                        "phase=\"completed\",worker_key=\"trainer\"} 10"));
  EXPECT_THAT(page, HasSubstr("fairlead_pool_channel_batches{channel_id=\"\","
                              "phase=\"completed\",worker_key=\"others\"} 20"));
  EXPECT_THAT(page, HasSubstr("fairlead_pool_channel_worker_seconds_total{"
                              "channel_id=\"\",worker_key=\"others\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("fairlead_shm_used_bytes{channel_id=\"2\","
                              "worker_key=\"trainer\"} 100"));
  EXPECT_THAT(page,
              HasSubstr("fairlead_shm_wait_seconds_total{channel_id="
                        "\"\",end=\"producer\",worker_key=\"others\"} 0.5"));
  EXPECT_THAT(page, Not(HasSubstr("channel_id=\"3\"")));
  EXPECT_THAT(page, HasSubstr("fairlead_pool_channels{state=\"parked\"} 1"));
  EXPECT_THAT(page, HasSubstr("fairlead_pool_channels{state=\"runnable\"} 3"));
  EXPECT_THAT(page, HasSubstr("fairlead_pool_channels{state=\"failed\"} 0"));
}

}  // namespace
}  // namespace fairlead
