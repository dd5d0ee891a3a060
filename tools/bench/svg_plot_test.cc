#include "tools/bench/svg_plot.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(RoundTicks, AreOneTwoOrFiveTimesAPowerOfTen) {
  EXPECT_THAT(RoundTicks(0, 10, 5), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(RoundTicks(0, 0.9, 5),
              ElementsAre(0, 0.2, 0.4, ::testing::DoubleNear(0.6, 1e-9), 0.8));
  EXPECT_THAT(RoundTicks(3, 3, 5), ElementsAre(3));
}

TEST(LinePlot, DrawsEachSeriesWithItsPoints) {
  const std::string svg = LinePlot(
      {.label = "clients"}, {.label = "speed", .unit = "1/s"},
      {{.name = "all", .points = {{1, 10}, {2, 20}, {4, 15}}},
       {.name = "goal", .points = {{1, 12}, {4, 12}}, .is_reference = true}});
  EXPECT_THAT(svg, HasSubstr("data-points=\"3\""));
  EXPECT_THAT(svg, HasSubstr("class=\"line s1 dashed\""));
  EXPECT_THAT(svg, HasSubstr("all: 20.0 /s at 2"));
  EXPECT_THAT(svg, HasSubstr("class=\"legend\""));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(LinePlot, SaysSoIfThereIsNothing) {
  EXPECT_THAT(LinePlot({}, {}, {}), HasSubstr("not measured"));
  EXPECT_THAT(StackedBars({}, {"a"}, {}), HasSubstr("not measured"));
}

TEST(LinePlot, OnePointAloneHasAPlace) {
  const std::string svg =
      LinePlot({.label = "x", .logarithmic = true}, {.label = "y"},
               {{.name = "one", .points = {{8, 0}}}});
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(LinePlot, TicksTooCloseForTheirTextsKeepTheLast) {
  const std::string svg =
      LinePlot({.label = "nodes",
                .logarithmic = true,
                .ticks = {{1024, "2^10"}, {900'000, "close"}, {1e6, "1 M"}}},
               {.label = "y"},
               {{.name = "one", .points = {{1024, 1}, {9e5, 2}, {1e6, 3}}}});
  EXPECT_THAT(svg, HasSubstr(">2^10<"));
  EXPECT_THAT(svg, Not(HasSubstr(">close<")));
  EXPECT_THAT(svg, HasSubstr(">1 M<"));
}

TEST(StackedBars, WritesTheSumBehindEachBar) {
  const std::string svg =
      StackedBars({.label = "CPU", .unit = "s"}, {"sample", "gather"},
                  {{"now", {2e-3, 3e-3}}, {"floor", {1e-3, 0}}});
  EXPECT_THAT(svg, HasSubstr("5.00 ms"));
  EXPECT_THAT(svg, HasSubstr("now, gather: 3.00 ms"));
  EXPECT_THAT(svg, Not(HasSubstr("floor, gather")));
}

TEST(EscapeHtml, LeavesNothingThatABrowserWouldRead) {
  EXPECT_EQ(EscapeHtml("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
}

}  // namespace
}  // namespace fairlead::bench
