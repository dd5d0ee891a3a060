#include "libs/partitioner/metis_partitioner.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/partitioner/id_partitioners.h"
#include "libs/partitioner/typed_graph.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Lt;
using ::testing::Ne;

struct Graph {
  int64_t num_nodes = 0;
  std::vector<int64_t> indptr;
  std::vector<int64_t> indices;
};

using Edges = std::vector<std::pair<int64_t, int64_t>>;

Graph FromEdges(int64_t num_nodes, Edges edges) {
  std::sort(edges.begin(), edges.end());
  Graph graph{.num_nodes = num_nodes};
  graph.indptr.assign(static_cast<size_t>(num_nodes) + 1, 0);
  for (const auto& [src, dst] : edges) {
    ++graph.indptr[static_cast<size_t>(src) + 1];
    graph.indices.push_back(dst);
  }
  for (size_t i = 1; i < graph.indptr.size(); ++i) {
    graph.indptr[i] += graph.indptr[i - 1];
  }
  return graph;
}

Graph RandomGraph(int64_t num_nodes, int64_t num_edges, uint64_t seed) {
  RandomStream random(seed, 0, 0);
  Edges edges;
  const auto node = [&] {
    return static_cast<int64_t>(
        random.Below(1 + random.Below(static_cast<uint64_t>(num_nodes))));
  };
  for (int64_t i = 0; i < num_edges; ++i) {
    const int64_t src = node();
    edges.emplace_back(src, node());
  }
  return FromEdges(num_nodes, std::move(edges));
}

// A square of side * side nodes, each joined to its right and lower one.
Graph Grid(int64_t side) {
  Edges edges;
  for (int64_t i = 0; i < side * side; ++i) {
    if (i % side + 1 < side) edges.emplace_back(i, i + 1);
    if (i + side < side * side) edges.emplace_back(i, i + side);
  }
  return FromEdges(side * side, std::move(edges));
}

absl::StatusOr<std::vector<uint32_t>> Partition(
    const Graph& graph, uint32_t parts, const MetisOptions& options = {}) {
  return MetisOwners(graph.num_nodes, graph.indptr, graph.indices, parts,
                     options);
}

int64_t Cut(const Graph& graph, const std::vector<uint32_t>& owners) {
  int64_t cut = 0;
  for (size_t u = 0; u < owners.size(); ++u) {
    for (auto i = static_cast<size_t>(graph.indptr[u]);
         i < static_cast<size_t>(graph.indptr[u + 1]); ++i) {
      const auto v = static_cast<size_t>(graph.indices[i]);
      cut += owners[u] != owners[v] ? 1 : 0;
    }
  }
  return cut;
}

// The largest weight that a partition has of nodes [begin, end).
int64_t Largest(const std::vector<uint32_t>& owners, uint32_t parts,
                const std::vector<int64_t>& weights, int64_t begin,
                int64_t end) {
  std::vector<int64_t> loads(parts, 0);
  for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
    loads[owners[i]] += weights[i];
  }
  return *std::max_element(loads.begin(), loads.end());
}

int64_t Limit(int64_t total, uint32_t parts) {
  return std::max(
      (total + parts - 1) / parts,
      static_cast<int64_t>(static_cast<double>(total) / parts * 1.03));
}

TEST(MetisOwners, CutTheOneEdgeBetweenTwoCliques) {
  Edges edges;
  for (int64_t u = 0; u < 20; ++u) {
    for (int64_t v = 0; v < 20; ++v) {
      if (u / 10 == v / 10) edges.emplace_back(u, v);  // and self-loops
    }
  }
  edges.emplace_back(3, 17);
  const Graph graph = FromEdges(20, edges);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                Partition(graph, 2));
  EXPECT_EQ(Cut(graph, owners), 1);
  EXPECT_EQ(std::count(owners.begin(), owners.end(), 0U), 10);
}

TEST(MetisOwners, CutAGridFarLessThanRandomOnes) {
  const Graph grid = Grid(40);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                Partition(grid, 4));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> random,
                                RandomOwners(grid.num_nodes, 4, 0));
  // Two straight cuts are 80 edges; three in four of 3120 are random's.
  EXPECT_LT(Cut(grid, owners), 160);
  EXPECT_GT(Cut(grid, random), 2000);
}

TEST(MetisOwners, DependOnTheSeedAlone) {
  const Graph graph = RandomGraph(2000, 8000, 1);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                Partition(graph, 8, {.seed = 1}));
  EXPECT_THAT(Partition(graph, 8, {.seed = 1}), IsOkAndHolds(owners));
  EXPECT_THAT(Partition(graph, 8, {.seed = 2}), IsOkAndHolds(Ne(owners)));
}

TEST(MetisOwners, HoldTheBalanceOnAnyGraph) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    RandomStream random(seed, 1, 0);
    const auto nodes = static_cast<int64_t>(1 + random.Below(300));
    // From no edge at all to dense, with isolated nodes and hubs.
    const auto edges = static_cast<int64_t>(
        random.Below(1 + random.Below(static_cast<uint64_t>(nodes) * 6)));
    const Graph graph = RandomGraph(nodes, edges, seed);
    const auto parts = static_cast<uint32_t>(
        1 + random.Below(std::min<uint64_t>(17, static_cast<uint64_t>(nodes))));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                  Partition(graph, parts, {.seed = seed}));
    ASSERT_EQ(owners.size(), static_cast<size_t>(nodes));
    ASSERT_THAT(owners, Each(Lt(parts)));
    const std::vector<int64_t> ones(owners.size(), 1);
    EXPECT_LE(Largest(owners, parts, ones, 0, nodes), Limit(nodes, parts))
        << "seed " << seed;
  }
}

TEST(MetisOwners, BalanceEdgesIfAsked) {
  const Graph graph = RandomGraph(1000, 10'000, 4);
  std::vector<int64_t> weights;
  for (size_t i = 0; i + 1 < graph.indptr.size(); ++i) {
    weights.push_back(1 + graph.indptr[i + 1] - graph.indptr[i]);
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::vector<uint32_t> owners,
      Partition(graph, 4, {.balance = MetisOptions::Balance::kNodesAndEdges}));
  EXPECT_LE(
      Largest(owners, 4, weights, 0, 1000),
      Limit(11'000, 4) + *std::max_element(weights.begin(), weights.end()));
}

TEST(MetisOwners, BalanceEachTypeOfACombinedGraph) {
  // Type 0 is dense, type 1 sparse, and type 2 has fewer nodes than parts.
  const Graph dense = RandomGraph(400, 4000, 7);
  const Graph sparse = RandomGraph(900, 1000, 8);
  const std::vector<int64_t> few_indptr = {0, 1, 2, 3};
  const std::vector<int64_t> few = {0, 500, 899};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const CombinedGraph graph,
      CombineGraph({400, 900, 3}, {{0, 0, dense.indptr, dense.indices},
                                   {1, 1, sparse.indptr, sparse.indices},
                                   {2, 1, few_indptr, few}}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::vector<uint32_t> owners,
      MetisOwners(graph.num_nodes(), graph.indptr, graph.indices, 5,
                  {.type_begins = graph.type_begins}));
  const std::vector<int64_t> ones(owners.size(), 1);
  EXPECT_LE(Largest(owners, 5, ones, 0, 400), Limit(400, 5));
  EXPECT_LE(Largest(owners, 5, ones, 400, 1300), Limit(900, 5));
  EXPECT_LE(Largest(owners, 5, ones, 1300, 1303), 1);
}

TEST(MetisOwners, KeepComponentsTogether) {
  // Eight rings of 25.
  Edges edges;
  for (int64_t i = 0; i < 200; ++i) {
    edges.emplace_back(i, i / 25 * 25 + (i + 1) % 25);
  }
  const Graph graph = FromEdges(200, edges);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                Partition(graph, 4));
  EXPECT_LE(Cut(graph, owners), 8);
}

TEST(MetisOwners, SpreadIsolatedNodes) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                Partition(FromEdges(12, {}), 4));
  for (uint32_t part = 0; part < 4; ++part) {
    EXPECT_EQ(std::count(owners.begin(), owners.end(), part), 3);
  }
}

TEST(MetisOwners, TakeAsManyPartitionsAsNodes) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(std::vector<uint32_t> owners,
                                Partition(Grid(3), 9));
  std::sort(owners.begin(), owners.end());
  EXPECT_EQ(std::unique(owners.begin(), owners.end()), owners.end());
}

TEST(MetisOwners, GiveTheOnePartitionEverything) {
  EXPECT_THAT(Partition(Grid(3), 1), IsOkAndHolds(Each(0U)));
}

TEST(MetisOwners, OfNothingAreNone) {
  EXPECT_THAT(Partition(FromEdges(0, {}), 4), IsOkAndHolds(IsEmpty()));
}

TEST(MetisOwners, RefuseMorePartitionsThanNodes) {
  EXPECT_THAT(Partition(Grid(2), 5),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("5 partitions of 4 nodes")));
  EXPECT_THAT(Partition(Grid(2), 0),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(MetisOwners, RefuseWhatIsNoGraph) {
  EXPECT_THAT(MetisOwners(2, {0, 1, 2}, {1, 2}, 2, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("edge 1 leads to 2")));
  EXPECT_THAT(MetisOwners(3, {0, 1, 2}, {1, 0}, 2, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("3 entries for 3 nodes")));
}

TEST(MetisOwners, RefuseOptionsThatMakeNoSense) {
  EXPECT_THAT(Partition(Grid(2), 2, {.max_imbalance = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("max_imbalance is 0")));
  EXPECT_THAT(Partition(Grid(2), 2, {.max_imbalance = std::nan("")}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      Partition(Grid(2), 2, {.type_begins = {0, 3}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("type_begins")));
  EXPECT_THAT(Partition(Grid(2), 2, {.type_begins = {0, 3, 2, 4}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(MetisOwners, RefuseBeyondTheMemoryLimit) {
  EXPECT_THAT(Partition(Grid(20), 2, {.max_memory_bytes = 1000}),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("limit of 1000")));
  EXPECT_THAT(Partition(Grid(20), 2, {.max_memory_bytes = 1 << 20}), IsOk());
}

TEST(CheckMetisLimits, RefusesBeyondTheIndexType) {
  constexpr int64_t kMax = std::numeric_limits<int32_t>::max();
  constexpr auto kEdges = MetisOptions::Balance::kNodesAndEdges;
  EXPECT_THAT(CheckMetisLimits(kMax - 1, 0, 2, {}), IsOk());
  EXPECT_THAT(CheckMetisLimits(kMax, 0, 2, {}),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("2147483647 nodes")));
  EXPECT_THAT(
      CheckMetisLimits(kMax - 1, 0, 2, {.type_begins = {0, 1, kMax - 1}}),
      StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(CheckMetisLimits(1000, kMax, 2, {}), IsOk());
  EXPECT_THAT(CheckMetisLimits(1000, kMax - 1000, 2, {.balance = kEdges}),
              IsOk());
  EXPECT_THAT(CheckMetisLimits(1000, kMax - 999, 2, {.balance = kEdges}),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("edges to be balanced")));
}

}  // namespace
}  // namespace fairlead
