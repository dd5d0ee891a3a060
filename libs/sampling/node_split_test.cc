#include "libs/sampling/node_split.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::VariantWith;

TEST(NodeSplit, EachNodeIsInOnePart) {
  for (const int64_t nodes : {0, 1, 2, 10, 1000}) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NodeSplit split,
                                    RandomNodeSplit(nodes, 0.3, 0.25, seed));
      std::vector<int64_t> all = split.val;
      all.insert(all.end(), split.test.begin(), split.test.end());
      all.insert(all.end(), split.train.begin(), split.train.end());
      std::sort(all.begin(), all.end());
      ASSERT_THAT(all, SizeIs(static_cast<size_t>(nodes)));
      for (int64_t i = 0; i < nodes; ++i) {
        EXPECT_EQ(all[static_cast<size_t>(i)], i);
      }
    }
  }
}

TEST(NodeSplit, PartsAreRoundedAndNumbersTakenAsTheyAre) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(NodeSplit split,
                                RandomNodeSplit(10, 0.26, int64_t{4}, 1));
  EXPECT_THAT(split.val, SizeIs(3));
  EXPECT_THAT(split.test, SizeIs(4));
  EXPECT_THAT(split.train, SizeIs(3));
  // To the even one of two.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(split, RandomNodeSplit(10, 0.25, 0.75, 1));
  EXPECT_THAT(split.val, SizeIs(2));
  EXPECT_THAT(split.test, SizeIs(8));
  EXPECT_THAT(split.train, IsEmpty());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(split, RandomNodeSplit(3, 1.0, 0.0, 1));
  EXPECT_THAT(split.val, SizeIs(3));
}

TEST(NodeSplit, DependsOnTheSeedAlone) {
  std::set<std::vector<int64_t>> different;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NodeSplit once,
                                  RandomNodeSplit(50, 0.2, 0.2, seed));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NodeSplit again,
                                  RandomNodeSplit(50, 0.2, 0.2, seed));
    EXPECT_EQ(once.val, again.val);
    EXPECT_EQ(once.test, again.test);
    EXPECT_EQ(once.train, again.train);
    different.insert(once.val);
  }
  EXPECT_EQ(different.size(), 20);
}

// More to validate with takes from those to test, not new nodes at random.
TEST(NodeSplit, ValidationComesFirst) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NodeSplit few,
                                RandomNodeSplit(50, int64_t{5}, int64_t{9}, 3));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NodeSplit more,
                                RandomNodeSplit(50, int64_t{8}, int64_t{6}, 3));
  EXPECT_TRUE(std::equal(few.val.begin(), few.val.end(), more.val.begin()));
  EXPECT_EQ(few.train, more.train);
}

TEST(NodeSplit, RefusesWhatCannotBeTaken) {
  const auto refuses = [](SplitSize val, SplitSize test, const char* says) {
    EXPECT_THAT(RandomNodeSplit(10, val, test, 0),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(says)));
  };
  refuses(int64_t{11}, 0.0, "val: 11 of 10 nodes");
  refuses(0.0, int64_t{-1}, "test: -1 of 10 nodes");
  refuses(1.5, 0.0, "val: 1.5 is no part");
  refuses(-0.5, 0.0, "val: -0.5 is no part");
  refuses(0.6, int64_t{5}, "6 and 5 are more than the 10 nodes");
}

TEST(NodeSplit, SizesAreNumbersOrParts) {
  EXPECT_THAT(ParseSplitSize("1000"), IsOkAndHolds(VariantWith<int64_t>(1000)));
  EXPECT_THAT(ParseSplitSize("1"), IsOkAndHolds(VariantWith<int64_t>(1)));
  EXPECT_THAT(ParseSplitSize("1.0"), IsOkAndHolds(VariantWith<double>(1.0)));
  EXPECT_THAT(ParseSplitSize("1e-1"), IsOkAndHolds(VariantWith<double>(0.1)));
  for (const char* bad : {"", "x", "nan", "10%"}) {
    EXPECT_THAT(ParseSplitSize(bad),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("a number of nodes")));
  }
}

}  // namespace
}  // namespace fairlead
