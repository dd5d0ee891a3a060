#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/status/status_matchers.h"

// What temporal sampling promises of whole neighbourhoods.

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::WriteWhole;

// By edge id.
std::map<int64_t, int64_t> TimesOf(const Topology& topology) {
  std::map<int64_t, int64_t> times;
  for (int64_t i = 0; i < topology.num_edges(); ++i) {
    times[topology.EdgeId(i)] = topology.timestamps[static_cast<size_t>(i)];
  }
  return times;
}

class TemporalSamplingTest : public ::testing::TestWithParam<TemporalStrategy> {
};

TEST_P(TemporalSamplingTest, EachSeedHasANeighbourhoodOfItsOwnAndOfItsPast) {
  for (uint64_t round = 0; round < 8; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto whole,
        WriteWhole(RandomContents(
            {.seed = round, .heterogeneous = true, .max_edges = 900})));
    RandomStream random(round, 1, 0);
    std::vector<int64_t> seeds;
    std::vector<int64_t> times;
    for (int i = 0; i < 6; ++i) {
      seeds.push_back(static_cast<int64_t>(random.Below(
          static_cast<uint64_t>(whole->node_types()[0].num_nodes))));
      times.push_back(static_cast<int64_t>(random.Below(20)));
    }
    seeds.push_back(seeds[0]);  // twice, at two times
    times.push_back(times[0] + 5);
    const NeighborSamplerOptions options{
        .fanouts = std::vector<std::vector<int32_t>>(4, {3, -1, 2}),
        .temporal = GetParam(),
        .with_edge_ids = true};
    SampledSubgraph out;
    NeighborSampler sampler(*whole);
    ASSERT_THAT(sampler.Sample(options, {.seeds = seeds, .times = times}, &out),
                IsOk());
    for (const SampledSubgraph::Nodes& nodes : out.nodes) {
      ASSERT_EQ(nodes.seed_of.size(), nodes.ids.size());
      std::set<std::pair<int64_t, int64_t>> distinct;
      for (size_t i = 0; i < nodes.ids.size(); ++i) {
        EXPECT_TRUE(distinct.insert({nodes.seed_of[i], nodes.ids[i]}).second);
      }
    }
    for (size_t i = 0; i < seeds.size(); ++i) {
      EXPECT_EQ(out.seed_locals[i], static_cast<int64_t>(i));
    }
    for (size_t e = 0; e < out.edges.size(); ++e) {
      const EdgeType& type = whole->edge_types()[e];
      const std::map<int64_t, int64_t> time_of = TimesOf(*type.out);
      const auto& rows = out.nodes[static_cast<size_t>(type.src_type)];
      const auto& cols = out.nodes[static_cast<size_t>(type.dst_type)];
      const SampledSubgraph::Edges& edges = out.edges[e];
      for (size_t i = 0; i < edges.rows.size(); ++i) {
        const int64_t seed = rows.seed_of[static_cast<size_t>(edges.rows[i])];
        EXPECT_EQ(cols.seed_of[static_cast<size_t>(edges.cols[i])], seed);
        EXPECT_LE(time_of.at(edges.edge_ids[i]),
                  times[static_cast<size_t>(seed)]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Strategies, TemporalSamplingTest,
                         ::testing::Values(TemporalStrategy::kUniform,
                                           TemporalStrategy::kLast));

}  // namespace
}  // namespace fairlead
