#include "libs/timeline/align_clocks.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

using ::testing::SizeIs;

TEST(AlignClocks, OfHostsWithoutATrainerInCommonKnowsNothing) {
  const auto clocks = AlignClocks(
      2, {{.host = 0, .trainer = "a"}, {.host = 1, .trainer = "b"}});
  ASSERT_THAT(clocks, SizeIs(2));
  EXPECT_NE(clocks[0].group, clocks[1].group);
  EXPECT_EQ(clocks[0].shift_ns, 0);
  EXPECT_EQ(clocks[1].shift_ns, 0);
}

// Host 1 is 500 behind host 0: the trainer is that much further ahead of it.
TEST(AlignClocks, ATrainerLinksTheHostsThatItReceivesFrom) {
  const auto clocks =
      AlignClocks(2, {{.host = 0, .trainer = "a", .ahead_ns = 100},
                      {.host = 1, .trainer = "a", .ahead_ns = 600}});
  EXPECT_EQ(clocks[1].group, clocks[0].group);
  EXPECT_EQ(clocks[1].shift_ns, 500);
}

TEST(AlignClocks, HostsAreLinkedThroughOthers) {
  const auto clocks =
      AlignClocks(4, {{.host = 0, .trainer = "a", .ahead_ns = 0},
                      {.host = 2, .trainer = "a", .ahead_ns = 10},
                      {.host = 2, .trainer = "b", .ahead_ns = -7},
                      {.host = 1, .trainer = "b", .ahead_ns = 13}});
  EXPECT_EQ(clocks[2].shift_ns, 10);
  EXPECT_EQ(clocks[1].shift_ns, 30);
  EXPECT_EQ(clocks[1].group, 0u);
  EXPECT_EQ(clocks[3].group, 3u);
}

TEST(AlignClocks, BelievesTheOffsetThatIsKnownBest) {
  const auto clocks = AlignClocks(
      2, {{.host = 0, .trainer = "a", .ahead_ns = 0},
          {.host = 1, .trainer = "a", .ahead_ns = 900, .error_ns = 400},
          {.host = 1, .trainer = "a", .ahead_ns = 700, .error_ns = 20},
          {.host = 1, .trainer = "a", .ahead_ns = 500, .error_ns = 300}});
  EXPECT_EQ(clocks[1].shift_ns, 700);
}

}  // namespace
}  // namespace fairlead
