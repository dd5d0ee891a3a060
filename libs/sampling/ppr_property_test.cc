// PprPush held to its definition, to exact values, and to what must make no
// difference: on random graphs.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_cache.h"
#include "libs/sampling/ppr.h"
#include "libs/sampling/ppr_test_util.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;

// The definition in the header, by ordered maps: slow and plain. One seed.
struct Reference {
  struct Node {
    double residual = 0;
    double score = 0;
    int32_t hop = 0;
    bool is_known = false;
    bool kept_mass = false;  // was pushed as a sink
  };
  using Key = std::pair<int, int64_t>;  // type, id

  Reference(const TestGraph& graph, const PprOptions& options, int64_t seed,
            int seed_type) {
    const double threshold =
        options.requeue_threshold.value_or(options.alpha * options.eps);
    nodes[{seed_type, seed}].residual = options.alpha;
    std::set<Key> queue = {{seed_type, seed}};
    int32_t fetches_left = options.max_fetch_iterations.value_or(
        std::numeric_limits<int32_t>::max());
    while (!queue.empty()) {
      bool meets_new = false;
      for (const Key& key : queue) {
        for (const auto& type : graph.schema.edge_types) {
          meets_new |= type.src_type == key.first && !nodes[key].is_known;
        }
      }
      const bool may_fetch = fetches_left > 0;
      if (meets_new && may_fetch) --fetches_left;
      std::set<Key> next;
      while (!queue.empty()) {
        const Key key = *queue.begin();
        queue.erase(queue.begin());
        Node& node = nodes[key];
        node.is_known |= may_fetch;
        const double residual = std::exchange(node.residual, 0);
        if (residual == 0) continue;
        node.score += residual;
        std::vector<Key> neighbors;
        for (size_t e = 0; node.is_known && e < graph.lists.size(); ++e) {
          const auto& type = graph.schema.edge_types[e];
          if (type.src_type != key.first) continue;
          for (int64_t id : graph.List(static_cast<int>(e), key.second)) {
            neighbors.emplace_back(type.dst_type, id);
          }
        }
        node.kept_mass = neighbors.empty();
        const int32_t hop = node.hop + 1;
        for (const Key& neighbor : neighbors) {
          Node& to =
              nodes.try_emplace(neighbor, Node{.hop = hop}).first->second;
          to.residual += (1 - options.alpha) * residual /
                         static_cast<double>(neighbors.size());
          to.hop = std::min(to.hop, hop);
          if (to.residual >=
              threshold * graph.Degree(neighbor.first, neighbor.second)) {
            next.insert(neighbor);
          }
        }
      }
      queue.swap(next);
    }
  }

  // Of unit mass: what is pushed (all of it, where it was kept), and what
  // still is to be.
  double TotalMass(double alpha) const {
    double total = 0;
    for (const auto& [key, node] : nodes) {
      total += node.kept_mass ? node.score / alpha : node.score;
      total += node.residual / alpha;
    }
    return total;
  }

  std::map<Key, Node> nodes;
};

// Exact values by summing up walks: of k steps, alpha (1 - alpha)^k.
std::map<Reference::Key, double> ExactPpr(const TestGraph& graph, double alpha,
                                          int64_t seed, int seed_type) {
  std::map<Reference::Key, double> total;
  std::map<Reference::Key, double> walks = {{{seed_type, seed}, alpha}};
  for (int k = 0; k < 400 && !walks.empty(); ++k) {
    std::map<Reference::Key, double> longer;
    for (const auto& [key, mass] : walks) {
      total[key] += mass;
      const int32_t degree = graph.Degree(key.first, key.second);
      for (size_t e = 0; e < graph.lists.size(); ++e) {
        const auto& type = graph.schema.edge_types[e];
        if (type.src_type != key.first) continue;
        for (const int64_t id : graph.List(static_cast<int>(e), key.second)) {
          longer[{type.dst_type, id}] += (1 - alpha) * mass / degree;
        }
      }
    }
    walks.swap(longer);
  }
  return total;
}

// --- The definition.

struct GraphCase {
  std::string name;
  PprSchema schema;
  bool sinks;
};

class PprOnRandomGraphs : public ::testing::TestWithParam<GraphCase> {
 protected:
  TestGraph Make(uint64_t nodes, uint64_t seed) const {
    return RandomGraph(GetParam().schema, nodes, seed, GetParam().sinks);
  }
};

INSTANTIATE_TEST_SUITE_P(
    All, PprOnRandomGraphs,
    ::testing::Values(GraphCase{"OneType", OneType(), false},
                      GraphCase{"OneTypeWithSinks", OneType(), true},
                      GraphCase{"ThreeTypes", ThreeTypes(), false},
                      GraphCase{"ThreeTypesWithSinks", ThreeTypes(), true}),
    [](const auto& test) { return test.param.name; });

TEST_P(PprOnRandomGraphs, EqualsTheReferenceToTheBit) {
  for (const double eps : {1e-2, 1e-4, 1e-6}) {
    for (const std::optional<int32_t> limit :
         {std::optional<int32_t>(), {0}, {1}, {2}, {5}}) {
      const TestGraph graph = Make(100, /*seed=*/1);
      const PprOptions options{.alpha = .2,
                               .eps = eps,
                               .max_ppr_nodes = 1000,
                               .max_fetch_iterations = limit};
      const int64_t seed = int64_t{3} << 33;
      const Reference reference(graph, options, seed, 0);
      const PprResult result = Ppr(graph, options, {seed});
      std::vector<std::map<int64_t, std::pair<double, double>>> expected(
          static_cast<size_t>(graph.schema.num_node_types));
      for (const auto& [key, node] : reference.nodes) {
        expected[static_cast<size_t>(key.first)][key.second] = {
            node.score + node.residual, 1. / (1 + node.hop)};
      }
      for (size_t type = 0; type < expected.size(); ++type) {
        EXPECT_EQ(RowsOf(result, type), expected[type])
            << "eps " << eps << ", limit " << limit.value_or(-1);
      }
      EXPECT_NEAR(reference.TotalMass(options.alpha), 1, 1e-12)
          << "eps " << eps << ", limit " << limit.value_or(-1);
    }
  }
}

TEST_P(PprOnRandomGraphs, IsNearToTheExactValues) {
  for (const uint64_t nodes : {50u, 200u}) {
    for (const double alpha : {.15, .5}) {
      const TestGraph graph = Make(nodes, /*seed=*/nodes);
      const int64_t seed = int64_t{5} << 33;
      const auto exact = ExactPpr(graph, alpha, seed, 0);
      const PprResult result = Ppr(
          graph, {.alpha = alpha, .eps = 1e-9, .max_ppr_nodes = 1000}, {seed});
      std::vector<std::map<int64_t, std::pair<double, double>>> rows;
      for (size_t type = 0; type < result.node_types.size(); ++type) {
        rows.push_back(RowsOf(result, type));
      }
      for (const auto& [key, value] : exact) {
        const double found =
            rows[static_cast<size_t>(key.first)][key.second].first;
        EXPECT_NEAR(found, value, 1e-6) << key.first << " " << key.second;
      }
      size_t size = 0;  // nothing else was found
      for (const auto& of_type : rows) size += of_type.size();
      EXPECT_EQ(size, exact.size());
    }
  }
}

TEST(PprPush, ScoresAndResidualsAddUpToOne) {
  const TestGraph graph = RandomGraph(ThreeTypes(), 100, 1, /*sinks=*/false);
  TestGraph cyclic = graph;  // tags lead back to users: no sinks at all
  cyclic.schema.edge_types.push_back({2, 0});
  cyclic.lists.emplace_back();
  for (int64_t i = 0; i < 100; ++i) cyclic.Add(4, i << 33, 0);
  for (const double eps : {1., 1e-3, 1e-6}) {
    PprOptions options{.alpha = .2, .eps = eps, .max_ppr_nodes = 1000};
    double sums[2] = {0, 0};
    for (const bool top_up : {false, true}) {
      options.residual_top_up = top_up;
      const PprResult result = Ppr(cyclic, options, {int64_t{2} << 33});
      for (size_t type = 0; type < 3; ++type) {
        for (const auto& [id, row] : RowsOf(result, type)) {
          sums[top_up] += row.first;
        }
      }
    }
    // Residuals are in units of alpha: that much of them will be score.
    const double residuals = (sums[true] - sums[false]) / options.alpha;
    EXPECT_NEAR(sums[false] + residuals, 1, 1e-12) << eps;
  }
}

// --- What must make no difference.

PprOptions WithChannels() {
  return {.alpha = .2,
          .max_ppr_nodes = 20,
          .channels = {{.edge_types = {0, 1, 3}, .ratio = 3},
                       {.edge_types = {2}, .ratio = 1},
                       {.edge_types = {3, 2, 0}, .ratio = .5}}};
}

TEST(PprPush, AnyNumberOfShardsGivesTheSameRows) {
  const TestGraph graph = RandomGraph(ThreeTypes(), 200, 3, /*sinks=*/true);
  const std::vector<int64_t> seeds = SomeSeeds(64, 200);
  const auto in_threads = [](size_t n, absl::FunctionRef<void(size_t)> shard) {
    std::vector<std::thread> threads;
    for (size_t i = 0; i < n; ++i) threads.emplace_back([&, i] { shard(i); });
    for (std::thread& thread : threads) thread.join();
  };
  for (const PprOptions& options : {PprOptions{.alpha = .2}, WithChannels()}) {
    const std::string expected = Text(Ppr(graph, options, seeds));
    for (const size_t num_shards : {1u, 2u, 7u}) {
      NeighborCache cache(graph.lists.size(), kRoomy);
      PprPush push = MakePush(graph, options, &cache);
      for (int batch = 0; batch < 2; ++batch) {
        ASSERT_THAT(push.Start(seeds, 0), IsOk());
        while (!push.Push(num_shards, in_threads)) ProvideNeeds(graph, push);
        PprResult result;
        ASSERT_THAT(push.Finish(&result), IsOk());
        EXPECT_EQ(Text(result), expected) << num_shards << " shards";
      }
    }
  }
}

TEST(PprPush, AnyOrderOfArrivalGivesTheSameRows) {
  const TestGraph graph = RandomGraph(ThreeTypes(), 100, 4, /*sinks=*/true);
  const std::vector<int64_t> seeds = SomeSeeds(20, 100);
  PprOptions options = WithChannels();
  options.max_fetch_iterations = 4;
  const std::string expected = Text(Ppr(graph, options, seeds));
  for (uint64_t order = 0; order < 5; ++order) {
    NeighborCache cache(graph.lists.size(), kRoomy);
    PprPush push = MakePush(graph, options, &cache);
    ASSERT_THAT(push.Start(seeds, 0), IsOk());
    // One list at a time, in any order, with pushes after some of them.
    for (uint64_t step = 0; !push.Push(); ++step) {
      const NeighborNeeds needs = push.Needs();
      RandomStream random(order, step, 0);
      std::vector<std::pair<int, int64_t>> all;
      for (size_t e = 0; e < needs.ids.size(); ++e) {
        for (const int64_t id : needs.ids[e]) {
          all.insert(all.begin() +
                         static_cast<ptrdiff_t>(random.Below(all.size() + 1)),
                     {static_cast<int>(e), id});
        }
      }
      all.resize(random.Below(all.size()) + 1);
      for (const auto& [e, id] : all) ProvideFrom(graph, e, {id}, push);
    }
    PprResult result;
    ASSERT_THAT(push.Finish(&result), IsOk());
    EXPECT_EQ(Text(result), expected);
  }
}

TEST(PprPush, OrderWithinListsMakesNoDifference) {
  const TestGraph graph = RandomGraph(OneType(), 100, 5, /*sinks=*/true);
  TestGraph reversed = graph;
  for (auto& [id, list] : reversed.lists[0]) {
    std::reverse(list.begin(), list.end());
  }
  const std::vector<int64_t> seeds = SomeSeeds(20, 100);
  EXPECT_EQ(Text(Ppr(graph, {}, seeds)), Text(Ppr(reversed, {}, seeds)));
}

TEST(PprPush, WhatTheCacheHoldsMakesNoDifference) {
  const TestGraph graph = RandomGraph(ThreeTypes(), 100, 6, /*sinks=*/true);
  const std::vector<int64_t> seeds = SomeSeeds(30, 100);
  for (const std::optional<int32_t> limit : {std::optional<int32_t>(), {2}}) {
    const PprOptions options{.alpha = .2, .max_fetch_iterations = limit};
    const std::string expected = Text(Ppr(graph, options, seeds));
    for (const int64_t budget : {int64_t{0}, int64_t{4000}, kRoomy}) {
      NeighborCache cache(graph.lists.size(), budget);
      PprPush push = MakePush(graph, options, &cache);
      PprResult result;
      const int cold = RunBatch(graph, push, seeds, 0, &result);
      EXPECT_EQ(Text(result), expected);
      EXPECT_LE(cache.bytes(), budget);
      const int warm = RunBatch(graph, push, seeds, 0, &result);
      EXPECT_EQ(Text(result), expected);
      EXPECT_GT(cold, 0);
      EXPECT_LE(cold, limit.value_or(cold));
      EXPECT_EQ(warm, budget == kRoomy ? 0 : cold) << budget;
    }
  }
}

TEST(PprPush, ASeedsRowsDoNotDependOnTheOtherSeeds) {
  const TestGraph graph = RandomGraph(OneType(), 100, 7, /*sinks=*/true);
  const PprOptions options{.alpha = .2, .max_fetch_iterations = 2};
  const std::vector<int64_t> seeds = SomeSeeds(10, 100);
  PprResult joined;
  joined.node_types.resize(1);
  PprRows& rows = joined.node_types[0];
  for (const int64_t seed : seeds) {
    const PprRows one = Ppr(graph, options, {seed}).node_types[0];
    rows.counts.push_back(one.counts[0]);
    rows.ids.insert(rows.ids.end(), one.ids.begin(), one.ids.end());
    rows.attributes.insert(rows.attributes.end(), one.attributes.begin(),
                           one.attributes.end());
  }
  EXPECT_EQ(Text(Ppr(graph, options, seeds)), Text(joined));
}

}  // namespace
}  // namespace fairlead
