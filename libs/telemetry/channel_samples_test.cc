#include "libs/telemetry/channel_samples.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/telemetry/telemetry.h"

namespace fairlead {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr MetricName kMade = {"made_total", "Counts."};
constexpr MetricName kDepth = {"depth", "Sums."};
constexpr MetricName kPeak = {"peak", "Is highest."};

// Channels by id, each with one number for all its metrics.
class ChannelSamplesTest : public ::testing::Test {
 protected:
  std::string Scrape() { return telemetry_.Expose(); }

  std::map<uint64_t, double> channels_;
  ChannelSamples samples_{/*max_channels=*/2};
  Telemetry telemetry_;
  const std::shared_ptr<Telemetry::Sampled> sampled_ =
      telemetry_.OnScrape([this](MetricSamples& samples) {
        std::vector<uint64_t> ids;
        for (const auto& [id, value] : channels_) ids.push_back(id);
        samples_.Sample(ids, samples, [&](size_t i, ChannelSamples::One& one) {
          const double value = channels_[ids[i]];
          one.SetWorkerKey("w");
          one.Counter(kMade, value, {"result", "ok"});
          one.Gauge(kDepth, value);
          one.Highest(kPeak, value);
        });
      });
};

TEST_F(ChannelSamplesTest, UpToTheBoundEachHasItsOwnSeries) {
  channels_ = {{1, 10}, {2, 20}};
  EXPECT_THAT(
      Scrape(),
      AllOf(HasSubstr(
                "made_total{channel=\"1\",result=\"ok\",worker_key=\"w\"} 10"),
            HasSubstr("depth{channel=\"2\",worker_key=\"w\"} 20"),
            Not(HasSubstr("other"))));
}

TEST_F(ChannelSamplesTest, BeyondTheBoundTheyAreOneSeries) {
  channels_ = {{1, 10}, {2, 20}, {3, 30}, {4, 40}};
  EXPECT_THAT(
      Scrape(),
      AllOf(HasSubstr("made_total{channel=\"other\",result=\"ok\"} 70"),
            HasSubstr("depth{channel=\"other\"} 70"),
            HasSubstr("peak{channel=\"other\"} 40"),
            Not(HasSubstr("channel=\"3\"")), Not(HasSubstr("channel=\"4\""))));
}

TEST_F(ChannelSamplesTest, CountersOfOthersNeverGoBack) {
  channels_ = {{1, 10}, {2, 20}, {3, 30}, {4, 40}};
  Scrape();
  channels_.erase(3);
  channels_[4] = 45;
  EXPECT_THAT(Scrape(),
              AllOf(HasSubstr("made_total{channel=\"other\",result=\"ok\"} 75"),
                    HasSubstr("depth{channel=\"other\"} 45")));
  channels_.erase(4);
  EXPECT_THAT(Scrape(),
              AllOf(HasSubstr("made_total{channel=\"other\",result=\"ok\"} 75"),
                    HasSubstr("depth{channel=\"other\"} 0")));
}

TEST_F(ChannelSamplesTest, APlaceThatIsFreeGoesToANewcomer) {
  channels_ = {{1, 10}, {2, 20}, {3, 30}};
  Scrape();
  channels_.erase(1);
  channels_[5] = 50;
  // What was counted as other stays there: it would be counted twice.
  EXPECT_THAT(Scrape(),
              AllOf(HasSubstr("depth{channel=\"5\",worker_key=\"w\"} 50"),
                    HasSubstr("depth{channel=\"other\"} 30"),
                    Not(HasSubstr("channel=\"3\""))));
}

}  // namespace
}  // namespace fairlead
