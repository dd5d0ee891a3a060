#include "libs/graph/node_split.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(RandomNodeSplit, SharesAreRoundedAndNumbersAreTaken) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NodeSplit split,
                                RandomNodeSplit(1005, 0.1, 200, 7));
  EXPECT_THAT(split.val, SizeIs(101));  // of 100.5
  EXPECT_THAT(split.test, SizeIs(200));
  EXPECT_THAT(split.train, SizeIs(704));
}

TEST(RandomNodeSplit, EveryNodeIsInOneOfTheThree) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NodeSplit split,
                                RandomNodeSplit(500, 0.2, 0.3, 1));
  std::set<int64_t> all;
  for (const std::vector<int64_t>* part :
       {&split.train, &split.val, &split.test}) {
    for (const int64_t node : *part) EXPECT_TRUE(all.insert(node).second);
  }
  EXPECT_THAT(all, SizeIs(500));
  EXPECT_EQ(*all.begin(), 0);
  EXPECT_EQ(*all.rbegin(), 499);
}

TEST(RandomNodeSplit, DependsOnTheSeedAndOnNothingElse) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NodeSplit one,
                                RandomNodeSplit(300, 0.5, 0.1, 3));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NodeSplit again,
                                RandomNodeSplit(300, 0.5, 0.1, 3));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NodeSplit other,
                                RandomNodeSplit(300, 0.5, 0.1, 4));
  EXPECT_EQ(one.val, again.val);
  EXPECT_NE(one.val, other.val);
}

TEST(RandomNodeSplit, NoneAndAllAreSplitsToo) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NodeSplit none,
                                RandomNodeSplit(0, 0, 0, 1));
  EXPECT_THAT(none.train, SizeIs(0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NodeSplit all,
                                RandomNodeSplit(4, 1, 3, 1));
  EXPECT_THAT(all.train, SizeIs(0));
  EXPECT_THAT(all.test, SizeIs(3));
}

TEST(RandomNodeSplit, WhatIsNeitherShareNorNumberIsRefused) {
  for (const double bad :
       {-0.1, 1.5, 1e300, std::numeric_limits<double>::quiet_NaN(),
        std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(
        RandomNodeSplit(10, bad, 0, 1),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("num_val")));
  }
  EXPECT_THAT(RandomNodeSplit(10, 6, 0.5, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("more than the 10 nodes")));
}

}  // namespace
}  // namespace fairlead
