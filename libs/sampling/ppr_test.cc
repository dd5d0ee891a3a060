#include "libs/sampling/ppr.h"

#include <algorithm>
#include <cmath>
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
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_cache.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pointwise;

constexpr int64_t kRoomy = int64_t{1} << 30;

// Adjacency lists, and the total degrees that follow from them.
struct Graph {
  explicit Graph(PprSchema s)
      : schema(std::move(s)), lists(schema.edge_types.size()) {}

  void Add(int edge_type, int64_t src, int64_t dst) {
    lists[static_cast<size_t>(edge_type)][src].push_back(dst);
  }

  const std::vector<int64_t>& List(int edge_type, int64_t id) const {
    static const std::vector<int64_t> kNone;
    const auto& of_type = lists[static_cast<size_t>(edge_type)];
    const auto at = of_type.find(id);
    return at == of_type.end() ? kNone : at->second;
  }

  int32_t Degree(int type, int64_t id) const {
    size_t degree = 0;
    for (size_t e = 0; e < lists.size(); ++e) {
      if (schema.edge_types[e].src_type != type) continue;
      degree += List(static_cast<int>(e), id).size();
    }
    return static_cast<int32_t>(degree);
  }

  PprSchema schema;
  std::vector<std::map<int64_t, std::vector<int64_t>>> lists;
};

Graph Homogeneous(const std::vector<std::pair<int64_t, int64_t>>& edges) {
  Graph graph({.num_node_types = 1, .edge_types = {{0, 0}}});
  for (const auto& [src, dst] : edges) graph.Add(0, src, dst);
  return graph;
}

// The undirected graph of parity G11.
Graph GoldenGraph() {
  return Homogeneous({{0, 1},
                      {0, 2},
                      {1, 0},
                      {1, 2},
                      {1, 3},
                      {2, 0},
                      {2, 1},
                      {2, 4},
                      {3, 1},
                      {4, 2}});
}

// Graphs with hubs, repeated edges, self-loops and, with `sinks`, nodes
// without a way out. Ids are multiples of 2^33, to be anything but indices.
Graph RandomGraph(PprSchema schema, uint64_t nodes, uint64_t seed, bool sinks) {
  Graph graph(std::move(schema));
  for (size_t e = 0; e < graph.lists.size(); ++e) {
    for (uint64_t src = 0; src < nodes; ++src) {
      RandomStream random(seed, src, static_cast<uint32_t>(e));
      const uint64_t degree = random.Below(src % 16 == 0 ? 20 : 5);
      for (uint64_t i = 0; i < degree + (sinks ? 0 : 1); ++i) {
        const uint64_t dst = random.Below(random.Below(nodes) + 1);
        graph.Add(static_cast<int>(e), static_cast<int64_t>(src << 33),
                  static_cast<int64_t>(dst << 33));
      }
    }
  }
  return graph;
}

PprSchema OneType() { return {.num_node_types = 1, .edge_types = {{0, 0}}}; }
// Users and items; items go on to tags, from which no edge leaves.
PprSchema ThreeTypes() {
  return {.num_node_types = 3, .edge_types = {{0, 1}, {1, 0}, {0, 0}, {1, 2}}};
}

std::vector<int64_t> SomeSeeds(size_t count, int64_t nodes) {
  std::vector<int64_t> seeds;
  for (size_t i = 0; i < count; ++i) {
    seeds.push_back((static_cast<int64_t>(i) * 7 % nodes) << 33);
  }
  return seeds;
}

PprPush MakePush(const Graph& graph, const PprOptions& options,
                 NeighborCache* cache) {
  EXPECT_THAT(ValidatePprOptions(graph.schema, options), IsOk());
  return PprPush(
      graph.schema, options,
      [&graph](int type, int64_t id) { return graph.Degree(type, id); }, cache);
}

// Provides all of `ids`, in one call.
void ProvideFrom(const Graph& graph, int edge_type,
                 const std::vector<int64_t>& ids, PprPush& push) {
  std::vector<int64_t> counts;
  std::vector<int64_t> neighbors;
  for (const int64_t id : ids) {
    const std::vector<int64_t>& list = graph.List(edge_type, id);
    counts.push_back(static_cast<int64_t>(list.size()));
    neighbors.insert(neighbors.end(), list.begin(), list.end());
  }
  EXPECT_THAT(push.Provide(edge_type, ids, counts, neighbors), IsOk());
}

void ProvideNeeds(const Graph& graph, PprPush& push) {
  const NeighborNeeds needs = push.Needs();
  EXPECT_FALSE(needs.empty());
  for (size_t e = 0; e < needs.ids.size(); ++e) {
    const std::set<int64_t> distinct(needs.ids[e].begin(), needs.ids[e].end());
    EXPECT_THAT(needs.ids[e], ElementsAreArray(distinct));
    if (needs.ids[e].empty()) continue;
    ProvideFrom(graph, static_cast<int>(e), needs.ids[e], push);
  }
}

// One batch to its end. Returns how often neighbours were asked for.
int RunBatch(const Graph& graph, PprPush& push, absl::Span<const int64_t> seeds,
             int seed_type, PprResult* out) {
  EXPECT_THAT(push.Start(seeds, seed_type), IsOk());
  int fetches = 0;
  for (; !push.Push(); ++fetches) ProvideNeeds(graph, push);
  EXPECT_TRUE(push.Needs().empty());
  EXPECT_THAT(push.Finish(out), IsOk());
  return fetches;
}

PprResult Ppr(const Graph& graph, const PprOptions& options,
              const std::vector<int64_t>& seeds, int seed_type = 0) {
  NeighborCache cache(graph.schema.edge_types.size(), kRoomy);
  PprPush push = MakePush(graph, options, &cache);
  PprResult out;
  RunBatch(graph, push, seeds, seed_type, &out);
  return out;
}

// A result as plain text of exact numbers, so that equal means equal bits.
std::string Text(const PprResult& result) {
  std::string text;
  for (const PprRows& rows : result.node_types) {
    for (const int64_t n : rows.counts) text += std::to_string(n) + " ";
    for (const int64_t id : rows.ids) text += std::to_string(id) + " ";
    char buffer[64];
    for (const double x : rows.attributes) {
      snprintf(buffer, sizeof(buffer), "%a ", x);
      text += buffer;
    }
    text += "\n";
  }
  return text;
}

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

  Reference(const Graph& graph, const PprOptions& options, int64_t seed,
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

// What a result without truncation says of one node type of the only seed.
std::map<int64_t, std::pair<double, double>> RowsOf(const PprResult& result,
                                                    size_t type) {
  std::map<int64_t, std::pair<double, double>> rows;
  const PprRows& of_type = result.node_types[type];
  for (size_t i = 0; i < of_type.ids.size(); ++i) {
    rows[of_type.ids[i]] = {of_type.attributes[2 * i],
                            of_type.attributes[2 * i + 1]};
  }
  return rows;
}

// Exact values by summing up walks: of k steps, alpha (1 - alpha)^k.
std::map<Reference::Key, double> ExactPpr(const Graph& graph, double alpha,
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
Graph Fork() { return Homogeneous({{0, 1}, {0, 2}, {1, 0}, {2, 0}}); }

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
  Graph graph({.num_node_types = 1, .edge_types = {{0, 0}, {0, 0}}});
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

// --- The definition.

struct GraphCase {
  std::string name;
  PprSchema schema;
  bool sinks;
};

class PprOnRandomGraphs : public ::testing::TestWithParam<GraphCase> {
 protected:
  Graph Make(uint64_t nodes, uint64_t seed) const {
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
      const Graph graph = Make(100, /*seed=*/1);
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
      const Graph graph = Make(nodes, /*seed=*/nodes);
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
  const Graph graph = RandomGraph(ThreeTypes(), 100, 1, /*sinks=*/false);
  Graph cyclic = graph;  // tags lead back to users: no sinks at all
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
  const Graph graph = RandomGraph(ThreeTypes(), 200, 3, /*sinks=*/true);
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
  const Graph graph = RandomGraph(ThreeTypes(), 100, 4, /*sinks=*/true);
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
  const Graph graph = RandomGraph(OneType(), 100, 5, /*sinks=*/true);
  Graph reversed = graph;
  for (auto& [id, list] : reversed.lists[0]) {
    std::reverse(list.begin(), list.end());
  }
  const std::vector<int64_t> seeds = SomeSeeds(20, 100);
  EXPECT_EQ(Text(Ppr(graph, {}, seeds)), Text(Ppr(reversed, {}, seeds)));
}

TEST(PprPush, WhatTheCacheHoldsMakesNoDifference) {
  const Graph graph = RandomGraph(ThreeTypes(), 100, 6, /*sinks=*/true);
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
  const Graph graph = RandomGraph(OneType(), 100, 7, /*sinks=*/true);
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

// --- Single behaviours.

TEST(PprPush, AtTheFetchLimitMassStaysWhereItIs) {
  // 0 -> 1 -> 2: with one fetch, 1 keeps what it was given.
  const Graph path = Homogeneous({{0, 1}, {1, 2}});
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
  Graph graph(ThreeTypes());
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
  const Graph star = Homogeneous({{0, 5}, {0, 3}, {0, 9}, {0, 1}});
  EXPECT_THAT(Ppr(star, {.max_ppr_nodes = 3}, {0}).node_types[0].ids,
              ElementsAre(0, 1, 3));
}

TEST(PprPush, AListIsAskedForOnceAndThenKept) {
  const Graph graph = RandomGraph(ThreeTypes(), 100, 8, /*sinks=*/true);
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
  const Graph graph = GoldenGraph();
  NeighborCache cache(1, kRoomy);
  PprPush push(
      graph.schema, {.alpha = .15, .eps = 1e-6}, [](int, int64_t) { return 0; },
      &cache);
  PprResult zero;
  RunBatch(graph, push, {{0, 1}}, 0, &zero);
  const PprResult right = Ppr(graph, {.alpha = .15, .eps = 1e-6}, {0, 1});
  EXPECT_THAT(zero.node_types[0].attributes,
              Pointwise(DoubleNear(1e-5), right.node_types[0].attributes));
}

TEST(PprPush, ABatchThatIsAbandonedLeavesNoTrace) {
  const Graph graph = RandomGraph(OneType(), 100, 9, /*sinks=*/true);
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
  const Graph graph = Fork();
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
  const Graph graph = Fork();
  PprPush push = MakePush(graph, {}, &cache);
  EXPECT_THAT(
      push.Start({0, -4}, 0),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("seed 1: -4")));
  EXPECT_THAT(push.Start({0}, 1), StatusIs(absl::StatusCode::kInvalidArgument,
                                           HasSubstr("seed type 1")));
}

TEST(PprPush, BadNeighborsAreRefusedAndNothingIsTaken) {
  const Graph graph = Fork();
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
