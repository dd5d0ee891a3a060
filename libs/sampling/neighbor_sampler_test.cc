#include "libs/sampling/neighbor_sampler.h"

#include <stdlib.h>

#include <cstdint>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/npy.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using EdgeList = std::vector<std::pair<int64_t, int64_t>>;

std::string NewFolder() {
  std::string folder = ::testing::TempDir() + "/dataset-XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

std::unique_ptr<const Dataset> Make(DatasetContents contents) {
  const std::string folder = NewFolder();
  EXPECT_THAT(WriteDataset(folder, std::move(contents)), IsOk());
  return Dataset::Load(folder).value();
}

std::unique_ptr<const Dataset> Homogeneous(int64_t nodes, EdgeList edges) {
  DatasetContents contents;
  contents.name = "test";
  contents.nodes.push_back({.name = "node", .num_nodes = nodes});
  contents.edges.push_back({{"node", "to", "node"}, std::move(edges)});
  return Make(std::move(contents));
}

// Node 0 has an edge to each of the others.
std::unique_ptr<const Dataset> Star(int64_t leaves) {
  EdgeList edges;
  for (int64_t i = 1; i <= leaves; ++i) edges.emplace_back(0, i);
  return Homogeneous(leaves + 1, std::move(edges));
}

// The undirected graph of parity G11, ascending adjacency.
std::unique_ptr<const Dataset> GoldenGraph() {
  EdgeList edges;
  for (const auto& [a, b] : EdgeList{{0, 1}, {0, 2}, {1, 2}, {1, 3}, {2, 4}}) {
    edges.emplace_back(a, b);
    edges.emplace_back(b, a);
  }
  return Homogeneous(5, std::move(edges));
}

SampledSubgraph Sample(const Dataset& dataset,
                       const NeighborSamplerOptions& options,
                       std::vector<int64_t> seeds, uint64_t epoch = 0,
                       uint64_t batch_index = 0) {
  EXPECT_THAT(ValidateNeighborSamplerOptions(dataset, options), IsOk());
  NeighborSampler sampler(dataset);
  SampledSubgraph out;
  EXPECT_THAT(
      sampler.Sample(
          options, {.seeds = seeds, .epoch = epoch, .batch_index = batch_index},
          &out),
      IsOk());
  return out;
}

TEST(NeighborSamplerTest, TakesAllNeighboursAsTheGoldenVectorDoes) {  // G11
  const auto dataset = GoldenGraph();
  const SampledSubgraph out = Sample(*dataset, {.fanouts = {{-1, -1}}}, {0});
  EXPECT_THAT(out.nodes[0].ids, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(out.edges[0].rows, ElementsAre(0, 0, 1, 1, 1, 2, 2, 2));
  EXPECT_THAT(out.edges[0].cols, ElementsAre(1, 2, 0, 2, 3, 0, 1, 4));
  EXPECT_THAT(out.nodes[0].num_sampled_nodes, ElementsAre(1, 2, 2));
  EXPECT_THAT(out.edges[0].num_sampled_edges, ElementsAre(2, 6));
}

TEST(NeighborSamplerTest, SmallDegreesAreCopiedWholeAndInOrder) {
  const auto dataset = GoldenGraph();
  const SampledSubgraph all = Sample(*dataset, {.fanouts = {{-1, -1}}}, {0});
  const SampledSubgraph three = Sample(*dataset, {.fanouts = {{3, 3}}}, {0});
  EXPECT_EQ(three.nodes[0].ids, all.nodes[0].ids);
  EXPECT_EQ(three.edges[0].cols, all.edges[0].cols);
}

TEST(NeighborSamplerTest, SeedsAreNumberedOnceEachAndMappedBack) {  // C-07, G4
  const auto dataset = Homogeneous(10, {});
  const SampledSubgraph out =
      Sample(*dataset, {.fanouts = {{2}}}, {7, 3, 7, 5, 3, 9});
  EXPECT_THAT(out.nodes[0].ids, ElementsAre(7, 3, 5, 9));
  EXPECT_THAT(out.seed_locals, ElementsAre(0, 1, 0, 2, 1, 3));
  EXPECT_THAT(out.nodes[0].num_sampled_nodes, ElementsAre(4, 0));
}

TEST(NeighborSamplerTest, IsolatedNodesAndNoSeedsArePaddedWithZeros) {
  const auto dataset = Homogeneous(3, {{0, 1}});
  const SampledSubgraph isolated =
      Sample(*dataset, {.fanouts = {{2, 2, 2}}}, {2});
  EXPECT_THAT(isolated.nodes[0].num_sampled_nodes, ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(isolated.edges[0].num_sampled_edges, ElementsAre(0, 0, 0));
  const SampledSubgraph none = Sample(*dataset, {.fanouts = {{2, 2}}}, {});
  EXPECT_THAT(none.nodes[0].ids, IsEmpty());
  EXPECT_THAT(none.nodes[0].num_sampled_nodes, ElementsAre(0, 0, 0));
}

TEST(NeighborSamplerTest, ZeroFanoutEndsAHomogeneousWalk) {  // C-05
  const auto dataset = GoldenGraph();
  const SampledSubgraph out = Sample(*dataset, {.fanouts = {{0, 5}}}, {0});
  EXPECT_THAT(out.nodes[0].ids, ElementsAre(0));
  EXPECT_THAT(out.edges[0].num_sampled_edges, ElementsAre(0, 0));
}

TEST(NeighborSamplerTest, DrawsWithoutReplacementAreDistinctAtEveryFanout) {
  const auto dataset = Star(200);
  for (const int32_t fanout : {1, 5, 64, 65, 150, 199}) {
    for (uint64_t batch = 0; batch < 20; ++batch) {
      const SampledSubgraph out =
          Sample(*dataset, {.fanouts = {{fanout}}}, {0}, 0, batch);
      ASSERT_EQ(out.edges[0].cols.size(), static_cast<size_t>(fanout));
      // Distinct neighbours, so each got an index of its own.
      ASSERT_EQ(out.nodes[0].ids.size(), static_cast<size_t>(fanout) + 1);
    }
  }
}

TEST(NeighborSamplerTest, DrawsWithReplacementHaveTheWholeFanout) {
  const auto dataset = Star(3);
  const SampledSubgraph out =
      Sample(*dataset, {.fanouts = {{50}}, .replace = true}, {0});
  EXPECT_EQ(out.edges[0].cols.size(), 50u);
  EXPECT_LE(out.nodes[0].ids.size(), 4u);
}

TEST(NeighborSamplerTest, EveryNeighbourIsAsLikelyAsAnyOtherByChiSquare) {
  constexpr int64_t kLeaves = 20;
  constexpr int kFanout = 5;
  constexpr int kBatches = 20'000;
  const auto dataset = Star(kLeaves);
  for (const bool replace : {false, true}) {
    NeighborSampler sampler(*dataset);
    SampledSubgraph out;
    const std::vector<int64_t> seeds = {0};
    std::map<int64_t, int> count;
    for (uint64_t batch = 0; batch < kBatches; ++batch) {
      ASSERT_THAT(sampler.Sample({.fanouts = {{kFanout}}, .replace = replace},
                                 {.seeds = seeds, .batch_index = batch}, &out),
                  IsOk());
      for (const int64_t local : out.edges[0].cols) {
        ++count[out.nodes[0].ids[static_cast<size_t>(local)]];
      }
    }
    const double expected = kBatches * kFanout / static_cast<double>(kLeaves);
    double chi_square = 0;
    for (int64_t leaf = 1; leaf <= kLeaves; ++leaf) {
      chi_square +=
          (count[leaf] - expected) * (count[leaf] - expected) / expected;
    }
    EXPECT_LT(chi_square, 43.8);  // 19 degrees of freedom, p = 0.001
  }
}

// Each pair of five, not only each of the five: Floyd's draws depend on each
// other, and a wrong dependence keeps the margins.
TEST(NeighborSamplerTest, EveryPairIsAsLikelyAsAnyOtherByChiSquare) {
  constexpr int kBatches = 20'000;
  const auto dataset = Star(5);
  NeighborSampler sampler(*dataset);
  SampledSubgraph out;
  const std::vector<int64_t> seeds = {0};
  std::map<std::set<int64_t>, int> count;
  for (uint64_t batch = 0; batch < kBatches; ++batch) {
    ASSERT_THAT(sampler.Sample({.fanouts = {{2}}},
                               {.seeds = seeds, .batch_index = batch}, &out),
                IsOk());
    ++count[{out.nodes[0].ids[1], out.nodes[0].ids[2]}];
  }
  ASSERT_EQ(count.size(), 10u);
  double chi_square = 0;
  for (const auto& [pair, times] : count) {
    const double expected = kBatches / 10.0;
    chi_square += (times - expected) * (times - expected) / expected;
  }
  EXPECT_LT(chi_square, 27.9);  // 9 degrees of freedom, p = 0.001
}

TEST(NeighborSamplerTest, BatchIsTheSameWhateverWasSampledBefore) {
  EdgeList edges;
  for (int64_t i = 0; i < 5000; ++i) {
    RandomStream random(3, static_cast<uint64_t>(i), 0);
    edges.emplace_back(random.Below(300), random.Below(300));
  }
  const auto dataset = Homogeneous(300, std::move(edges));
  const NeighborSamplerOptions options{.fanouts = {{4, 3}}, .seed = 9};
  const std::vector<int64_t> seeds = {5, 6, 7, 8};
  NeighborSampler busy(*dataset);
  SampledSubgraph out;
  for (const uint64_t batch : {3, 1, 2, 0, 3}) {
    ASSERT_THAT(
        busy.Sample(options, {.seeds = seeds, .epoch = 1, .batch_index = batch},
                    &out),
        IsOk());
    const SampledSubgraph fresh = Sample(*dataset, options, seeds, 1, batch);
    EXPECT_EQ(out.nodes[0].ids, fresh.nodes[0].ids);
    EXPECT_EQ(out.edges[0].rows, fresh.edges[0].rows);
    EXPECT_EQ(out.edges[0].cols, fresh.edges[0].cols);
  }
  EXPECT_NE(Sample(*dataset, options, seeds, 1, 0).nodes[0].ids,
            Sample(*dataset, options, seeds, 1, 1).nodes[0].ids);
  EXPECT_NE(Sample(*dataset, options, seeds, 0, 0).nodes[0].ids,
            Sample(*dataset, options, seeds, 1, 0).nodes[0].ids);
}

// The draws of a node do not depend on which other seeds are in its batch.
TEST(NeighborSamplerTest, NodeDrawsTheSameNeighboursInAnyCompany) {
  const auto dataset = Star(100);
  const NeighborSamplerOptions options{.fanouts = {{5}}};
  const auto neighbours = [&](std::vector<int64_t> seeds) {
    const SampledSubgraph out = Sample(*dataset, options, std::move(seeds));
    std::vector<int64_t> ids;
    for (const int64_t local : out.edges[0].cols) {
      ids.push_back(out.nodes[0].ids[static_cast<size_t>(local)]);
    }
    return ids;
  };
  EXPECT_EQ(neighbours({0}), neighbours({50, 60, 0}));
}

TEST(NeighborSamplerTest, EdgeIdsNameTheSampledEdges) {
  const auto dataset = Star(30);
  const SampledSubgraph out =
      Sample(*dataset, {.fanouts = {{7}}, .with_edge_ids = true}, {0});
  ASSERT_EQ(out.edges[0].edge_ids.size(), 7u);
  for (size_t i = 0; i < 7; ++i) {
    // Without a file of ids, an edge's id is its position; leaf n is at n - 1.
    const auto local = static_cast<size_t>(out.edges[0].cols[i]);
    EXPECT_EQ(out.edges[0].edge_ids[i] + 1, out.nodes[0].ids[local]);
  }
}

TEST(NeighborSamplerTest, EdgeIdsOfTheDatasetAreTheOnesGiven) {
  const std::string folder = NewFolder();
  DatasetContents contents;
  contents.name = "test";
  contents.nodes.push_back({.name = "node", .num_nodes = 3});
  contents.edges.push_back({{"node", "to", "node"}, {{0, 1}, {0, 2}, {2, 0}}});
  ASSERT_THAT(WriteDataset(folder, std::move(contents)), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(DatasetManifest manifest, ReadManifest(folder));
  manifest.edge_types[0].out->edge_ids = "ids.npy";
  ASSERT_THAT(WriteNpy<int64_t>(folder + "/ids.npy", "i8", {3}, {70, 50, 60}),
              IsOk());
  ASSERT_THAT(WriteManifest(folder, manifest), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Dataset::Load(folder));
  const SampledSubgraph out =
      Sample(*dataset, {.fanouts = {{-1, -1}}, .with_edge_ids = true}, {0});
  EXPECT_THAT(out.edges[0].edge_ids, ElementsAre(70, 50, 60));
}

TEST(NeighborSamplerTest, HeterogeneousTypesKeepToTheirOwnNumbersAndFanouts) {
  DatasetContents contents;
  contents.name = "test";
  contents.nodes.push_back({.name = "author", .num_nodes = 3});
  contents.nodes.push_back({.name = "paper", .num_nodes = 4});
  contents.edges.push_back(
      {{"author", "writes", "paper"}, {{0, 0}, {0, 1}, {1, 1}, {2, 3}}});
  contents.edges.push_back(
      {{"paper", "by", "author"}, {{0, 0}, {1, 0}, {1, 1}, {3, 2}}});
  contents.edges.push_back({{"paper", "cites", "paper"}, {{0, 2}, {1, 3}}});
  const auto dataset = Make(std::move(contents));
  // By name: author-writes, paper-by, paper-cites; authors before papers.
  const NeighborSamplerOptions options{
      .fanouts = {{-1, -1}, {-1, -1}, {0, -1}}};
  NeighborSampler sampler(*dataset);
  SampledSubgraph out;
  const std::vector<int64_t> seeds = {1};
  ASSERT_THAT(sampler.Sample(options, {.seeds = seeds, .seed_type = 1}, &out),
              IsOk());

  // Paper 1 is by authors 0 and 1 (citations count from the second hop on,
  // where no paper is new); these write papers 0 and 1.
  EXPECT_THAT(out.nodes[0].ids, ElementsAre(0, 1));
  EXPECT_THAT(out.nodes[1].ids, ElementsAre(1, 0));
  EXPECT_THAT(out.edges[1].rows, ElementsAre(0, 0));
  EXPECT_THAT(out.edges[1].cols, ElementsAre(0, 1));
  EXPECT_THAT(out.edges[0].rows, ElementsAre(0, 0, 1));
  EXPECT_THAT(out.edges[0].cols, ElementsAre(1, 0, 0));
  EXPECT_THAT(out.edges[2].rows, IsEmpty());
  EXPECT_THAT(out.nodes[0].num_sampled_nodes, ElementsAre(0, 2, 0));
  EXPECT_THAT(out.nodes[1].num_sampled_nodes, ElementsAre(1, 0, 1));
}

// A frontier of a million nodes overflowed the original's stack (W-34).
TEST(NeighborSamplerTest, FourMillionNodesInOneHopAreNoTrouble) {
  constexpr int64_t kNodes = 4'000'000;
  const auto dataset = Homogeneous(kNodes, {{0, 1}, {0, 2}, {kNodes - 1, 0}});
  std::vector<int64_t> seeds(kNodes);
  std::iota(seeds.begin(), seeds.end(), 0);
  const SampledSubgraph out = Sample(*dataset, {.fanouts = {{-1}}}, seeds);
  EXPECT_EQ(out.nodes[0].ids, seeds);
  EXPECT_THAT(out.edges[0].rows, ElementsAre(0, 0, kNodes - 1));
  EXPECT_THAT(out.edges[0].cols, ElementsAre(1, 2, 0));
}

TEST(NeighborSamplerTest, SeedThatIsNoNodeIsNamed) {
  const auto dataset = GoldenGraph();
  NeighborSampler sampler(*dataset);
  SampledSubgraph out;
  for (const int64_t bad : {int64_t{-1}, int64_t{5}}) {
    const std::vector<int64_t> seeds = {0, bad};
    EXPECT_THAT(sampler.Sample({.fanouts = {{1}}}, {.seeds = seeds}, &out),
                StatusIs(absl::StatusCode::kOutOfRange,
                         HasSubstr(absl::StrCat("seed id ", bad))));
  }
}

TEST(NeighborSamplerTest, BadOptionsAreRefused) {
  const auto dataset = GoldenGraph();
  for (const std::vector<std::vector<int32_t>>& bad :
       std::vector<std::vector<std::vector<int32_t>>>{
           {{-2}}, {}, {{1}, {1}}, {std::vector<int32_t>(256, 1)}}) {
    EXPECT_THAT(ValidateNeighborSamplerOptions(*dataset, {.fanouts = bad}),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(NodeIndexTest, GivesEachIdOneIndexThroughGrowthAndForgetsWhenCleared) {
  NodeIndex index;
  for (int round = 0; round < 3; ++round) {
    uint32_t next = 0;
    for (int64_t id = 0; id < 5000; ++id) {
      const int64_t key = id * 0x100000001 - (id % 2);
      ASSERT_EQ(index.FindOrInsert(key, next), next);
      ++next;
      ASSERT_EQ(index.FindOrInsert(key, next), next - 1);
    }
    index.Clear();
  }
}

}  // namespace
}  // namespace fairlead
