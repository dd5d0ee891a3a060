#include "libs/telemetry/state_times.h"

#include <optional>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

enum class Light { kRed, kGreen };
using LightTimes = StateTimes<Light, 2>;

constexpr absl::Duration At(int seconds) { return absl::Seconds(seconds); }

TEST(StateTimesTest, SumsAllStays) {
  LightTimes times;
  times.Enter(Light::kRed, At(10));
  times.Enter(Light::kGreen, At(13));
  times.Enter(Light::kRed, At(14));
  EXPECT_EQ(times.In(Light::kRed, At(20)), At(9));
  EXPECT_EQ(times.In(Light::kGreen, At(20)), At(1));
}

TEST(StateTimesTest, TheTimeInNoStateIsNotCounted) {
  LightTimes times;
  EXPECT_EQ(times.In(Light::kRed, At(5)), At(0));
  times.Enter(Light::kRed, At(5));
  times.Enter(std::nullopt, At(7));
  EXPECT_EQ(times.In(Light::kRed, At(100)), At(2));
}

TEST(StateTimesTest, EnteringTheSameStateAgainChangesNothing) {
  LightTimes times;
  for (const int now : {1, 2, 3}) times.Enter(Light::kGreen, At(now));
  EXPECT_EQ(times.In(Light::kGreen, At(4)), At(3));
}

}  // namespace
}  // namespace fairlead
