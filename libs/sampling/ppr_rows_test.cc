#include "libs/sampling/ppr_rows.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/sampling/ppr_options.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::FieldsAre;
using ::testing::HasSubstr;

PprEntry Node(int64_t id, double score, double residual, int32_t hop = 1) {
  return {.id = id, .residual = residual, .score = score, .hop = hop};
}

TEST(SelectPprCandidates, TakesMostScoreAndOrdersByValue) {
  // By score 1 and 2 are kept; by value 2 comes first, and 3 would be second.
  EXPECT_THAT(SelectPprCandidates(
                  {Node(1, .5, 0), Node(2, .25, .5), Node(3, .125, .5)}, 2,
                  /*residual_top_up=*/true),
              ElementsAre(FieldsAre(2, .75, 1), FieldsAre(1, .5, 1)));
}

TEST(SelectPprCandidates, TopsUpWithMostResidualWhereScoresAreFewer) {
  const std::vector<PprEntry> entries = {Node(1, 0, .25), Node(2, .125, 0),
                                         Node(3, 0, .5, 2), Node(4, 0, 0)};
  EXPECT_THAT(SelectPprCandidates(entries, 2, true),
              ElementsAre(FieldsAre(3, .5, 2), FieldsAre(2, .125, 1)));
  // A node that never had mass is none.
  EXPECT_THAT(SelectPprCandidates(entries, 9, true),
              ElementsAre(FieldsAre(3, .5, 2), FieldsAre(1, .25, 1),
                          FieldsAre(2, .125, 1)));
}

TEST(SelectPprCandidates, WithoutTopUpResidualsDoNotCount) {
  EXPECT_THAT(
      SelectPprCandidates({Node(1, .25, .5), Node(2, .5, 0), Node(3, 0, 1)}, 9,
                          /*residual_top_up=*/false),
      ElementsAre(FieldsAre(2, .5, 1), FieldsAre(1, .25, 1)));
}

TEST(SelectPprCandidates, TiesGoToTheLowerId) {
  EXPECT_THAT(
      SelectPprCandidates({Node(int64_t{1} << 40, .5, 0), Node(9, .5, 0),
                           Node(8, 0, .25), Node(7, 0, .25)},
                          3, true),
      ElementsAre(FieldsAre(9, .5, 1), FieldsAre(int64_t{1} << 40, .5, 1),
                  FieldsAre(7, .25, 1)));
}

TEST(SelectPprCandidates, EqualsSortingHoweverManyTies) {
  for (uint64_t round = 0; round < 200; ++round) {
    RandomStream random(1, round, 0);
    std::vector<PprEntry> entries;
    std::vector<std::pair<double, int64_t>> pushed;  // (-score, id)
    std::vector<std::pair<double, int64_t>> others;  // (-residual, id)
    const uint64_t size = random.Below(100);
    for (uint64_t i = 0; i < size; ++i) {
      const auto id = static_cast<int64_t>(SplitMix64(i) >> 1);
      const double mass = static_cast<double>(random.Below(4) + 1) / 8;
      const bool is_pushed = random.Below(2) == 0;
      entries.push_back(Node(id, is_pushed ? mass : 0, is_pushed ? 0 : mass));
      (is_pushed ? pushed : others).emplace_back(-mass, id);
    }
    std::sort(pushed.begin(), pushed.end());
    std::sort(others.begin(), others.end());
    const size_t max_size = random.Below(60) + 1;
    pushed.insert(pushed.end(), others.begin(), others.end());
    pushed.resize(std::min(pushed.size(), max_size));
    std::sort(pushed.begin(), pushed.end());
    std::vector<std::pair<double, int64_t>> selected;
    for (const PprCandidate& node :
         SelectPprCandidates(entries, static_cast<int32_t>(max_size), true)) {
      selected.emplace_back(-node.value, node.id);
    }
    EXPECT_EQ(selected, pushed);
  }
}

std::vector<int64_t> Merge(std::vector<std::vector<PprCandidate>> by_channel,
                           std::vector<int32_t> slots) {
  PprRows rows;
  AppendMergedPprRows(by_channel, slots, &rows);
  EXPECT_THAT(rows.counts, ElementsAre(rows.ids.size()));
  EXPECT_EQ(rows.attributes.size(),
            rows.ids.size() * (2 + 3 * by_channel.size()));
  return rows.ids;
}

TEST(AppendMergedPprRows, ADuplicateBelongsToItsBestChannel) {
  // 1 is best in channel 1, so channel 0 has a slot for 2.
  EXPECT_THAT(Merge({{{1, .5}, {2, .25}}, {{1, .75}, {3, .5}}}, {1, 1}),
              ElementsAre(1, 2));
}

TEST(AppendMergedPprRows, SlotsThatAreLeftGoToTheBestOfAnyChannel) {
  EXPECT_THAT(Merge({{{1, .5}},
                     {{2, .75}, {3, .625}, {4, .125}},
                     {{5, .5}, {6, .25}, {7, .0625}}},
                    {3, 1, 1}),
              ElementsAre(2, 3, 1, 5, 6));
}

TEST(AppendMergedPprRows, AChannelWithoutSlotsStillFillsFreeOnes) {
  EXPECT_THAT(Merge({{{1, .5}}, {{2, .75}}}, {1, 0}), ElementsAre(1));
  EXPECT_THAT(Merge({{{1, .5}}, {{2, .75}}}, {2, 0}), ElementsAre(2, 1));
}

TEST(AppendMergedPprRows, ARowHasTheBestAndThenEachChannel) {
  PprRows rows;
  AppendMergedPprRows(
      std::vector<std::vector<PprCandidate>>{
          {{.id = 4, .value = .25, .hop = 1}},
          {{.id = 4, .value = .5, .hop = 3}}},
      {1, 1}, &rows);
  EXPECT_THAT(rows.attributes, ElementsAre(.5, .5, .25, .5, 1, .5, .25, 1));
}

TEST(AppendPprRows, AppendsSeedBySeed) {
  PprRows rows;
  AppendPprRows({{7, .5, 0}, {3, .25, 1}}, &rows);
  AppendPprRows({}, &rows);
  AppendPprRows({{7, .125, 3}}, &rows);
  EXPECT_THAT(rows.counts, ElementsAre(2, 0, 1));
  EXPECT_THAT(rows.ids, ElementsAre(7, 3, 7));
  EXPECT_THAT(rows.attributes, ElementsAre(.5, 1, .25, .5, .125, .25));
}

TEST(LargestRemainderSlots, SharesOutWholePartsThenLargestRemainders) {
  EXPECT_THAT(LargestRemainderSlots(3, {2, 1}), ElementsAre(2, 1));
  EXPECT_THAT(LargestRemainderSlots(50, {.5, .3, .2}), ElementsAre(25, 15, 10));
  // Quotas 6.0, 2.4, 1.6; the one that is left goes to .6.
  EXPECT_THAT(LargestRemainderSlots(10, {60, 24, 16}), ElementsAre(6, 2, 2));
}

TEST(LargestRemainderSlots, TiesGoToTheFirst) {
  EXPECT_THAT(LargestRemainderSlots(5, {1, 1, 1}), ElementsAre(2, 2, 1));
  EXPECT_THAT(LargestRemainderSlots(1, {1, 1, 1}), ElementsAre(1, 0, 0));
}

TEST(LargestRemainderSlots, AlwaysSumToTheTotal) {
  constexpr double kHuge = std::numeric_limits<double>::max();
  for (int32_t total : {1, 7, 50, 1'000'003, 2'147'483'647}) {
    for (const std::vector<double>& ratios : {std::vector<double>{1},
                                              {.1, .2, .7},
                                              {kHuge, kHuge},
                                              {1e-300, 1},
                                              {1. / 3, 1. / 7, 1. / 11, 3}}) {
      int64_t sum = 0;
      for (const int32_t slots : LargestRemainderSlots(total, ratios)) {
        EXPECT_GE(slots, 0);
        sum += slots;
      }
      EXPECT_EQ(sum, total);
    }
  }
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

PprSchema TwoEdgeTypes() {
  return {.num_node_types = 2, .edge_types = {{0, 1}, {1, 0}}};
}

void ExpectRefused(const PprOptions& options, const char* why) {
  EXPECT_THAT(ValidatePprOptions(TwoEdgeTypes(), options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
}

TEST(ValidatePprOptions, TakesDefaultsAndBounds) {
  EXPECT_THAT(ValidatePprOptions(TwoEdgeTypes(), {}), IsOk());
  EXPECT_THAT(
      ValidatePprOptions(TwoEdgeTypes(),
                         {.alpha = 1e-9,
                          .eps = 10,
                          .max_ppr_nodes = 1,
                          .num_neighbors_per_hop = -1,
                          .max_fetch_iterations = 0,
                          .channels = {{.edge_types = {1, 0}, .ratio = 1e9},
                                       {.edge_types = {1}, .ratio = 1e-9}},
                          .requeue_threshold = 1}),
      IsOk());
}

TEST(ValidatePprOptions, RefusesWhatIsOutOfBounds) {
  for (const double alpha : {0., 1., -.5, 1.5, kNan}) {
    ExpectRefused({.alpha = alpha}, "alpha");
  }
  for (const double eps : {0., -1e-4, kInfinity, kNan}) {
    ExpectRefused({.eps = eps}, "eps");
  }
  ExpectRefused({.max_ppr_nodes = 0}, "max_ppr_nodes 0");
  ExpectRefused({.num_neighbors_per_hop = 0}, "num_neighbors_per_hop 0");
  ExpectRefused({.num_neighbors_per_hop = -2}, "num_neighbors_per_hop -2");
  ExpectRefused({.max_fetch_iterations = -1}, "max_fetch_iterations -1");
  ExpectRefused({.requeue_threshold = 0}, "requeue_threshold 0");
}

TEST(ValidatePprOptions, RefusesBadChannelsByTheirNumber) {
  const PprOptions::Channel good{.edge_types = {0}};
  for (const double ratio : {0., -1., kInfinity, kNan}) {
    ExpectRefused({.channels = {good, {.edge_types = {1}, .ratio = ratio}}},
                  "channel 1: ratio");
  }
  ExpectRefused({.channels = {good, {}}}, "channel 1: has no edge types");
  ExpectRefused({.channels = {{.edge_types = {2}}}},
                "channel 0: edge type 2 is not among the 2");
  ExpectRefused({.channels = {{.edge_types = {-1}}}}, "edge type -1");
  ExpectRefused({.channels = {{.edge_types = {0, 1, 0}}}},
                "edge type 0 is named twice");
}

TEST(ValidatePprOptions, RefusesBadSchemas) {
  EXPECT_THAT(ValidatePprOptions({.num_node_types = 0}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      ValidatePprOptions({.num_node_types = 1, .edge_types = {{0, 1}}}, {}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("edge type 0 joins node type 1")));
}

}  // namespace
}  // namespace fairlead
