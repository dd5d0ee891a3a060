#include "libs/sampling/alias_table.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/sampling/chi_square.h"
#include "libs/sampling/unit_real.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::ChiSquare;
using ::fairlead::testing::kMaxDeviations;
using ::fairlead::testing::StatusIs;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(AliasTableTest, ChancesAreTheWeightsSharesForAnyWeights) {
  for (uint64_t round = 0; round < 300; ++round) {
    RandomStream random(round, 0, 0);
    std::vector<double> weights(1 + random.Below(200));
    double sum = 0;
    for (double& weight : weights) {
      // Some 0, the others over six orders of magnitude.
      weight =
          random.Below(5) == 0 ? 0 : std::pow(10, 6 * DrawUnitReal(random));
      sum += weight;
    }
    if (sum == 0) continue;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const AliasTable table,
                                  AliasTable::Create(weights));
    const std::vector<double> chances = table.Chances();
    ASSERT_EQ(chances.size(), weights.size());
    for (size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] == 0) {
        ASSERT_EQ(chances[i], 0);
      } else {
        ASSERT_NEAR(chances[i], weights[i] / sum, 1e-12);
      }
    }
  }
}

TEST(AliasTableTest, DrawsAreDistributedByDegreeByChiSquare) {
  const std::vector<int64_t> degrees = {0, 1, 2, 50, 7, 0, 1000, 3};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const AliasTable table,
                                AliasTable::FromDegrees(degrees));
  std::vector<double> chances;
  double sum = 0;
  for (const int64_t degree : degrees) {
    chances.push_back(std::pow(static_cast<double>(degree), 0.75));
    sum += chances.back();
  }
  for (double& chance : chances) chance /= sum;
  std::vector<int64_t> counts(degrees.size());
  for (uint64_t place = 0; place < 1'500'000; ++place) {
    RandomStream random(4, place, 0);
    ++counts[static_cast<size_t>(table.Draw(random))];
  }
  ChiSquare chi_square;
  chi_square.Add(counts, chances);
  EXPECT_EQ(chi_square.degrees_of_freedom(), 5);
  EXPECT_LT(chi_square.Deviations(), kMaxDeviations);
}

TEST(AliasTableTest, ExponentZeroIsUniformWhateverTheDegrees) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const AliasTable table,
                                AliasTable::FromDegrees({0, 9, 1, 5}, 0));
  EXPECT_THAT(table.Chances(), ElementsAre(0.25, 0.25, 0.25, 0.25));
}

TEST(AliasTableTest, TheLargestAndTheSmallestNumbersAreWeightsAsAnyOther) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  constexpr double kSmallest = std::numeric_limits<double>::denorm_min();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const AliasTable large,
                                AliasTable::Create({kLargest, 0, kLargest}));
  EXPECT_THAT(large.Chances(), ElementsAre(DoubleEq(0.5), 0, DoubleEq(0.5)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const AliasTable small, AliasTable::Create({kSmallest, kSmallest, 0, 0}));
  EXPECT_THAT(small.Chances(), ElementsAre(0.5, 0.5, 0, 0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const AliasTable one, AliasTable::Create({7}));
  EXPECT_THAT(one.Chances(), ElementsAre(1));
}

TEST(AliasTableTest, BadWeightsAreNamed) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_THAT(
      AliasTable::Create({1, -1}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("weight 1")));
  EXPECT_THAT(AliasTable::Create({std::nan("")}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(AliasTable::Create({inf}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(AliasTable::Create({}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(AliasTable::Create({0, 0}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      AliasTable::FromDegrees({3, -2}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("degree 1")));
  for (const double exponent : {-0.5, std::nan(""), inf, 1e6}) {
    EXPECT_THAT(AliasTable::FromDegrees({3, 2}, exponent),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace fairlead
