#include "libs/partitioner/undirected_graph.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(MakeUndirected, AddsTheWayBack) {
  // 0 -> 1, 0 -> 2.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const UndirectedGraph graph,
                                MakeUndirected({0, 2, 2, 2}, {2, 1}));
  EXPECT_THAT(graph.begins, ElementsAre(0, 2, 3, 4));
  EXPECT_THAT(graph.neighbours, ElementsAre(1, 2, 0, 0));
  EXPECT_THAT(graph.NeighboursOf(0), ElementsAre(1, 2));
  EXPECT_THAT(graph.NeighboursOf(2), ElementsAre(0));
}

TEST(MakeUndirected, ForgetsRepeatsAndSelfLoops) {
  // 0 -> 0, 0 -> 1 twice, 1 -> 0, 1 -> 1.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const UndirectedGraph graph,
                                MakeUndirected({0, 3, 5}, {0, 1, 1, 0, 1}));
  EXPECT_THAT(graph.begins, ElementsAre(0, 1, 2));
  EXPECT_THAT(graph.neighbours, ElementsAre(1, 0));
}

TEST(MakeUndirected, TakesGraphsWithoutNodesOrEdges) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const UndirectedGraph nothing,
                                MakeUndirected({0}, {}));
  EXPECT_THAT(nothing.begins, ElementsAre(0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const UndirectedGraph isolated,
                                MakeUndirected({0, 0, 0}, {}));
  EXPECT_THAT(isolated.begins, ElementsAre(0, 0, 0));
  EXPECT_THAT(isolated.neighbours, IsEmpty());
}

TEST(MakeUndirected, IsTheSetOfPairs) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    RandomStream random(seed, 0, 0);
    const uint64_t nodes = 1 + random.Below(30);
    std::vector<int64_t> indptr = {0};
    std::vector<int64_t> indices;
    std::set<std::pair<int64_t, int64_t>> pairs;
    for (uint64_t u = 0; u < nodes; ++u) {
      for (uint64_t i = random.Below(6); i > 0; --i) {
        const uint64_t v = random.Below(nodes);
        indices.push_back(static_cast<int64_t>(v));
        if (u != v) pairs.insert({u, v});
        if (u != v) pairs.insert({v, u});
      }
      indptr.push_back(static_cast<int64_t>(indices.size()));
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const UndirectedGraph graph,
                                  MakeUndirected(indptr, indices));
    std::vector<std::pair<int64_t, int64_t>> found;
    for (uint64_t u = 0; u < nodes; ++u) {
      for (const int32_t v : graph.NeighboursOf(static_cast<int32_t>(u))) {
        found.emplace_back(u, v);
      }
    }
    EXPECT_THAT(found, ::testing::ElementsAreArray(pairs)) << "seed " << seed;
  }
}

TEST(MakeUndirected, CountsOnlyWhatIsLeft) {
  const std::vector<int64_t> indptr = {0, 4, 5};
  const std::vector<int64_t> indices = {1, 1, 1, 0, 0};
  EXPECT_THAT(MakeUndirected(indptr, indices, /*max_neighbours=*/2), IsOk());
  EXPECT_THAT(MakeUndirected(indptr, indices, /*max_neighbours=*/1),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("it can take 1 in all")));
}

}  // namespace
}  // namespace fairlead
