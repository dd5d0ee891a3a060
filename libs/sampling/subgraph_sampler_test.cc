#include "libs/sampling/subgraph_sampler.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/random/philox.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/sampling/subgraph_equality.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::ExpectSame;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The undirected graph of parity G11, with edge ids 0 to 9 by (src, dst).
DatasetContents GoldenGraph() {
  DatasetContents contents;
  contents.name = "golden";
  contents.nodes.push_back({.name = "node", .num_nodes = 5});
  auto& edges = contents.edges.emplace_back();
  edges.name = {"node", "to", "node"};
  edges.edges = {{0, 1}, {0, 2}, {1, 0}, {1, 2}, {1, 3},
                 {2, 0}, {2, 1}, {2, 4}, {3, 1}, {4, 2}};
  return contents;
}

SampledBatch SampleWhole(const Dataset& whole,
                         const SubgraphSamplerOptions& options,
                         const BatchRequest& request) {
  SampledBatch out;
  auto sampler = SubgraphSampler::Create(whole, options);
  EXPECT_THAT(sampler.status(), IsOk());
  EXPECT_THAT((*sampler)->Begin(request, &out), IsOkAndHolds(true));
  return out;
}

TEST(SubgraphSamplerTest, GoldenSubgraphOfInputsAlone) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, WriteWhole(GoldenGraph()));
  const std::vector<int64_t> inputs = {4, 0, 2, 0};
  const SampledBatch out = SampleWhole(
      *whole, {.neighbors = {.with_edge_ids = true}}, {.seeds = inputs});
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(0, 2, 4));
  EXPECT_THAT(out.subgraph.edges[0].rows, ElementsAre(0, 1, 1, 2));
  EXPECT_THAT(out.subgraph.edges[0].cols, ElementsAre(1, 0, 2, 1));
  EXPECT_THAT(out.subgraph.edges[0].edge_ids, ElementsAre(1, 5, 7, 9));
  EXPECT_THAT(out.subgraph.nodes[0].num_sampled_nodes, ElementsAre(3, 0));
  EXPECT_THAT(out.subgraph.edges[0].num_sampled_edges, ElementsAre(4));
  ASSERT_THAT(out.meta, SizeIs(1));
  EXPECT_EQ(out.meta[0].name, "#META.mapping");
  EXPECT_THAT(out.meta[0].shape, ElementsAre(4));
  EXPECT_THAT(std::get<std::vector<int64_t>>(out.meta[0].values),
              ElementsAre(2, 0, 1, 0));
  EXPECT_THAT(out.subgraph.seed_locals, ElementsAre(2, 0, 1, 0));
}

TEST(SubgraphSamplerTest, GoldenSubgraphOfANeighbourhood) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, WriteWhole(GoldenGraph()));
  const std::vector<int64_t> inputs = {3};
  const SampledBatch out = SampleWhole(
      *whole, {.neighbors = {.fanouts = {{-1, -1}}}}, {.seeds = inputs});
  // 3 leads to 1, and 1 to 0 and 2: all but node 4.
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(out.subgraph.edges[0].rows, ElementsAre(0, 0, 1, 1, 1, 2, 2, 3));
  EXPECT_THAT(out.subgraph.edges[0].cols, ElementsAre(1, 2, 0, 2, 3, 0, 1, 1));
  EXPECT_THAT(out.subgraph.edges[0].edge_ids, IsEmpty());
  EXPECT_THAT(out.subgraph.nodes[0].num_sampled_nodes, ElementsAre(4, 0, 0));
  EXPECT_THAT(out.subgraph.edges[0].num_sampled_edges, ElementsAre(8, 0));
  EXPECT_THAT(out.subgraph.seed_locals, ElementsAre(3));
}

TEST(SubgraphSamplerTest, NoInputsAreAnEmptySubgraph) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, WriteWhole(GoldenGraph()));
  const SampledBatch out =
      SampleWhole(*whole, {.neighbors = {.fanouts = {{2}}}}, {});
  EXPECT_THAT(out.subgraph.nodes[0].ids, IsEmpty());
  EXPECT_THAT(out.subgraph.edges[0].rows, IsEmpty());
  EXPECT_THAT(out.meta[0].shape, ElementsAre(0));
}

TEST(SubgraphSamplerTest, TypesWithoutFanoutsAreLeftOutIfOthersHaveSome) {
  DatasetContents contents;
  contents.name = "test";
  contents.nodes.push_back({.name = "author", .num_nodes = 2});
  contents.nodes.push_back({.name = "paper", .num_nodes = 3});
  contents.edges.push_back({{"author", "writes", "paper"}, {{0, 0}, {1, 2}}});
  contents.edges.push_back({{"paper", "cites", "paper"}, {{0, 1}, {1, 1}}});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole,
                                WriteWhole(std::move(contents)));
  const std::vector<int64_t> inputs = {0};
  const SampledBatch out = SampleWhole(
      *whole, {.neighbors = {.fanouts = {{1}, {}}}, .input_type = 0},
      {.seeds = inputs});
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(0));
  EXPECT_THAT(out.subgraph.nodes[1].ids, ElementsAre(0));
  EXPECT_THAT(out.subgraph.edges[0].rows, ElementsAre(0));
  EXPECT_THAT(out.subgraph.edges[1].rows, IsEmpty());

  const std::vector<int64_t> papers = {2, 1};
  const SampledBatch all =
      SampleWhole(*whole, {.input_type = 1}, {.seeds = papers});
  EXPECT_THAT(all.subgraph.nodes[0].ids, IsEmpty());
  EXPECT_THAT(all.subgraph.nodes[1].ids, ElementsAre(1, 2));
  EXPECT_THAT(all.subgraph.edges[0].rows, IsEmpty());
  EXPECT_THAT(all.subgraph.edges[1].rows, ElementsAre(0));  // a loop
  EXPECT_THAT(all.subgraph.edges[1].cols, ElementsAre(0));
}

// Every pair of nodes, every edge of the row: what the sampler promises.
SampledBatch SlowSubgraph(const Dataset& whole,
                          const SubgraphSamplerOptions& options,
                          const BatchRequest& request) {
  NeighborSamplerOptions expansion = options.neighbors;
  bool is_expanded = false;
  size_t hops = 1;
  if (expansion.fanouts.empty()) {
    expansion.fanouts.resize(whole.edge_types().size());
  }
  for (const auto& list : expansion.fanouts) {
    is_expanded = is_expanded || !list.empty();
    hops = std::max(hops, list.size());
  }
  NeighborSampler sampler(whole);
  SampledSubgraph reached;
  EXPECT_THAT(sampler.Sample(expansion,
                             {.seeds = request.seeds,
                              .seed_type = options.input_type,
                              .epoch = request.epoch,
                              .batch_index = request.batch_index},
                             &reached),
              IsOk());
  SampledBatch out;
  SampledSubgraph& graph = out.subgraph;
  for (const auto& nodes : reached.nodes) {
    const std::set<int64_t> set(nodes.ids.begin(), nodes.ids.end());
    auto& sorted = graph.nodes.emplace_back();
    sorted.ids.assign(set.begin(), set.end());
    sorted.num_sampled_nodes.assign(hops + 1, 0);
    sorted.num_sampled_nodes[0] = static_cast<int64_t>(set.size());
  }
  for (const int64_t seed : request.seeds) {
    const auto& ids = graph.nodes[static_cast<size_t>(options.input_type)].ids;
    graph.seed_locals.push_back(std::find(ids.begin(), ids.end(), seed) -
                                ids.begin());
  }
  for (size_t e = 0; e < whole.edge_types().size(); ++e) {
    const EdgeType& type = whole.edge_types()[e];
    auto& edges = graph.edges.emplace_back();
    edges.num_sampled_edges.assign(hops, 0);
    if (is_expanded && expansion.fanouts[e].empty()) continue;
    const auto row_type =
        static_cast<size_t>(type.row_type(expansion.direction));
    const auto& rows = graph.nodes[row_type].ids;
    const auto& cols =
        graph
            .nodes[static_cast<size_t>(type.neighbor_type(expansion.direction))]
            .ids;
    const Topology& topology = *type.topology(expansion.direction);
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto row =
          static_cast<size_t>(whole.node_types()[row_type].ids.Row(rows[i]));
      for (int64_t at = topology.indptr[row]; at < topology.indptr[row + 1];
           ++at) {
        const auto col = std::find(cols.begin(), cols.end(),
                                   topology.indices[static_cast<size_t>(at)]);
        if (col == cols.end()) continue;
        edges.rows.push_back(static_cast<int64_t>(i));
        edges.cols.push_back(col - cols.begin());
        if (expansion.with_edge_ids) {
          edges.edge_ids.push_back(topology.EdgeId(at));
        }
      }
    }
    edges.num_sampled_edges[0] = static_cast<int64_t>(edges.rows.size());
  }
  return out;
}

class SubgraphPropertyTest : public ::testing::TestWithParam<bool> {};

TEST_P(SubgraphPropertyTest, AgreesWithTheSlowWayWholeAndInPartitions) {
  for (uint64_t round = 0; round < 6; ++round) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto whole,
        WriteWhole(RandomContents(
            {.seed = round, .heterogeneous = GetParam(), .max_edges = 500})));
    std::vector<PartitionedDataset> graphs;
    for (const uint32_t partitions : {1, 2, 3, 4}) {
      for (const BookKind book : {BookKind::kRange, BookKind::kTable}) {
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(
            graphs.emplace_back(),
            PartitionedDataset::Create(*whole, partitions, book));
      }
    }
    RandomStream random(round, 1, 0);
    for (int batch = 0; batch < 10; ++batch) {
      SCOPED_TRACE(absl::StrCat("round ", round, " batch ", batch));
      SubgraphSamplerOptions options;
      options.neighbors.replace = random.Below(2) == 0;
      options.neighbors.weighted = random.Below(2) == 0;
      options.neighbors.with_edge_ids = random.Below(2) == 0;
      options.neighbors.direction =
          random.Below(2) == 0 ? EdgeDir::kIn : EdgeDir::kOut;
      options.input_type =
          static_cast<int>(random.Below(whole->node_types().size()));
      if (batch % 3 != 0) {
        for (size_t e = 0; e < whole->edge_types().size(); ++e) {
          auto& fanouts = options.neighbors.fanouts.emplace_back();
          for (uint64_t hops = random.Below(3); hops > 0; --hops) {
            fanouts.push_back(static_cast<int32_t>(random.Below(5)) - 1);
          }
        }
      }
      std::vector<int64_t> inputs;
      for (uint64_t i = random.Below(20); i > 0; --i) {
        inputs.push_back(
            static_cast<int64_t>(random.Below(static_cast<uint64_t>(
                whole->node_types()[static_cast<size_t>(options.input_type)]
                    .num_nodes))));
      }
      const BatchRequest request{.epoch = round, .seeds = inputs};
      const SampledBatch expected = SlowSubgraph(*whole, options, request);
      ExpectSame(SampleWhole(*whole, options, request).subgraph,
                 expected.subgraph);
      for (const PartitionedDataset& graph : graphs) {
        for (uint32_t p = 0; p < graph.num_partitions(); ++p) {
          SCOPED_TRACE(
              absl::StrCat("partition ", p, " of ", graph.num_partitions()));
          FAIRLEAD_ASSERT_OK_AND_ASSIGN(
              const auto sampler,
              SubgraphSampler::Create(graph.partition(p), options));
          SampledBatch out;
          // Twice: the second finds the memory of the first.
          ASSERT_THAT(graph.Run(*sampler, request, &out), IsOk());
          ASSERT_THAT(graph.Run(*sampler, request, &out), IsOk());
          ExpectSame(out.subgraph, expected.subgraph);
          EXPECT_EQ(std::get<std::vector<int64_t>>(out.meta[0].values),
                    expected.subgraph.seed_locals);
          if (HasFailure()) return;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(HomogeneousAndHeterogeneous, SubgraphPropertyTest,
                         ::testing::Bool());

TEST(SubgraphSamplerTest, OthersAreAskedForAllEdgeTypesAtOnce) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto whole,
      WriteWhole(RandomContents({.seed = 1, .heterogeneous = true})));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto parts,
      PartitionedDataset::Create(*whole, 2, BookKind::kTable));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto sampler,
      SubgraphSampler::Create(parts.partition(0), {.input_type = 1}));
  std::vector<int64_t> inputs;
  for (int64_t i = 0; i < whole->node_types()[1].num_nodes; ++i) {
    inputs.push_back(i);
  }
  SampledBatch out;
  ASSERT_THAT(sampler->Begin({.seeds = inputs}, &out), IsOkAndHolds(false));
  EXPECT_THAT(sampler->fetches(), SizeIs(2));  // types that start at b
  ASSERT_THAT(parts.Answer(sampler->fetches()), IsOk());
  EXPECT_THAT(sampler->Resume(), IsOkAndHolds(true));
}

TEST(SubgraphSamplerTest, InputsAndAnswersThatAreNoneAreErrors) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, WriteWhole(GoldenGraph()));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto sampler,
                                SubgraphSampler::Create(*whole, {}));
  SampledBatch out;
  const std::vector<int64_t> bad = {0, 5};
  EXPECT_THAT(sampler->Begin({.seeds = bad}, &out),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("seed id 5")));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto parts,
      PartitionedDataset::Create(*whole, 2, BookKind::kRange));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto part, SubgraphSampler::Create(parts.partition(0), {}));
  const std::vector<int64_t> remote = {4};
  ASSERT_THAT(part->Begin({.seeds = remote}, &out), IsOkAndHolds(false));
  EXPECT_THAT(part->Resume(),  // not answered
              StatusIs(absl::StatusCode::kInternal, HasSubstr("partition 1")));
}

TEST(SubgraphSamplerTest, BadOptionsAreRefusedByName) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, WriteWhole(GoldenGraph()));
  const auto refuses = [&](const SubgraphSamplerOptions& options,
                           const char* what) {
    EXPECT_THAT(SubgraphSampler::Create(*whole, options).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what)));
  };
  refuses({.input_type = 1}, "input type 1");
  refuses({.input_type = -1}, "input type -1");
  refuses({.neighbors = {.temporal = TemporalStrategy::kLast}}, "temporal");
  refuses({.neighbors = {.fanouts = {{1}, {1}}}}, "fanouts");
  refuses({.neighbors = {.direction = EdgeDir::kIn}}, "edge_dir");
  refuses({.neighbors = {.fanouts = {{2}}, .weighted = true}}, "with_weight");
}

}  // namespace
}  // namespace fairlead
