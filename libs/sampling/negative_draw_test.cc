#include "libs/sampling/negative_draw.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/sampling/fake_edges.h"
#include "libs/sampling/id_universe.h"
#include "libs/sampling/negative_sampler.h"
#include "libs/status/status_matchers.h"

// Draws that are suspended, answered by somebody else, and go on.

namespace fairlead {
namespace {

using ::fairlead::testing::FakeEdges;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::IsEmpty;
using ::testing::SizeIs;

void AnswerOnce(const FakeEdges& edges, NegativeDraw* draw) {
  const size_t count = draw->src().size();
  const auto exists = std::make_unique<bool[]>(count);
  for (size_t i = 0; i < count; ++i) {
    exists[i] = edges.Has(draw->src()[i], draw->dst()[i]);
  }
  draw->Answer(absl::MakeConstSpan(exists.get(), count));
}

TEST(NegativeDrawTest, SuspendedInTurnsTheyDrawWhatTheyDrawAlone) {
  FakeEdges edges = FakeEdges::AllBut(7, 7, {2, 5});
  const DenseIds sources(8);
  const DenseIds destinations(7);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler sampler,
      NegativeSampler::Create(sources, destinations, nullptr,
                              {.seed = 3, .max_trials = 3}));
  // Source 2 has one negative; 7 has all.
  const std::vector<int64_t> nodes = {2, 7, 2, 7};
  std::vector<NegativeDraw> draws;
  std::vector<NegativePairs> alone;
  for (uint64_t batch = 0; batch < 10; ++batch) {
    const NegativeRequest request{.batch_index = batch};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(NegativeDraw pairs,
                                  sampler.BeginPairs(request, 40));
    draws.push_back(std::move(pairs));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(alone.emplace_back(),
                                  sampler.SamplePairs(request, 40, edges));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(NegativeDraw triplets,
                                  sampler.BeginDestinations(request, nodes, 5));
    draws.push_back(std::move(triplets));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        alone.emplace_back(),
        sampler.SampleDestinations(request, nodes, 5, edges));
  }
  for (bool is_any = true; is_any;) {
    is_any = false;
    for (NegativeDraw& draw : draws) {
      if (draw.done()) continue;
      AnswerOnce(edges, &draw);
      is_any = true;
    }
  }
  for (size_t i = 0; i < draws.size(); ++i) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs pairs,
                                  std::move(draws[i]).Take());
    EXPECT_EQ(pairs.rows, alone[i].rows);
    EXPECT_EQ(pairs.cols, alone[i].cols);
  }
}

TEST(NegativeDrawTest, OnlySlotsThatHitAnEdgeAreAskedAboutAgain) {
  const DenseIds ids(1000);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativeSampler sampler,
                                NegativeSampler::Create(ids, ids, nullptr, {}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(NegativeDraw draw, sampler.BeginPairs({}, 10));
  ASSERT_THAT(draw.src(), SizeIs(10));
  bool exists[10] = {};
  exists[3] = exists[7] = true;
  const std::vector<int64_t> first(draw.src().begin(), draw.src().end());
  draw.Answer(exists);
  ASSERT_FALSE(draw.done());
  EXPECT_THAT(draw.src(), SizeIs(2));
  draw.Answer(absl::MakeConstSpan(exists).first(2));  // neither
  ASSERT_TRUE(draw.done());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs pairs,
                                std::move(draw).Take());
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(pairs.rows[i] == first[i], i != 3 && i != 7);
  }
}

TEST(NegativeDrawTest, NothingIsAskedWhereItDoesNotMatter) {
  const DenseIds ids(5);
  const DenseIds none(0);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler lax,
      NegativeSampler::Create(ids, ids, nullptr, {.strict = false}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(NegativeDraw draw, lax.BeginPairs({}, 10));
  EXPECT_TRUE(draw.done());
  EXPECT_THAT(draw.src(), IsEmpty());
  EXPECT_THAT(std::move(draw).Take().status(), IsOk());

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativeSampler strict,
                                NegativeSampler::Create(ids, ids, nullptr, {}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(NegativeDraw empty, strict.BeginPairs({}, 0));
  EXPECT_TRUE(empty.done());
  EXPECT_THAT(std::move(empty).Take().status(), IsOk());

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler of_none,
      NegativeSampler::Create(ids, none, nullptr, {}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(NegativeDraw lost, of_none.BeginPairs({}, 1));
  EXPECT_TRUE(lost.done());
  EXPECT_THAT(std::move(lost).Take(),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace fairlead
