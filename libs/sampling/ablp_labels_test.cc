#include "libs/sampling/ablp_labels.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(PadLabelsTest, RowsAreAlignedToAnchorsWhereverThoseWithoutLabelsAre) {
  const PaddedLabels labels =  // W-38
      PadLabels({0, 2, 0, 1, 0}, {7, 8, 9}, /*cap=*/0);
  EXPECT_EQ(labels.columns, 2);
  EXPECT_THAT(labels.values, ElementsAre(-1, -1,  //
                                         7, 8,    //
                                         -1, -1,  //
                                         9, -1,   //
                                         -1, -1));
}

TEST(PadLabelsTest, NoAnchorsOrNoLabelsMakeNoColumns) {
  EXPECT_EQ(PadLabels({}, {}, 0).columns, 0);
  EXPECT_THAT(PadLabels({}, {}, 0).values, IsEmpty());
  EXPECT_EQ(PadLabels({0, 0}, {}, 3).columns, 0);
  EXPECT_THAT(PadLabels({0, 0}, {}, 3).values, IsEmpty());
}

TEST(PadLabelsTest, CapKeepsTheFirstOfEachAnchor) {
  const PaddedLabels labels = PadLabels({3, 1, 2}, {1, 2, 3, 4, 5, 6}, 2);
  EXPECT_EQ(labels.columns, 2);
  EXPECT_THAT(labels.values, ElementsAre(1, 2, 4, -1, 5, 6));
  EXPECT_EQ(PadLabels({3, 1}, {1, 2, 3, 4}, 100).columns, 3);
}

TEST(RemapLabelsTest, PairsAnchorsWithPlacesAsTheGoldenVectorDoes) {  // G6
  EXPECT_THAT(RemapLabels({30, -1, 40, 10, -1, -1}, 2, {40, 10, 30}),
              IsOkAndHolds(ElementsAre(0, 1, 1, 2, 0, 1)));
}

TEST(RemapLabelsTest, PaddingIsPassedOverWhereverItIs) {
  EXPECT_THAT(RemapLabels({-1, 5, -1, -1, -1, 5}, 3, {5}),
              IsOkAndHolds(ElementsAre(0, 1, 0, 0)));
}

TEST(RemapLabelsTest, NothingMakesNoPairs) {
  EXPECT_THAT(RemapLabels({}, 0, {1, 2}), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(RemapLabels({}, 2, {}), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(RemapLabels({-1, -1}, 1, {}), IsOkAndHolds(IsEmpty()));
}

TEST(RemapLabelsTest, LabelThatIsNotAmongTheNodesIsNamed) {
  EXPECT_THAT(RemapLabels({3, -1, 4, 9}, 2, {3, 4}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("label 9 of anchor 1")));
  // Of what is negative, -1 alone is padding.
  EXPECT_THAT(
      RemapLabels({-2}, 1, {3}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("label -2")));
}

TEST(RemapLabelsTest, NodeThatIsThereTwiceIsNamed) {
  EXPECT_THAT(RemapLabels({3}, 1, {3, 8, 4, 8}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("node id 8 is there twice, at 1 and 3")));
}

TEST(RemapLabelsTest, LabelsThatAreNoRowsAreRefused) {
  for (const int64_t columns : {-1, 0, 2}) {
    EXPECT_THAT(RemapLabels({3, 3, 3}, columns, {3}),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

// Lists, a matrix, pairs: the same pairs as taken from the lists one by one.
TEST(AblpLabelsTest, PairsAreThoseOfTheListsOneByOne) {
  for (uint64_t round = 0; round < 100; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    RandomStream random(8, round, 0);
    // Node i has id 7 * (nodes - i).
    const auto nodes = static_cast<int64_t>(1 + random.Below(3000));
    std::vector<int64_t> node_ids;
    for (int64_t i = 0; i < nodes; ++i) node_ids.push_back(7 * (nodes - i));
    const auto cap = static_cast<int64_t>(random.Below(4));
    std::vector<int32_t> counts;
    std::vector<int64_t> neighbors;
    std::vector<int64_t> anchors;
    std::vector<int64_t> locals;
    for (uint64_t i = random.Below(40); i > 0; --i) {
      counts.push_back(static_cast<int32_t>(random.Below(6)));
      for (int32_t k = 0; k < counts.back(); ++k) {
        const auto local =
            static_cast<int64_t>(random.Below(static_cast<uint64_t>(nodes)));
        neighbors.push_back(node_ids[static_cast<size_t>(local)]);
        if (cap > 0 && k >= cap) continue;
        anchors.push_back(static_cast<int64_t>(counts.size()) - 1);
        locals.push_back(local);
      }
    }
    const PaddedLabels padded = PadLabels(counts, neighbors, cap);
    ASSERT_EQ(padded.values.size(),
              counts.size() * static_cast<size_t>(padded.columns));
    std::vector<int64_t> expected = anchors;
    expected.insert(expected.end(), locals.begin(), locals.end());
    EXPECT_THAT(RemapLabels(padded.values, padded.columns, node_ids),
                IsOkAndHolds(expected));
  }
}

}  // namespace
}  // namespace fairlead
