#include "libs/sampling/ppr.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/sampling/neighbor_cache.h"
#include "libs/sampling/ppr_test_util.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pointwise;

// --- Golden values of parity G8.

TEST(PprPush, GoldenSeedThatIsASinkKeepsAlpha) {
  const PprResult result = Ppr(Homogeneous({}), {.alpha = .15}, {7});
  EXPECT_EQ(result.width, 2);
  EXPECT_THAT(result.node_types[0].ids, ElementsAre(7));
  EXPECT_THAT(result.node_types[0].attributes, ElementsAre(.15, 1));
}

TEST(PprPush, GoldenNeighborThatIsASinkKeepsWhatItGets) {
  const PprResult result = Ppr(Homogeneous({{0, 1}}), {.alpha = .15}, {0});
  EXPECT_THAT(result.node_types[0].ids, ElementsAre(0, 1));
  EXPECT_THAT(result.node_types[0].attributes,
              Pointwise(DoubleNear(1e-15), {.15, 1., .1275, .5}));
}

// {0-1, 0-2} undirected: degrees 2, 1, 1.
TestGraph Fork() { return Homogeneous({{0, 1}, {0, 2}, {1, 0}, {2, 0}}); }

TEST(PprPush, GoldenTopUpWithNodesThatHaveResidualOnly) {
  PprOptions options{.alpha = .5, .max_ppr_nodes = 3, .requeue_threshold = 1};
  PprResult result = Ppr(Fork(), options, {0});
  EXPECT_THAT(result.node_types[0].ids, ElementsAre(0, 1, 2));
  EXPECT_THAT(result.node_types[0].attributes,
              ElementsAre(.5, 1, .125, .5, .125, .5));

  options.residual_top_up = false;
  result = Ppr(Fork(), options, {0});
  EXPECT_THAT(result.node_types[0].ids, ElementsAre(0));
  EXPECT_THAT(result.node_types[0].attributes, ElementsAre(.5, 1));
}

TEST(PprPush, GoldenTypedChannels) {
  TestGraph graph({.num_node_types = 1, .edge_types = {{0, 0}, {0, 0}}});
  graph.Add(0, 0, 10);
  graph.Add(0, 10, 0);
  graph.Add(1, 0, 20);
  graph.Add(1, 20, 0);
  PprOptions options{
      .alpha = .5,
      .max_ppr_nodes = 3,
      .channels = {{.edge_types = {0}, .ratio = 2}, {.edge_types = {1}}},
      .requeue_threshold = 1};
  PprResult result = Ppr(graph, options, {0});
  EXPECT_EQ(result.width, 8);
  EXPECT_THAT(result.node_types[0].ids, ElementsAre(0, 10, 20));
  EXPECT_THAT(result.node_types[0].attributes,
              ElementsAre(.5, 1, .5, 1, 1, .5, 1, 1,     //
                          .25, .5, .25, .5, 1, 0, 0, 0,  //
                          .25, .5, 0, 0, 0, .25, .5, 1));

  options.max_ppr_nodes = 2;
  options.channels[0].ratio = 1;  // slots [1, 1]
  EXPECT_THAT(Ppr(graph, options, {0}).node_types[0].ids, ElementsAre(0, 20));
}

TEST(PprPush, GoldenExactValues) {
  struct Case {
    double alpha;
    int64_t seed;
    std::vector<double> values;  // of nodes 0 to 4
  };
  const std::vector<Case> cases = {
      {.5, 0, {9. / 16, 3. / 16, 3. / 16, 1. / 32, 1. / 32}},
      {.5, 1, {1. / 8, 63. / 104, 15. / 104, 21. / 208, 5. / 208}},
      {.5, 3, {1. / 16, 63. / 208, 15. / 208, 229. / 416, 5. / 416}},
      {.15, 0, {571. / 1880, 51. / 188, 51. / 188, 289. / 3760, 289. / 3760}}};
  for (const Case& c : cases) {
    const auto rows = RowsOf(
        Ppr(GoldenGraph(), {.alpha = c.alpha, .eps = 1e-6}, {c.seed}), 0);
    ASSERT_EQ(rows.size(), 5u);
    for (const auto& [id, row] : rows) {
      EXPECT_NEAR(row.first, c.values[static_cast<size_t>(id)], 1e-6)
          << "alpha " << c.alpha << ", seed " << c.seed << ", node " << id;
    }
  }
}

// --- Single behaviours.

TEST(PprPush, AtTheFetchLimitMassStaysWhereItIs) {
  // 0 -> 1 -> 2: with one fetch, 1 keeps what it was given.
  const TestGraph path = Homogeneous({{0, 1}, {1, 2}});
  PprOptions options{.alpha = .5, .max_fetch_iterations = 1};
  EXPECT_THAT(Ppr(path, options, {0}).node_types[0].attributes,
              ElementsAre(.5, 1, .25, .5));
  options.max_fetch_iterations = 0;
  EXPECT_THAT(Ppr(path, options, {0}).node_types[0].attributes,
              ElementsAre(.5, 1));
}

TEST(PprPush, RepeatedSeedsGetRowsOfTheirOwn) {
  const PprResult result = Ppr(Fork(), {.alpha = .5}, {1, 0, 1});
  const PprRows& rows = result.node_types[0];
  EXPECT_THAT(rows.counts, ElementsAre(3, 3, 3));
  EXPECT_THAT(rows.ids, ElementsAre(1, 0, 2, 0, 1, 2, 1, 0, 2));
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(rows.attributes[i], rows.attributes[i + 12]);
  }
}

TEST(PprPush, EveryNodeTypeHasACountForEverySeed) {
  TestGraph graph(ThreeTypes());
  graph.Add(0, 1, 9);
  const PprResult result = Ppr(graph, {}, {1, 2});  // 2 is isolated
  ASSERT_EQ(result.node_types.size(), 3u);
  EXPECT_THAT(result.node_types[0].counts, ElementsAre(1, 1));
  EXPECT_THAT(result.node_types[0].ids, ElementsAre(1, 2));
  EXPECT_THAT(result.node_types[1].counts, ElementsAre(1, 0));
  EXPECT_THAT(result.node_types[1].ids, ElementsAre(9));
  EXPECT_THAT(result.node_types[2].counts, ElementsAre(0, 0));
}

TEST(PprPush, ABatchWithoutSeedsIsDoneAtOnce) {
  const PprResult result = Ppr(Fork(), {}, {});
  EXPECT_THAT(result.node_types[0].counts, IsEmpty());
}

TEST(PprPush, EqualValuesGoByIdAlsoWhereRowsAreCut) {
  const TestGraph star = Homogeneous({{0, 5}, {0, 3}, {0, 9}, {0, 1}});
  EXPECT_THAT(Ppr(star, {.max_ppr_nodes = 3}, {0}).node_types[0].ids,
              ElementsAre(0, 1, 3));
}

TEST(PprPush, AListIsAskedForOnceAndThenKept) {
  const TestGraph graph = RandomGraph(ThreeTypes(), 100, 8, /*sinks=*/true);
  NeighborCache cache(graph.lists.size(), kRoomy);
  PprPush push = MakePush(graph, {.alpha = .2}, &cache);
  std::set<std::pair<size_t, int64_t>> asked;
  for (int batch = 0; batch < 3; ++batch) {
    ASSERT_THAT(push.Start(SomeSeeds(30 * (batch + 1u), 100), 0), IsOk());
    while (!push.Push()) {
      const NeighborNeeds needs = push.Needs();
      for (size_t e = 0; e < needs.ids.size(); ++e) {
        for (const int64_t id : needs.ids[e]) {
          EXPECT_TRUE(asked.emplace(e, id).second);
        }
      }
      ProvideNeeds(graph, push);
    }
  }
}

TEST(PprPush, DegreesThatSayZeroDoNotMakeItPushForEver) {
  const TestGraph graph = GoldenGraph();
  NeighborCache cache(1, kRoomy);
  PprPush push(
      graph.schema, {.alpha = .15, .eps = 1e-6},
      [](int, absl::Span<const int64_t>, absl::Span<int32_t> degrees) {
        std::fill(degrees.begin(), degrees.end(), 0);
      },
      &cache);
  PprResult zero;
  RunBatch(graph, push, {{0, 1}}, 0, &zero);
  const PprResult right = Ppr(graph, {.alpha = .15, .eps = 1e-6}, {0, 1});
  EXPECT_THAT(zero.node_types[0].attributes,
              Pointwise(DoubleNear(1e-5), right.node_types[0].attributes));
}

TEST(PprPush, ABatchThatIsAbandonedLeavesNoTrace) {
  const TestGraph graph = RandomGraph(OneType(), 100, 9, /*sinks=*/true);
  const std::vector<int64_t> seeds = SomeSeeds(10, 100);
  NeighborCache cache(1, /*byte_budget=*/0);
  PprPush push = MakePush(graph, {}, &cache);
  ASSERT_THAT(push.Start(seeds, 0), IsOk());
  for (int i = 0; i < 2; ++i) {
    ASSERT_FALSE(push.Push());
    ProvideNeeds(graph, push);
  }
  ASSERT_FALSE(push.Push());
  PprResult result;
  RunBatch(graph, push, seeds, 0, &result);
  EXPECT_EQ(Text(result), Text(Ppr(graph, {}, seeds)));
  EXPECT_EQ(cache.size(), 0u);  // nothing is pinned
}

TEST(PprPush, CallsOutOfOrderAreRefused) {
  const TestGraph graph = Fork();
  NeighborCache cache(1, kRoomy);
  PprPush push = MakePush(graph, {}, &cache);
  PprResult result;
  EXPECT_THAT(push.Finish(&result),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(push.Start({2}, 0), IsOk());
  EXPECT_FALSE(push.Push());
  EXPECT_THAT(push.Finish(&result),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("seed 2 is not done")));
}

TEST(PprPush, BadSeedsAreRefused) {
  NeighborCache cache(1, kRoomy);
  const TestGraph graph = Fork();
  PprPush push = MakePush(graph, {}, &cache);
  EXPECT_THAT(
      push.Start({0, -4}, 0),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("seed 1: -4")));
  EXPECT_THAT(push.Start({0}, 1), StatusIs(absl::StatusCode::kInvalidArgument,
                                           HasSubstr("seed type 1")));
}

TEST(PprPush, BadNeighborsAreRefusedAndNothingIsTaken) {
  const TestGraph graph = Fork();
  NeighborCache cache(1, kRoomy);
  PprPush push = MakePush(graph, {.num_neighbors_per_hop = 2}, &cache);
  ASSERT_THAT(push.Start({0}, 0), IsOk());
  const auto refuses = [&](int edge_type, std::vector<int64_t> ids,
                           std::vector<int64_t> counts,
                           std::vector<int64_t> neighbors, const char* why) {
    EXPECT_THAT(push.Provide(edge_type, ids, counts, neighbors),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
    EXPECT_EQ(cache.size(), 0u);
  };
  refuses(1, {0}, {0}, {}, "edge type 1");
  refuses(-1, {0}, {0}, {}, "edge type -1");
  refuses(0, {0, 1}, {1}, {1}, "1 counts for 2 nodes");
  refuses(0, {0}, {-1}, {}, "count -1 of node 0");
  refuses(0, {1, 0}, {1, 2}, {1, 2}, "count 2 of node 0");
  refuses(0, {0}, {1}, {1, 2}, "1 more than the counts say");
  refuses(0, {0}, {3}, {1, 2, 1}, "num_neighbors_per_hop 2");
  refuses(0, {0}, {2}, {1, -2}, "neighbour id -2");
  refuses(0, {-3}, {0}, {}, "node id -3");
}

}  // namespace
}  // namespace fairlead
