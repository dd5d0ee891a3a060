#include "libs/partitioner/hotness.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/partitioner/typed_graph.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The path 0 - 1 - 2 - 3 - 4, both ways.
const std::vector<int64_t> kPathIndptr = {0, 1, 3, 5, 7, 8};
const std::vector<int64_t> kPath = {1, 0, 2, 1, 3, 2, 4, 3};

Seeds All(const std::vector<int64_t>& ids) { return {.ids = ids}; }

TEST(EstimateHotness, HalvesAtEachForkOfAPath) {
  const std::vector<int64_t> seeds = {0};
  // 0 leads to 1 for certain; 1 to 2, or back, at one in two; so does 2.
  EXPECT_THAT(EstimateHotness(kPathIndptr, kPath, All(seeds), {1, 1, 1}),
              IsOkAndHolds(ElementsAre(1, 1, 0.5, 0.25, 0)));
}

TEST(EstimateHotness, ReachesAllWithinItsHopsIfAllAreDrawn) {
  const std::vector<int64_t> seeds = {0};
  EXPECT_THAT(EstimateHotness(kPathIndptr, kPath, All(seeds), {-1, 2}),
              IsOkAndHolds(ElementsAre(1, 1, 1, 0, 0)));
}

TEST(EstimateHotness, IsThatOfTheSeedsWithoutHops) {
  const std::vector<int64_t> seeds = {3, 1};
  const auto only_seeds = IsOkAndHolds(ElementsAre(0, 1, 0, 1, 0));
  EXPECT_THAT(EstimateHotness(kPathIndptr, kPath, All(seeds), {}), only_seeds);
  EXPECT_THAT(EstimateHotness(kPathIndptr, kPath, All(seeds), {0, 5}),
              only_seeds);
}

TEST(EstimateHotness, IsNoneWithoutSeeds) {
  EXPECT_THAT(EstimateHotness(kPathIndptr, kPath, {}, {2, 2}),
              IsOkAndHolds(Each(0)));
  EXPECT_THAT(EstimateHotness({0}, {}, {}, {2}), IsOkAndHolds(IsEmpty()));
}

TEST(EstimateHotness, IsOfABatchWhereSeedsAreManyBatches) {
  const std::vector<int64_t> seeds = {0, 4, 4, 1};
  // Batches of 1: 0 and 1 with 1/4, 4 with 1/2.
  EXPECT_THAT(
      EstimateHotness(kPathIndptr, kPath, {.ids = seeds, .batch_size = 1}, {}),
      IsOkAndHolds(ElementsAre(0.25, 0.25, 0, 0, 0.5)));
  // And then 0 from 1: 1 - (1 - 1/4) (1 - 1/8).
  EXPECT_THAT(
      EstimateHotness(kPathIndptr, kPath, {.ids = seeds, .batch_size = 1}, {1}),
      IsOkAndHolds(ElementsAre(0.34375F, 0.4375F, 0.125F, 0.5F, 0.5F)));
  EXPECT_THAT(EstimateHotness(kPathIndptr, kPath,
                              {.ids = seeds, .batch_size = 100}, {}),
              IsOkAndHolds(ElementsAre(1, 1, 0, 0, 1)));
}

TEST(EstimateHotness, OfSeveralWaysIsThatOfAny) {
  // 0 and 1 both lead to 2 or 3.
  const std::vector<int64_t> seeds = {0, 1};
  EXPECT_THAT(EstimateHotness({0, 2, 4, 4, 4}, {2, 3, 2, 3}, All(seeds), {1}),
              IsOkAndHolds(ElementsAre(1, 1, 0.75, 0.75)));
}

TEST(EstimateTypedHotness, GoesAlongEachTypeWithItsOwnFanouts) {
  // Users 0, 1 rated items 0 to 3; items are like items.
  const std::vector<int64_t> rated_indptr = {0, 4, 4};
  const std::vector<int64_t> rated = {0, 1, 2, 3};
  const std::vector<int64_t> like_indptr = {0, 2, 2, 2, 2};
  const std::vector<int64_t> like = {1, 2};
  const std::vector<TypedEdges> edges = {{0, 1, rated_indptr, rated},
                                         {1, 1, like_indptr, like}};
  const std::vector<int64_t> seeds = {0};
  // Each item with 1/4; then item 0 leads to items 1 and 2 with half of that.
  EXPECT_THAT(
      EstimateTypedHotness({2, 4}, edges, All(seeds), {{1}, {0, 1}}),
      IsOkAndHolds(ElementsAre(1, 0, 0.25F, 0.34375F, 0.34375F, 0.25F)));
  EXPECT_THAT(EstimateTypedHotness({2, 4}, edges, All(seeds), {{1}, {}}),
              IsOkAndHolds(ElementsAre(1, 0, 0.25, 0.25, 0.25, 0.25)));
}

// On a tree the estimate is the probability: the product along the path.
TEST(EstimateHotness, IsExactOnTrees) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    RandomStream random(seed, 0, 0);
    constexpr size_t kNodes = 200;
    std::vector<size_t> parent(kNodes, 0);
    std::vector<std::vector<int64_t>> children(kNodes);
    for (size_t v = 1; v < kNodes; ++v) {
      parent[v] = random.Below(1 + random.Below(v));
      children[parent[v]].push_back(static_cast<int64_t>(v));
    }
    std::vector<int64_t> indptr = {0};
    std::vector<int64_t> indices;
    for (const auto& each : children) {
      indices.insert(indices.end(), each.begin(), each.end());
      indptr.push_back(static_cast<int64_t>(indices.size()));
    }
    const std::vector<int32_t> fanouts = {3, 2, 4};
    const std::vector<int64_t> seeds = {0};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const std::vector<float> hotness,
        EstimateHotness(indptr, indices, All(seeds), fanouts));
    std::vector<double> expected(kNodes, 0);
    std::vector<size_t> depth(kNodes, 0);
    expected[0] = 1;
    for (size_t v = 1; v < kNodes; ++v) {
      const size_t u = parent[v];
      depth[v] = depth[u] + 1;
      if (depth[u] >= fanouts.size()) continue;
      expected[v] = expected[u] *
                    std::min(1.0, fanouts[depth[u]] /
                                      static_cast<double>(children[u].size()));
      EXPECT_NEAR(hotness[v], expected[v], 1e-6);
    }
  }
}

// Where nodes are reached in several ways it is an estimate: compared to what
// sampling, which draws without replacement and from a node once, comes to.
TEST(EstimateHotness, IsCloseToTheFrequenciesOfSampling) {
  constexpr int64_t kNodes = 300;
  constexpr int kBatches = 4000;
  RandomStream random(1, 0, 0);
  std::vector<int64_t> indptr = {0};
  std::vector<int64_t> indices;
  for (int64_t u = 0; u < kNodes; ++u) {
    for (uint64_t i = random.Below(12); i > 0; --i) {
      indices.push_back(
          static_cast<int64_t>(random.Below(1 + random.Below(kNodes))));
    }
    indptr.push_back(static_cast<int64_t>(indices.size()));
  }
  const std::vector<int32_t> fanouts = {3, 2};
  std::vector<int> times(kNodes, 0);
  for (int batch = 0; batch < kBatches; ++batch) {
    std::set<int64_t> seen;
    while (seen.size() < 4) {
      seen.insert(static_cast<int64_t>(random.Below(100)));
    }
    std::vector<int64_t> frontier(seen.begin(), seen.end());
    for (const int32_t fanout : fanouts) {
      std::vector<int64_t> next;
      for (const int64_t u : frontier) {
        std::vector<int64_t> rest(
            indices.begin() + indptr[static_cast<size_t>(u)],
            indices.begin() + indptr[static_cast<size_t>(u) + 1]);
        for (int32_t i = 0; i < fanout && !rest.empty(); ++i) {
          std::swap(rest[random.Below(rest.size())], rest.back());
          if (seen.insert(rest.back()).second) next.push_back(rest.back());
          rest.pop_back();
        }
      }
      frontier = std::move(next);
    }
    for (const int64_t v : seen) ++times[static_cast<size_t>(v)];
  }
  std::vector<int64_t> seeds(100);
  for (size_t i = 0; i < seeds.size(); ++i) {
    seeds[i] = static_cast<int64_t>(i);
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::vector<float> hotness,
      EstimateHotness(indptr, indices, {.ids = seeds, .batch_size = 4},
                      fanouts));
  double error = 0;
  for (size_t v = 0; v < hotness.size(); ++v) {
    const double frequency = static_cast<double>(times[v]) / kBatches;
    EXPECT_NEAR(hotness[v], frequency, 0.05) << "node " << v;
    error += std::abs(hotness[v] - frequency);
  }
  EXPECT_LT(error / kNodes, 0.005);
}

TEST(EstimateHotness, RefusesWhatIsNoNode) {
  const std::vector<int64_t> seeds = {1, 5};
  EXPECT_THAT(EstimateHotness(kPathIndptr, kPath, All(seeds), {1}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("seed 5"), HasSubstr("position 1"))));
  EXPECT_THAT(
      EstimateHotness({0, 1}, {1}, {}, {1}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("leads to 1")));
  EXPECT_THAT(EstimateHotness({}, {}, {}, {1}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(EstimateHotness, RefusesOptionsThatMakeNoSense) {
  const std::vector<int64_t> seeds = {1};
  EXPECT_THAT(EstimateHotness(kPathIndptr, kPath, All(seeds), {1, -2}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("hop 1"), HasSubstr("-2"))));
  EXPECT_THAT(
      EstimateHotness(kPathIndptr, kPath, {.ids = seeds, .batch_size = -1},
                      {1}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("batch size")));
  EXPECT_THAT(
      EstimateTypedHotness({5}, {{0, 0, kPathIndptr, kPath}},
                           {.type = 1, .ids = seeds}, {{1}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("node type 1")));
  EXPECT_THAT(
      EstimateTypedHotness({5}, {{0, 0, kPathIndptr, kPath}}, All(seeds), {}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("0 lists of fanouts for 1")));
}

}  // namespace
}  // namespace fairlead
