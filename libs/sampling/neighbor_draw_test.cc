#include "libs/sampling/neighbor_draw.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/id_array.h"
#include "libs/graph/id_space.h"
#include "libs/random/philox.h"
#include "libs/sampling/test_row.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestRow;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kNone = TemporalStrategy::kNone;
constexpr auto kUniform = TemporalStrategy::kUniform;
constexpr auto kLast = TemporalStrategy::kLast;

// The row of the golden draws: neighbours 10 to 21.
TestRow GoldenRow() {
  return {.neighbors = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21},
          .weights = {0.5, 1, 0, 2, 4, 1, 1, 8, 0.25, 3, 1, 2},
          .times = {5, 1, 9, 3, 7, 3, 8, 2, 6, 4, 0, 5}};
}

struct Golden {
  int32_t fanout = 0;
  bool replace = false;
  bool weighted = false;
  TemporalStrategy temporal = kNone;
  int64_t salt = 0;
  std::vector<int64_t> of_node_5;
  std::vector<int64_t> of_node_2_33_1;  // node 2^33 + 1
};

// What is drawn must stay the same in every version. (Made by another program,
// from the contract in README.md.)
TEST(NeighborDrawTest, GoldenDrawsOfEveryKind) {
  const TestRow row = GoldenRow();
  const uint64_t key = DeriveRandomKey(42, RandomPurpose::kNeighbors, 3, 7);
  const std::vector<Golden> all = {
      {.fanout = 4,
       .of_node_5 = {15, 10, 18, 13},
       .of_node_2_33_1 = {18, 19, 10, 14}},
      {.fanout = 4,
       .replace = true,
       .of_node_5 = {17, 10, 19, 13},
       .of_node_2_33_1 = {21, 20, 10, 14}},
      {.fanout = 4,
       .weighted = true,
       .of_node_5 = {13, 14, 17, 19},
       .of_node_2_33_1 = {14, 17, 19, 21}},
      {.fanout = 4,
       .replace = true,
       .weighted = true,
       .of_node_5 = {10, 14, 20, 17},
       .of_node_2_33_1 = {19, 16, 17, 14}},
      {.fanout = 3,
       .temporal = kUniform,
       .of_node_5 = {15, 10, 20},
       .of_node_2_33_1 = {19, 20, 10}},
      {.fanout = 3,
       .temporal = kUniform,
       .salt = 6,
       .of_node_5 = {19, 15, 21},
       .of_node_2_33_1 = {17, 20, 15}},
      {.fanout = 3,
       .replace = true,
       .temporal = kUniform,
       .of_node_5 = {17, 10, 20},
       .of_node_2_33_1 = {21, 20, 10}},
      {.fanout = 3,
       .replace = true,
       .temporal = kUniform,
       .salt = 6,
       .of_node_5 = {21, 15, 15},
       .of_node_2_33_1 = {20, 19, 15}},
      {.fanout = 3,
       .weighted = true,
       .temporal = kUniform,
       .of_node_5 = {13, 17, 19},
       .of_node_2_33_1 = {10, 17, 21}},
      {.fanout = 3,
       .weighted = true,
       .temporal = kUniform,
       .salt = 6,
       .of_node_5 = {15, 17, 21},
       .of_node_2_33_1 = {11, 13, 19}},
      {.fanout = 3,
       .replace = true,
       .weighted = true,
       .temporal = kUniform,
       .of_node_5 = {10, 17, 21},
       .of_node_2_33_1 = {19, 17, 17}},
      {.fanout = 3,
       .replace = true,
       .weighted = true,
       .temporal = kUniform,
       .salt = 6,
       .of_node_5 = {17, 17, 13},
       .of_node_2_33_1 = {19, 20, 21}},
      {.fanout = 3,
       .temporal = kLast,
       .of_node_5 = {21, 10, 19},
       .of_node_2_33_1 = {21, 10, 19}},
  };
  for (const Golden& golden : all) {
    SCOPED_TRACE(absl::StrCat(
        golden.replace ? "replace " : "", golden.weighted ? "weighted " : "",
        "temporal ", static_cast<int>(golden.temporal), " salt ", golden.salt));
    const DrawSpec spec{.fanout = golden.fanout,
                        .replace = golden.replace,
                        .weighted = golden.weighted,
                        .temporal = golden.temporal,
                        .key = key,
                        .lane = 1 << 16 | 2};  // hop 1, edge type 2
    EXPECT_THAT(row.Draw(5, 5, golden.salt, spec),
                ElementsAreArray(golden.of_node_5));
    EXPECT_THAT(row.Draw((int64_t{1} << 33) + 1, 5, golden.salt, spec),
                ElementsAreArray(golden.of_node_2_33_1));
  }
}

// Beyond 64 draws the code goes another way, and must not draw anything else.
TEST(NeighborDrawTest, GoldenDrawOfManyWithoutReplacement) {
  TestRow row;
  for (int64_t i = 0; i < 1000; ++i) row.neighbors.push_back(i);
  const std::vector<int64_t> drawn =
      row.Draw(5, 0, 0,
               {.fanout = 70,
                .key = DeriveRandomKey(42, RandomPurpose::kNeighbors, 3, 7),
                .lane = 1 << 16 | 2});
  EXPECT_THAT(
      drawn,
      ElementsAre(550, 19, 735, 257, 516, 840, 393, 669, 191, 291, 616, 557,
                  732, 491, 228, 44, 537, 497, 400, 606, 153, 77, 81, 106, 874,
                  422, 782, 908, 667, 862, 16, 617, 544, 769, 532, 756, 247,
                  416, 677, 969, 691, 102, 267, 224, 53, 337, 195, 246, 307,
                  467, 737, 858, 176, 398, 980, 140, 264, 84, 488, 841, 338,
                  131, 333, 992, 174, 801, 278, 624, 883, 599));
}

TEST(NeighborDrawTest, AllAndFewAreTakenInOrderWithoutAnyDraw) {
  const TestRow row = GoldenRow();
  for (const int32_t fanout : {-1, 12, 100}) {
    EXPECT_EQ(row.Draw(5, 0, 0, {.fanout = fanout}), row.neighbors);
  }
  // Of weight 0 there is one, which "all" has and a draw has not.
  std::vector<int64_t> positive = row.neighbors;
  std::erase(positive, 12);
  EXPECT_EQ(row.Draw(5, 0, 0, {.fanout = -1, .weighted = true}), row.neighbors);
  EXPECT_EQ(row.Draw(5, 0, 0, {.fanout = 11, .weighted = true}), positive);
  EXPECT_EQ(row.Draw(5, 0, 0, {.fanout = 100, .weighted = true}), positive);
}

TEST(NeighborDrawTest, NothingCanBeDrawnOfNoWeightNoEdgesOrNoPast) {
  const TestRow zeros = {
      .neighbors = {1, 2}, .weights = {0, 0}, .times = {5, 6}};
  for (const bool replace : {false, true}) {
    EXPECT_THAT(zeros.Draw(5, 9, 0,
                           {.fanout = 1, .replace = replace, .weighted = true}),
                IsEmpty());
    EXPECT_THAT(TestRow{}.Draw(5, 9, 0, {.fanout = 1, .replace = replace}),
                IsEmpty());
    for (const TemporalStrategy temporal : {kUniform, kLast}) {
      EXPECT_THAT(
          zeros.Draw(5, 4, 0,
                     {.fanout = 1, .replace = replace, .temporal = temporal}),
          IsEmpty());
    }
  }
}

// Any row, any time, any kind: nothing later is drawn, and what is drawn is as
// many as there are, or as were asked for.
TEST(NeighborDrawTest, NothingLaterThanTheSeedIsDrawn) {
  RandomStream random(7, 0, 0);
  const auto below = [&random](int64_t bound) {
    return static_cast<int64_t>(random.Below(static_cast<uint64_t>(bound)));
  };
  for (int round = 0; round < 3000; ++round) {
    TestRow row;
    for (int64_t i = below(30); i > 0; --i) {
      row.neighbors.push_back(static_cast<int64_t>(row.neighbors.size()));
      row.weights.push_back(static_cast<float>(below(3)));
      row.times.push_back(below(10) - 2);
    }
    const int64_t time = below(12) - 3;
    const DrawSpec spec{.fanout = static_cast<int32_t>(below(9)) - 1,
                        .replace = below(2) == 0,
                        .weighted = below(2) == 0,
                        .temporal = below(2) == 0 ? kUniform : kLast,
                        .key = random.Next64()};
    if (spec.fanout == 0) continue;
    SCOPED_TRACE(absl::StrCat("round ", round));
    const std::vector<int64_t> drawn = row.Draw(3, time, round, spec);
    std::vector<int64_t> eligible;  // their times
    for (size_t i = 0; i < row.times.size(); ++i) {
      if (row.times[i] > time) continue;
      if (spec.temporal == kUniform && spec.weighted && spec.fanout > 0 &&
          row.weights[i] == 0) {
        continue;
      }
      eligible.push_back(row.times[i]);
    }
    const bool is_repeatable = spec.replace && spec.temporal == kUniform;
    size_t expected = eligible.size();
    if (spec.fanout > 0 && !eligible.empty()) {
      const auto fanout = static_cast<size_t>(spec.fanout);
      expected = is_repeatable ? fanout : std::min(expected, fanout);
    }
    ASSERT_EQ(drawn.size(), expected);
    std::vector<int64_t> times;
    for (const int64_t id : drawn) {
      times.push_back(row.times[static_cast<size_t>(id)]);
      ASSERT_LE(times.back(), time);
    }
    if (spec.fanout < 0 || !is_repeatable) {
      ASSERT_EQ(std::set<int64_t>(drawn.begin(), drawn.end()).size(),
                drawn.size());
    }
    if (spec.temporal == kLast) {
      std::sort(eligible.begin(), eligible.end(), std::greater<>());
      eligible.resize(expected);
      ASSERT_EQ(times, eligible);
    }
  }
}

TEST(NeighborDrawTest, EdgesOfTheSeedsOwnTimeCountAndLaterOfEqualComeFirst) {
  const TestRow row = {.neighbors = {1, 2, 3, 4}, .times = {5, 6, 5, 4}};
  EXPECT_THAT(row.Draw(0, 5, 0, {.fanout = 2, .temporal = kLast}),
              ElementsAre(3, 1));
  EXPECT_THAT(row.Draw(0, 5, 0, {.fanout = -1, .temporal = kLast}),
              ElementsAre(3, 1, 4));
  EXPECT_THAT(row.Draw(0, 5, 0, {.fanout = -1, .temporal = kUniform}),
              ElementsAre(1, 3, 4));
}

TEST(NeighborDrawTest, NodesThatAreNotHereAreNamed) {
  const std::vector<int64_t> indptr = {0, 1};
  const std::vector<int64_t> indices = {0};
  Topology topology;
  topology.indptr = absl::MakeConstSpan(indptr);
  topology.indices = absl::MakeConstSpan(indices);
  NeighborDrawer drawer;
  DrawnNeighbors out;
  for (const int64_t bad : {-1, 6, 8}) {
    const std::vector<int64_t> nodes = {7, bad};
    EXPECT_THAT(drawer.Draw(topology, IdSpace::Range(7, 1), nodes, {},
                            {.fanout = 1}, &out),
                StatusIs(absl::StatusCode::kNotFound,
                         HasSubstr(absl::StrCat("id ", bad))));
  }
}

TEST(CheckDrawSpecTest, PartitionsWithoutEdgesLackNothing) {
  const std::vector<int64_t> indptr = {0};
  EdgeType type;
  type.out.emplace().indptr = absl::MakeConstSpan(indptr);
  EXPECT_THAT(
      CheckDrawSpec(type, EdgeDir::kOut, {.weighted = true, .temporal = kLast}),
      IsOk());
  EXPECT_THAT(CheckDrawSpec(type, EdgeDir::kIn, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const std::vector<int64_t> indices = {0};
  type.out->indices = absl::MakeConstSpan(indices);
  EXPECT_THAT(
      CheckDrawSpec(type, EdgeDir::kOut, {.weighted = true}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("with_weight")));
  EXPECT_THAT(
      CheckDrawSpec(type, EdgeDir::kOut, {.temporal = kLast}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("temporal")));
}

}  // namespace
}  // namespace fairlead
