#include "tools/bench/statistics.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Median, LiesBetweenTheTwoInTheMiddle) {
  EXPECT_EQ(Median({7}), 7);
  EXPECT_EQ(Median({9, 1, 4}), 4);
  EXPECT_EQ(Median({4, 1, 2, 9}), 3);
  EXPECT_EQ(Quantile({1, 2, 3, 4, 5}, 0), 1);
  EXPECT_EQ(Quantile({1, 2, 3, 4, 5}, 1), 5);
}

TEST(Compare, RunsThatOverlapAreInsideNoise) {
  const Comparison comparison = Compare({10, 11, 12}, {11, 11.5, 12.5});
  EXPECT_TRUE(comparison.is_inside_noise());
  EXPECT_THAT(comparison.ToString(), HasSubstr("inside noise"));
}

TEST(Compare, RunsThatLieApartAreAChange) {
  const Comparison comparison = Compare({10, 11, 12}, {13, 14, 15});
  EXPECT_FALSE(comparison.is_inside_noise());
  EXPECT_DOUBLE_EQ(comparison.ratio, 14.0 / 11);
  EXPECT_DOUBLE_EQ(comparison.lowest, 13.0 / 12);
  EXPECT_DOUBLE_EQ(comparison.highest, 1.5);
  EXPECT_THAT(comparison.ToString(), Not(HasSubstr("noise")));
}

TEST(Compare, WhatWasMeasuredOnceSaysNothing) {
  const Comparison comparison = Compare({10}, {20, 21});
  EXPECT_TRUE(comparison.is_inside_noise());
  EXPECT_THAT(comparison.ToString(), HasSubstr("measured once"));
}

TEST(WithUnit, ShowsThreeDigitsThatCount) {
  EXPECT_EQ(WithUnit(28.2e-3, "s"), "28.2 ms");
  EXPECT_EQ(WithUnit(4.27e-7, "s"), "427 ns");
  EXPECT_EQ(WithUnit(6.2e9, "bytes/s"), "6.20 GB/s");
  EXPECT_EQ(WithUnit(512, "bytes"), "512 B");
  EXPECT_EQ(WithUnit(148.3, "1/s"), "148 /s");
  EXPECT_EQ(WithUnit(0.31, ""), "0.31");
  EXPECT_EQ(WithUnit(0, "s"), "0.00 ns");
}

}  // namespace
}  // namespace fairlead::bench
