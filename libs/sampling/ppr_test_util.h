#ifndef FAIRLEAD_LIBS_SAMPLING_PPR_TEST_UTIL_H_
#define FAIRLEAD_LIBS_SAMPLING_PPR_TEST_UTIL_H_

#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_cache.h"
#include "libs/sampling/ppr.h"
#include "libs/status/status_matchers.h"

// Graphs for tests of PprPush, and an owner of one that fetches from them.
namespace fairlead {

inline constexpr int64_t kRoomy = int64_t{1} << 30;

// Adjacency lists, and the total degrees that follow from them.
struct TestGraph {
  explicit TestGraph(PprSchema s)
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

inline TestGraph Homogeneous(
    const std::vector<std::pair<int64_t, int64_t>>& edges) {
  TestGraph graph({.num_node_types = 1, .edge_types = {{0, 0}}});
  for (const auto& [src, dst] : edges) graph.Add(0, src, dst);
  return graph;
}

// The undirected graph of parity G11.
inline TestGraph GoldenGraph() {
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
inline TestGraph RandomGraph(PprSchema schema, uint64_t nodes, uint64_t seed,
                             bool sinks) {
  TestGraph graph(std::move(schema));
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

inline PprSchema OneType() {
  return {.num_node_types = 1, .edge_types = {{0, 0}}};
}
// Users and items; items go on to tags, from which no edge leaves.
inline PprSchema ThreeTypes() {
  return {.num_node_types = 3, .edge_types = {{0, 1}, {1, 0}, {0, 0}, {1, 2}}};
}

inline std::vector<int64_t> SomeSeeds(size_t count, int64_t nodes) {
  std::vector<int64_t> seeds;
  for (size_t i = 0; i < count; ++i) {
    seeds.push_back((static_cast<int64_t>(i) * 7 % nodes) << 33);
  }
  return seeds;
}

inline PprPush MakePush(const TestGraph& graph, const PprOptions& options,
                        NeighborCache* cache) {
  EXPECT_THAT(ValidatePprOptions(graph.schema, options), testing::IsOk());
  return PprPush(
      graph.schema, options,
      [&graph](int type, absl::Span<const int64_t> ids,
               absl::Span<int32_t> degrees) {
        for (size_t i = 0; i < ids.size(); ++i) {
          degrees[i] = graph.Degree(type, ids[i]);
        }
      },
      cache);
}

// Provides all of `ids`, in one call.
inline void ProvideFrom(const TestGraph& graph, int edge_type,
                        const std::vector<int64_t>& ids, PprPush& push) {
  std::vector<int64_t> counts;
  std::vector<int64_t> neighbors;
  for (const int64_t id : ids) {
    const std::vector<int64_t>& list = graph.List(edge_type, id);
    counts.push_back(static_cast<int64_t>(list.size()));
    neighbors.insert(neighbors.end(), list.begin(), list.end());
  }
  EXPECT_THAT(push.Provide(edge_type, ids, counts, neighbors), testing::IsOk());
}

inline void ProvideNeeds(const TestGraph& graph, PprPush& push) {
  const NeighborNeeds needs = push.Needs();
  EXPECT_FALSE(needs.empty());
  for (size_t e = 0; e < needs.ids.size(); ++e) {
    const std::set<int64_t> distinct(needs.ids[e].begin(), needs.ids[e].end());
    EXPECT_THAT(needs.ids[e], ::testing::ElementsAreArray(distinct));
    if (needs.ids[e].empty()) continue;
    ProvideFrom(graph, static_cast<int>(e), needs.ids[e], push);
  }
}

// One batch to its end. Returns how often neighbours were asked for.
inline int RunBatch(const TestGraph& graph, PprPush& push,
                    absl::Span<const int64_t> seeds, int seed_type,
                    PprResult* out) {
  EXPECT_THAT(push.Start(seeds, seed_type), testing::IsOk());
  int fetches = 0;
  for (; !push.Push(); ++fetches) ProvideNeeds(graph, push);
  EXPECT_TRUE(push.Needs().empty());
  EXPECT_THAT(push.Finish(out), testing::IsOk());
  return fetches;
}

inline PprResult Ppr(const TestGraph& graph, const PprOptions& options,
                     const std::vector<int64_t>& seeds, int seed_type = 0) {
  NeighborCache cache(graph.schema.edge_types.size(), kRoomy);
  PprPush push = MakePush(graph, options, &cache);
  PprResult out;
  RunBatch(graph, push, seeds, seed_type, &out);
  return out;
}

// A result as plain text of exact numbers, so that equal means equal bits.
inline std::string Text(const PprResult& result) {
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

// What a result without truncation says of one node type of the only seed.
inline std::map<int64_t, std::pair<double, double>> RowsOf(
    const PprResult& result, size_t type) {
  std::map<int64_t, std::pair<double, double>> rows;
  const PprRows& of_type = result.node_types[type];
  for (size_t i = 0; i < of_type.ids.size(); ++i) {
    rows[of_type.ids[i]] = {of_type.attributes[2 * i],
                            of_type.attributes[2 * i + 1]};
  }
  return rows;
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_PPR_TEST_UTIL_H_
