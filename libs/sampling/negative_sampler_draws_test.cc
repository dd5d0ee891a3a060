#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/sampling/alias_table.h"
#include "libs/sampling/fake_edges.h"
#include "libs/sampling/negative_sampler.h"
#include "libs/status/status_matchers.h"

// What draws of negatives depend on, and that on nothing else.

namespace fairlead {
namespace {

using ::fairlead::testing::FakeEdges;
using ::testing::ElementsAre;

TEST(NegativeSamplerDrawsTest, ASlotDoesNotDependOnOtherSlots) {
  FakeEdges edges = FakeEdges::AllBut(8, 8, {2, 5});
  const DenseIds sources(9);
  const DenseIds destinations(10);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler sampler,
      NegativeSampler::Create(sources, destinations, nullptr,
                              {.seed = 5, .max_trials = 2}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(NegativePairs many,
                                sampler.SamplePairs({}, 300, edges));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs few,
                                sampler.SamplePairs({}, 40, edges));
  many.rows.resize(40);
  many.cols.resize(40);
  EXPECT_EQ(few.rows, many.rows);
  EXPECT_EQ(few.cols, many.cols);

  const std::vector<int64_t> nodes = {1, 2, 2, 3};
  const std::vector<int64_t> others = {8, 2, 7, 3};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativePairs a, sampler.SampleDestinations({}, nodes, 50, edges));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativePairs b, sampler.SampleDestinations({}, others, 50, edges));
  for (const size_t same : {1, 3}) {
    EXPECT_TRUE(
        std::equal(a.cols.begin() + static_cast<ptrdiff_t>(same * 50),
                   a.cols.begin() + static_cast<ptrdiff_t>(same * 50) + 50,
                   b.cols.begin() + static_cast<ptrdiff_t>(same * 50)));
  }
}

TEST(NegativeSamplerDrawsTest, SeedEpochBatchAndEdgeTypeEachGiveOtherDraws) {
  FakeEdges edges;
  const DenseIds ids(1000);
  const auto draw = [&](uint64_t seed, const NegativeRequest& request) {
    const auto sampler =
        NegativeSampler::Create(ids, ids, nullptr, {.seed = seed});
    return sampler->SamplePairs(request, 20, edges)->rows;
  };
  const NegativeRequest request{.epoch = 2, .batch_index = 3, .edge_type = 4};
  EXPECT_EQ(draw(1, request), draw(1, request));
  EXPECT_NE(draw(1, request), draw(9, request));
  EXPECT_NE(draw(1, request),
            draw(1, {.epoch = 9, .batch_index = 3, .edge_type = 4}));
  EXPECT_NE(draw(1, request),
            draw(1, {.epoch = 2, .batch_index = 9, .edge_type = 4}));
  EXPECT_NE(draw(1, request),
            draw(1, {.epoch = 2, .batch_index = 3, .edge_type = 9}));
}

// What is drawn must stay the same in every version. (Made by another program,
// from the contract in README.md.)
TEST(NegativeSamplerDrawsTest, GoldenPairs) {
  FakeEdges edges(FakeEdges::Pairs{{3, 3}});
  const DenseIds sources(10);
  const DenseIds destinations(4);
  const NegativeRequest request{.epoch = 1, .batch_index = 2, .edge_type = 3};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler uniform,
      NegativeSampler::Create(sources, destinations, nullptr, {.seed = 42}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs pairs,
                                uniform.SamplePairs(request, 6, edges));
  EXPECT_THAT(pairs.rows, ElementsAre(1, 8, 1, 9, 6, 2));
  EXPECT_THAT(pairs.cols, ElementsAre(0, 0, 3, 0, 1, 1));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const AliasTable weights,
                                AliasTable::Create({1, 2, 4, 1}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler weighted,
      NegativeSampler::Create(sources, destinations, &weights, {.seed = 42}));
  const std::vector<int64_t> nodes = {5, 6};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativePairs triplets,
      weighted.SampleDestinations(request, nodes, 4, edges));
  EXPECT_THAT(triplets.cols, ElementsAre(0, 2, 2, 2, 2, 0, 3, 0));
}

TEST(NegativeSamplerDrawsTest, SparseIdsAboveTheRangeOf32BitsAreAsAnyOther) {
  std::vector<int64_t> rows;
  std::vector<int64_t> cols;
  for (int64_t i = 0; i < 20; ++i) rows.push_back((i << 40) + 7 * i);
  for (int64_t i = 0; i < 30; ++i) cols.push_back((i << 33) + 3);
  const ListedIds sources(rows);
  const ListedIds destinations(cols);
  const DenseIds dense_sources(20);
  const DenseIds dense_destinations(30);
  FakeEdges edges(FakeEdges::Pairs{{rows[1], cols[2]}});
  FakeEdges dense_edges(FakeEdges::Pairs{{1, 2}});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler sparse,
      NegativeSampler::Create(sources, destinations, nullptr, {}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler dense,
      NegativeSampler::Create(dense_sources, dense_destinations, nullptr, {}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs pairs,
                                sparse.SamplePairs({}, 500, edges));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs positions,
                                dense.SamplePairs({}, 500, dense_edges));
  for (size_t i = 0; i < 500; ++i) {
    ASSERT_EQ(pairs.rows[i], rows[static_cast<size_t>(positions.rows[i])]);
    ASSERT_EQ(pairs.cols[i], cols[static_cast<size_t>(positions.cols[i])]);
  }

  const DenseIds large(int64_t{1} << 61);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NegativeSampler of_large,
      NegativeSampler::Create(large, large, nullptr, {}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NegativePairs wide,
                                of_large.SamplePairs({}, 100, edges));
  EXPECT_GT(*std::max_element(wide.rows.begin(), wide.rows.end()),
            int64_t{1} << 60);
}

}  // namespace
}  // namespace fairlead
