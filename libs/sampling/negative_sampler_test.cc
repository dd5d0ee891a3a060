#include "libs/sampling/negative_sampler.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/sampling/alias_table.h"
#include "libs/sampling/fake_edges.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::FakeEdges;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

using OnShortfall = NegativeSamplerOptions::OnShortfall;

TEST(CountNegativesTest, RoundsUpAndRefusesWhatIsNoAmount) {
  EXPECT_THAT(CountNegatives(10, 1), IsOkAndHolds(10));
  EXPECT_THAT(CountNegatives(3, 0.5), IsOkAndHolds(2));
  EXPECT_THAT(CountNegatives(1, 1e-9), IsOkAndHolds(1));
  EXPECT_THAT(CountNegatives(0, 5), IsOkAndHolds(0));
  EXPECT_THAT(CountNegatives(int64_t{1} << 31, 1),
              IsOkAndHolds(int64_t{1} << 31));
  for (const double amount : {0.0, -1.0, std::nan(""), HUGE_VAL, 1e300}) {
    EXPECT_THAT(CountNegatives(10, amount),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(CountNegatives(-1, 1),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(NegativeSamplerTest, StrictModeNeverGivesAnEdgeAndGivesAllThatWasAsked) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    RandomStream random(seed, 0, 0);
    const int64_t size = 5 + static_cast<int64_t>(random.Below(20));
    const uint64_t tenths = random.Below(11);  // all pairs at 10, but for one
    FakeEdges::Pairs set;
    for (int64_t i = 0; i < size * size; ++i) {
      if (random.Below(10) < tenths) set.insert({i / size, i % size});
    }
    set.erase({0, 1});
    FakeEdges edges(set);
    const DenseIds ids(size);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const NegativeSampler sampler,
        NegativeSampler::Create(ids, ids, nullptr,
                                {.seed = seed, .exclude_self = true}));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const NegativePairs pairs,
        sampler.SamplePairs({.epoch = 1, .batch_index = seed}, 200, edges));
    ASSERT_THAT(pairs.rows, SizeIs(200));
    ASSERT_THAT(pairs.cols, SizeIs(200));
    EXPECT_EQ(pairs.num_false_negatives, 0);
    for (size_t i = 0; i < 200; ++i) {
      ASSERT_FALSE(edges.Has(pairs.rows[i], pairs.cols[i]));
      ASSERT_NE(pairs.rows[i], pairs.cols[i]);
      ASSERT_LT(std::max(pairs.rows[i], pairs.cols[i]), size);
      ASSERT_GE(std::min(pairs.rows[i], pairs.cols[i]), 0);
    }
  }
}

TEST(NegativeSamplerTest, TheOnePairThatIsNoEdgeIsFoundForEverySlot) {
  FakeEdges edges = FakeEdges::AllBut(100, 90, {17, 42});
  const DenseIds sources(100);
  const DenseIds destinations(90);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler sampler,
      NegativeSampler::Create(sources, destinations, nullptr, {}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs pairs,
                                sampler.SamplePairs({}, 50, edges));
  EXPECT_EQ(pairs.rows, std::vector<int64_t>(50, 17));
  EXPECT_EQ(pairs.cols, std::vector<int64_t>(50, 42));
  EXPECT_THAT(edges.asked(), SizeIs(Le(6u)));  // five trials, and all pairs
  EXPECT_EQ(edges.asked().back(), 9000u);

  const std::vector<int64_t> source = {17, 17};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativePairs triplets,
      sampler.SampleDestinations({}, source, 3, edges));
  EXPECT_EQ(triplets.rows, std::vector<int64_t>(6, 17));
  EXPECT_EQ(triplets.cols, std::vector<int64_t>(6, 42));
}

TEST(NegativeSamplerTest, CompleteGraphIsAnErrorThatSaysHowManyWereNotFound) {
  FakeEdges edges = FakeEdges::All(6, 7);
  const DenseIds sources(6);
  const DenseIds destinations(7);
  for (const int64_t limit : {0, 65536}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const NegativeSampler sampler,
        NegativeSampler::Create(sources, destinations, nullptr,
                                {.exhaustive_limit = limit}));
    EXPECT_THAT(
        sampler.SamplePairs({}, 30, edges),
        StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("30 of 30")));
    // Source 6 has no edges, so it does have negatives.
    const std::vector<int64_t> nodes = {6, 3, 6, 2};
    EXPECT_THAT(
        sampler.SampleDestinations({}, nodes, 2, edges),
        StatusIs(absl::StatusCode::kResourceExhausted,
                 AllOf(HasSubstr("4 of 8"), HasSubstr("slot 2, of source 3"))));
  }
}

TEST(NegativeSamplerTest, FalseNegativesAreAcceptedAndCountedWhereAskedFor) {
  FakeEdges edges = FakeEdges::All(6, 6);
  const DenseIds ids(6);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler sampler,
      NegativeSampler::Create(
          ids, ids, nullptr,
          {.exclude_self = true,
           .on_shortfall = OnShortfall::kAcceptFalseNegatives}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs pairs,
                                sampler.SamplePairs({}, 500, edges));
  EXPECT_EQ(pairs.num_false_negatives, 500);
  for (size_t i = 0; i < 500; ++i) ASSERT_NE(pairs.rows[i], pairs.cols[i]);

  const std::vector<int64_t> nodes = {3, 6};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativePairs triplets,
      sampler.SampleDestinations({}, nodes, 4, edges));
  EXPECT_EQ(triplets.num_false_negatives, 4);  // those of 3
}

TEST(NegativeSamplerTest, ANodeItselfIsNeverAcceptedIfThatIsExcluded) {
  FakeEdges edges;
  const DenseIds one(1);
  for (const bool strict : {false, true}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const NegativeSampler sampler,
        NegativeSampler::Create(
            one, one, nullptr,
            {.strict = strict,
             .exclude_self = true,
             .on_shortfall = OnShortfall::kAcceptFalseNegatives}));
    EXPECT_THAT(
        sampler.SamplePairs({}, 2, edges),
        StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2 of 2")));
  }
}

TEST(NegativeSamplerTest, WithoutStrictNobodyIsAsked) {
  FakeEdges edges = FakeEdges::All(3, 3);
  const DenseIds ids(3);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler sampler,
      NegativeSampler::Create(ids, ids, nullptr,
                              {.strict = false, .exclude_self = true}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs pairs,
                                sampler.SamplePairs({}, 1000, edges));
  EXPECT_THAT(edges.asked(), IsEmpty());
  for (size_t i = 0; i < 1000; ++i) ASSERT_NE(pairs.rows[i], pairs.cols[i]);
}

TEST(NegativeSamplerTest, EdgesAreAskedAboutInWholeBatches) {
  FakeEdges edges = FakeEdges::AllBut(10, 10, {0, 0});
  const DenseIds ids(10);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler sampler,
      NegativeSampler::Create(ids, ids, nullptr, {.max_trials = 3}));
  ASSERT_THAT(sampler.SamplePairs({}, 400, edges), IsOk());
  ASSERT_THAT(edges.asked(), SizeIs(4));
  EXPECT_EQ(edges.asked()[0], 400u);
  EXPECT_THAT(edges.asked()[1], Le(400u));
  EXPECT_EQ(edges.asked()[3], 100u);
}

TEST(NegativeSamplerTest, ManyHardSourcesShareCallsUpToTheLimit) {
  FakeEdges::Pairs set;  // nobody has an edge to the last of ten

  std::vector<int64_t> nodes;
  for (int64_t node = 0; node < 20; ++node) {
    nodes.push_back(19 - node);
    for (int64_t other = 0; other < 9; ++other) set.insert({node, other});
  }
  FakeEdges edges(set);
  const DenseIds ids(10);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler sampler,
      NegativeSampler::Create(ids, ids, nullptr,
                              {.max_trials = 1, .exhaustive_limit = 45}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativePairs pairs,
      sampler.SampleDestinations({}, nodes, 20, edges));
  EXPECT_EQ(pairs.cols, std::vector<int64_t>(400, 9));
  EXPECT_THAT(edges.asked(), ElementsAre(400, 40, 40, 40, 40, 40));
}

TEST(NegativeSamplerTest, NothingAskedForIsNothingGivenAndNobodyAsked) {
  FakeEdges edges;
  const DenseIds none(0);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler sampler,
      NegativeSampler::Create(none, none, nullptr, {}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs pairs,
                                sampler.SamplePairs({}, 0, edges));
  EXPECT_THAT(pairs.rows, IsEmpty());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs triplets,
                                sampler.SampleDestinations({}, {}, 3, edges));
  EXPECT_THAT(triplets.cols, IsEmpty());
  EXPECT_THAT(edges.asked(), IsEmpty());
}

TEST(NegativeSamplerTest, TypesWithoutNodesAreAnErrorNotACrash) {  // W-38
  FakeEdges edges;
  const DenseIds none(0);
  const DenseIds some(3);
  for (const auto on_shortfall :
       {OnShortfall::kError, OnShortfall::kAcceptFalseNegatives}) {
    for (const auto& [src, dst] :
         {std::pair(&none, &some), std::pair(&some, &none)}) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const NegativeSampler sampler,
          NegativeSampler::Create(*src, *dst, nullptr,
                                  {.on_shortfall = on_shortfall}));
      EXPECT_THAT(
          sampler.SamplePairs({}, 5, edges),
          StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("5 of 5")));
    }
  }
}

TEST(NegativeSamplerTest, AnErrorOfWhoHasTheEdgesIsPassedOn) {
  const DenseIds ids(5);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativeSampler sampler,
                                NegativeSampler::Create(ids, ids, nullptr, {}));
  const auto fail = [](absl::Span<const int64_t>, absl::Span<const int64_t>,
                       absl::Span<bool>) {
    return absl::UnavailableError("partition 3 is gone");
  };
  EXPECT_THAT(
      sampler.SamplePairs({}, 5, fail),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("partition 3")));
}

TEST(NegativeSamplerTest, BadOptionsAndRequestsAreRefused) {
  const DenseIds ids(5);
  for (const NegativeSamplerOptions& bad :
       std::vector<NegativeSamplerOptions>{{.max_trials = 0},
                                           {.max_trials = 65536},
                                           {.exhaustive_limit = -1}}) {
    EXPECT_THAT(NegativeSampler::Create(ids, ids, nullptr, bad),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const AliasTable four,
                                AliasTable::Create({1, 1, 1, 1}));
  EXPECT_THAT(NegativeSampler::Create(ids, ids, &four, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("4 weights for 5")));

  FakeEdges edges;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativeSampler sampler,
                                NegativeSampler::Create(ids, ids, nullptr, {}));
  for (const int64_t count : {int64_t{-1}, (int64_t{1} << 31) + 1}) {
    EXPECT_THAT(sampler.SamplePairs({}, count, edges),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  const std::vector<int64_t> nodes = {1, 2};
  for (const int32_t amount : {0, -3, INT32_MAX}) {
    EXPECT_THAT(sampler.SampleDestinations({}, nodes, amount, edges),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  const std::vector<int64_t> negative = {1, -2};
  EXPECT_THAT(
      sampler.SampleDestinations({}, negative, 1, edges),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("source -2")));
}

}  // namespace
}  // namespace fairlead
