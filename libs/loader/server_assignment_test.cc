#include "libs/loader/server_assignment.h"

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::Pair;

// Parity G3.
TEST(ServerAssignment, IsTheGoldenOne) {
  using Slice = ServerSlice;
  EXPECT_THAT(ComputeServerAssignments(3, 2, 0),
              IsOkAndHolds(ElementsAre(Pair(0, Slice{0, 2, 2}),
                                       Pair(1, Slice{0, 1, 2}))));
  EXPECT_THAT(ComputeServerAssignments(3, 2, 1),
              IsOkAndHolds(ElementsAre(Pair(1, Slice{1, 2, 2}),
                                       Pair(2, Slice{0, 2, 2}))));
  EXPECT_THAT(ComputeServerAssignments(2, 5, 0),
              IsOkAndHolds(ElementsAre(Pair(0, Slice{0, 2, 5}))));
  EXPECT_THAT(ComputeServerAssignments(2, 5, 1),
              IsOkAndHolds(ElementsAre(Pair(0, Slice{2, 4, 5}))));
  EXPECT_THAT(ComputeServerAssignments(2, 5, 2),
              IsOkAndHolds(ElementsAre(Pair(0, Slice{4, 5, 5}),
                                       Pair(1, Slice{0, 1, 5}))));
  EXPECT_THAT(ComputeServerAssignments(2, 5, 3),
              IsOkAndHolds(ElementsAre(Pair(1, Slice{1, 3, 5}))));
  EXPECT_THAT(ComputeServerAssignments(2, 5, 4),
              IsOkAndHolds(ElementsAre(Pair(1, Slice{3, 5, 5}))));
  EXPECT_THAT(ComputeServerAssignments(4, 2, 0),
              IsOkAndHolds(ElementsAre(Pair(0, Slice{0, 2, 2}),
                                       Pair(1, Slice{0, 2, 2}))));
  EXPECT_THAT(ComputeServerAssignments(4, 2, 1),
              IsOkAndHolds(ElementsAre(Pair(2, Slice{0, 2, 2}),
                                       Pair(3, Slice{0, 2, 2}))));
  for (uint64_t rank = 0; rank < 3; ++rank) {
    EXPECT_THAT(ComputeServerAssignments(1, 3, static_cast<uint32_t>(rank)),
                IsOkAndHolds(ElementsAre(Pair(0, Slice{rank, rank + 1, 3}))));
  }
}

// For every server, the union over ranks is the whole list exactly once.
TEST(ServerAssignment, RanksTogetherHaveEveryItemOnce) {
  for (uint32_t servers = 1; servers <= 7; ++servers) {
    for (uint32_t ranks = 1; ranks <= 9; ++ranks) {
      for (const uint64_t length : {0, 1, 11, 100}) {
        std::vector<std::vector<int>> taken(
            servers, std::vector<int>(static_cast<size_t>(length), 0));
        for (uint32_t rank = 0; rank < ranks; ++rank) {
          FAIRLEAD_ASSERT_OK_AND_ASSIGN(
              const auto slices,
              ComputeServerAssignments(servers, ranks, rank));
          for (const auto& [server, slice] : slices) {
            for (uint64_t i =
                     length * slice.start_numerator / slice.denominator;
                 i < length * slice.end_numerator / slice.denominator; ++i) {
              ++taken[server][i];
            }
          }
        }
        for (const std::vector<int>& of_server : taken) {
          EXPECT_THAT(of_server, ::testing::Each(1));
        }
      }
    }
  }
}

TEST(ServerAssignment, RanksThatThereAreNoneOfAreRefused) {
  EXPECT_THAT(ComputeServerAssignments(0, 1, 0),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ComputeServerAssignments(1, 0, 0),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ComputeServerAssignments(2, 3, 3),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::HasSubstr("rank 3 of 3")));
}

}  // namespace
}  // namespace fairlead
