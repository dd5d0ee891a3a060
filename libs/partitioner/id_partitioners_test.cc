#include "libs/partitioner/id_partitioners.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/partition_book.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::Ne;

std::vector<int64_t> Sizes(const std::vector<uint32_t>& owners,
                           uint32_t parts) {
  std::vector<int64_t> sizes(parts, 0);
  for (const uint32_t owner : owners) ++sizes[owner];
  return sizes;
}

TEST(RandomOwners, SizesDifferByAtMostOne) {
  for (const int64_t nodes : {0, 1, 2, 7, 100, 1001}) {
    for (const uint32_t parts : {1U, 2U, 3U, 7U, 64U}) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                    RandomOwners(nodes, parts, 5));
      ASSERT_EQ(owners.size(), static_cast<size_t>(nodes));
      ASSERT_THAT(owners, Each(Lt(parts)));
      const std::vector<int64_t> sizes = Sizes(owners, parts);
      const auto [least, most] =
          std::minmax_element(sizes.begin(), sizes.end());
      EXPECT_LE(*most - *least, 1) << nodes << " nodes, " << parts << " parts";
    }
  }
}

TEST(RandomOwners, DependOnTheSeedAlone) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                RandomOwners(1000, 4, 1));
  EXPECT_THAT(RandomOwners(1000, 4, 1), IsOkAndHolds(owners));
  EXPECT_THAT(RandomOwners(1000, 4, 2), IsOkAndHolds(Ne(owners)));
}

// A round robin, or ranges, would give all or none of these.
TEST(RandomOwners, NeighbouringIdsPartAsOftenAsNot) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                RandomOwners(10'000, 2, 3));
  int64_t parted = 0;
  for (size_t i = 1; i < owners.size(); ++i) {
    parted += owners[i] != owners[i - 1] ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(parted), 5000, 300);
}

TEST(RandomOwners, RefuseWhatIsNoPartition) {
  EXPECT_THAT(
      RandomOwners(10, 0, 1),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 partitions")));
  EXPECT_THAT(RandomOwners(10, kMaxPartitions + 1, 1),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      RandomOwners(-1, 2, 1),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("-1 nodes")));
}

TEST(EvenRangeBounds, DifferByAtMostOne) {
  EXPECT_THAT(EvenRangeBounds(10, 4),
              IsOkAndHolds(ElementsAre(0, 3, 6, 8, 10)));
  EXPECT_THAT(EvenRangeBounds(0, 2), IsOkAndHolds(ElementsAre(0, 0, 0)));
  EXPECT_THAT(EvenRangeBounds(3, 1), IsOkAndHolds(ElementsAre(0, 3)));
  EXPECT_THAT(EvenRangeBounds(3, 0),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(EdgeBalancedRangeBounds, GiveAHubFewerNodesBesideIt) {
  // Node 0 has 6 edges, the others none: 12 nodes + edges, 7 of them node 0's.
  EXPECT_THAT(EdgeBalancedRangeBounds({0, 6, 6, 6, 6, 6, 6}, 2),
              IsOkAndHolds(ElementsAre(0, 1, 6)));
}

TEST(EdgeBalancedRangeBounds, AreEvenWhereDegreesAre) {
  EXPECT_THAT(EdgeBalancedRangeBounds({0, 2, 4, 6, 8, 10, 12}, 3),
              IsOkAndHolds(ElementsAre(0, 2, 4, 6)));
}

TEST(EdgeBalancedRangeBounds, LeaveRangesEmptyBesideAGiant) {
  EXPECT_THAT(EdgeBalancedRangeBounds({0, 97, 97, 97}, 4),
              IsOkAndHolds(ElementsAre(0, 0, 1, 1, 3)));
}

TEST(EdgeBalancedRangeBounds, TakeAnEmptyGraph) {
  EXPECT_THAT(EdgeBalancedRangeBounds({0}, 2),
              IsOkAndHolds(ElementsAre(0, 0, 0)));
}

TEST(EdgeBalancedRangeBounds, ARangeHasItsShareAndAtMostTheLargestNode) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    RandomStream random(seed, 0, 0);
    const uint64_t nodes = 1 + random.Below(300);
    std::vector<int64_t> indptr = {0};
    int64_t largest = 1;
    for (uint64_t i = 0; i < nodes; ++i) {
      const auto degree =
          static_cast<int64_t>(random.Below(i % 10 == 0 ? 100 : 5));
      indptr.push_back(indptr.back() + degree);
      largest = std::max(largest, degree + 1);
    }
    const auto parts = static_cast<uint32_t>(1 + random.Below(12));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> bounds,
                                  EdgeBalancedRangeBounds(indptr, parts));
    ASSERT_EQ(bounds.size(), parts + 1);
    ASSERT_THAT(RangePartitionBook::Create(bounds), IsOk());
    ASSERT_EQ(bounds.back(), static_cast<int64_t>(nodes));
    const int64_t share =
        (static_cast<int64_t>(nodes) + indptr.back()) / parts + 1;
    for (uint32_t part = 0; part < parts; ++part) {
      const int64_t weight = bounds[part + 1] - bounds[part] +
                             indptr[static_cast<size_t>(bounds[part + 1])] -
                             indptr[static_cast<size_t>(bounds[part])];
      EXPECT_LE(weight, share + largest) << "seed " << seed;
    }
  }
}

TEST(EdgeBalancedRangeBounds, RefuseWhatIsNoCsr) {
  EXPECT_THAT(
      EdgeBalancedRangeBounds({}, 2),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is empty")));
  EXPECT_THAT(
      EdgeBalancedRangeBounds({1, 2}, 2),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("begins with 1")));
  EXPECT_THAT(
      EdgeBalancedRangeBounds({0, 3, 2}, 2),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at row 1")));
  EXPECT_THAT(EdgeBalancedRangeBounds({0, 3}, 0),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace fairlead
