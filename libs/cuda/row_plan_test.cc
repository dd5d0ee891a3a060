#include "libs/cuda/row_plan.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/cuda/graph_view.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead::cuda {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;

std::vector<uint32_t> Slots(const std::vector<uint64_t>& heat,
                            uint64_t budget) {
  const auto plan = PlanRows(heat, 16, budget);
  return plan.ok() ? plan->slots : std::vector<uint32_t>();
}

TEST(PlanRows, HottestRowsAreOnTheDeviceInTheirOrder) {
  EXPECT_THAT(Slots({1, 9, 3, 8, 2}, 32), ElementsAre(2, 0, 3, 1, 4));
}

TEST(PlanRows, OfEqualsTheFirstAre) {
  EXPECT_THAT(Slots({5, 5, 5, 5}, 47), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Slots({4, 5, 4, 4}, 32), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Slots({4, 4, 5, 4}, 32), ElementsAre(0, 2, 1, 3));
}

TEST(PlanRows, BudgetIsAllOrNothingAtTheEnds) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const RowPlan none,
                                PlanRows(std::vector<uint64_t>{1, 2}, 16, 15));
  EXPECT_EQ(none.hot_rows, 0u);
  EXPECT_THAT(none.slots, ElementsAre(0, 1));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const RowPlan all, PlanRows(std::vector<uint64_t>{1, 2}, 16, 1 << 20));
  EXPECT_EQ(all.hot_rows, 2u);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const RowPlan empty, PlanRows({}, 16, 1 << 20));
  EXPECT_EQ(empty.hot_rows, 0u);
  EXPECT_THAT(PlanRows({}, 0, 1), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PlanRows, NoColdRowIsHotterThanAHotOne) {
  for (uint64_t number = 0; number < 200; ++number) {
    RandomStream random(number, 0, 0);
    std::vector<uint64_t> heat(random.Below(100));
    for (uint64_t& h : heat) h = random.Below(10);
    const uint64_t budget = random.Below(16 * 120);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const RowPlan plan,
                                  PlanRows(heat, 16, budget));
    EXPECT_LE(plan.hot_rows * uint64_t{16}, budget);
    std::vector<bool> is_taken(heat.size());
    uint64_t coldest = UINT64_MAX;
    uint64_t hottest = 0;
    for (size_t row = 0; row < heat.size(); ++row) {
      ASSERT_LT(plan.slots[row], heat.size());
      EXPECT_FALSE(is_taken[plan.slots[row]]);
      is_taken[plan.slots[row]] = true;
      if (plan.slots[row] < plan.hot_rows) {
        coldest = std::min(coldest, heat[row]);
      } else {
        hottest = std::max(hottest, heat[row]);
      }
    }
    EXPECT_GE(coldest, plan.hot_rows == heat.size() ? 0 : hottest);
  }
}

TEST(AddMentions, CountsEdgesThatLeadToARow) {
  const std::vector<uint32_t> indices = {10, 12, 12, 9, 13, 12};
  std::vector<uint64_t> heat = {0, 0, 100};
  AddMentions({.indices = {.narrow = indices.data(), .size = 6}},
              {.first = 10, .size = 3}, absl::MakeSpan(heat));
  EXPECT_THAT(heat, ElementsAre(1, 0, 103));
}

}  // namespace
}  // namespace fairlead::cuda
