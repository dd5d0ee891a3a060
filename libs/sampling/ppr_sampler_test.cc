#include "libs/sampling/ppr_sampler.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
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
#include "libs/sampling/batch_equality.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_cache.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/ppr_degrees.h"
#include "libs/sampling/random_contents.h"
#include "libs/status/status_matchers.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

using ::fairlead::testing::ExpectSameBatch;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pointwise;

using EdgeList = std::vector<std::pair<int64_t, int64_t>>;

std::unique_ptr<const Dataset> Homogeneous(int64_t nodes, EdgeList edges) {
  DatasetContents contents;
  contents.name = "test";
  contents.nodes.push_back({.name = "node", .num_nodes = nodes});
  contents.edges.push_back({{"node", "to", "node"}, std::move(edges)});
  return WriteWhole(std::move(contents)).value();
}

std::shared_ptr<const PprDegrees> DegreesOf(const Dataset& dataset,
                                            const PprSamplerOptions& options) {
  return std::make_shared<PprDegrees>(
      PprDegrees::OfWholeDataset(dataset, options.edge_types, options.direction)
          .value());
}

SampledBatch Sample(const Dataset& dataset, const PprSamplerOptions& options,
                    const std::vector<int64_t>& seeds) {
  EXPECT_THAT(ValidatePprSamplerOptions(dataset, options), IsOk());
  PprSampler sampler(dataset, options, DegreesOf(dataset, options));
  SampledBatch out;
  EXPECT_THAT(sampler.Begin({.seeds = seeds}, &out), IsOkAndHolds(true));
  return out;
}

std::vector<int64_t> Index(const SampledBatch& batch, size_t type = 0) {
  return std::get<std::vector<int64_t>>(batch.meta[2 * type].values);
}
std::vector<double> Weights(const SampledBatch& batch, size_t type = 0) {
  return std::get<std::vector<double>>(batch.meta[2 * type + 1].values);
}

TEST(PprSamplerTest, SeedThatIsASinkKeepsItsMass) {  // G8 (a)
  const auto dataset = Homogeneous(3, {{1, 2}});
  const SampledBatch out =
      Sample(*dataset, {.ppr = {.alpha = 0.15}, .edge_types = {0}}, {0});
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(0));
  EXPECT_EQ(out.meta[0].name, "#META.edge_index");
  EXPECT_THAT(out.meta[0].shape, ElementsAre(2, 1));
  EXPECT_THAT(Index(out), ElementsAre(0, 0));
  EXPECT_EQ(out.meta[1].name, "#META.edge_attr");
  EXPECT_THAT(out.meta[1].shape, ElementsAre(1, 2));
  EXPECT_THAT(Weights(out), ElementsAre(0.15, 1));
}

TEST(PprSamplerTest, NeighbourThatIsASinkKeepsTheRest) {  // G8 (b)
  const auto dataset = Homogeneous(3, {{2, 1}});
  const SampledBatch out =
      Sample(*dataset, {.ppr = {.alpha = 0.15}, .edge_types = {0}}, {2});
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(2, 1));
  EXPECT_THAT(out.subgraph.nodes[0].num_sampled_nodes, ElementsAre(1, 1));
  EXPECT_THAT(Index(out), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(Weights(out),
              Pointwise(DoubleNear(1e-12), {0.15, 1.0, 0.1275, 0.5}));
}

TEST(PprSamplerTest, NodesWithResidualAloneFillUp) {  // G8 (c)
  const auto dataset = Homogeneous(3, {{0, 1}, {0, 2}, {1, 0}, {2, 0}});
  PprSamplerOptions options{.edge_types = {0}};
  options.ppr.requeue_threshold = 1;
  options.ppr.max_ppr_nodes = 3;
  const SampledBatch out = Sample(*dataset, options, {0});
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(0, 1, 2));
  EXPECT_THAT(Weights(out), ElementsAre(0.5, 1, 0.125, 0.5, 0.125, 0.5));
}

TEST(PprSamplerTest, ChannelsShareSlotsOut) {  // G8 (d)
  DatasetContents contents;
  contents.name = "test";
  contents.nodes.push_back({.name = "node", .num_nodes = 21});
  contents.edges.push_back({.name = {"node", "x", "node"}, .edges = {{0, 10}}});
  contents.edges.push_back({.name = {"node", "y", "node"}, .edges = {{0, 20}}});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(std::move(contents)));
  PprSamplerOptions options{.edge_types = {0, 1}};
  options.ppr.requeue_threshold = 1;
  options.ppr.max_ppr_nodes = 3;
  options.ppr.channels = {{.edge_types = {0}, .ratio = 2},
                          {.edge_types = {1}, .ratio = 1}};
  const SampledBatch out = Sample(*dataset, options, {0});
  EXPECT_EQ(out.meta[0].name, "#META.ppr_edge_index.node__ppr__node");
  EXPECT_EQ(out.meta[1].name, "#META.ppr_weight.node__ppr__node");
  EXPECT_THAT(out.meta[1].shape, ElementsAre(3, 8));
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(0, 10, 20));
  EXPECT_THAT(Weights(out), ElementsAre(.5, 1, .5, 1, 1, .5, 1, 1,     //
                                        .25, .5, .25, .5, 1, 0, 0, 0,  //
                                        .25, .5, 0, 0, 0, .25, .5, 1));
  options.ppr.max_ppr_nodes = 2;
  options.ppr.channels[0].ratio = 1;
  EXPECT_THAT(Sample(*dataset, options, {0}).subgraph.nodes[0].ids,
              ElementsAre(0, 20));
}

// Undirected: along the edges and against them it is the same.
TEST(PprSamplerTest, ValuesAreThoseOfExactPageRank) {  // G8 (e), G11
  DatasetContents contents;
  contents.name = "golden";
  contents.nodes.push_back({.name = "node", .num_nodes = 5});
  contents.edges.push_back({.name = {"node", "to", "node"}, .by_dst = true});
  for (const auto& [a, b] : EdgeList{{0, 1}, {0, 2}, {1, 2}, {1, 3}, {2, 4}}) {
    contents.edges[0].edges.emplace_back(a, b);
    contents.edges[0].edges.emplace_back(b, a);
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(std::move(contents)));
  struct Case {
    double alpha;
    int64_t seed;
    std::vector<double> exact;
  };
  const std::vector<Case> cases = {
      {0.5, 0, {9. / 16, 3. / 16, 3. / 16, 1. / 32, 1. / 32}},
      {0.5, 1, {1. / 8, 63. / 104, 15. / 104, 21. / 208, 5. / 208}},
      {0.5, 3, {1. / 16, 63. / 208, 15. / 208, 229. / 416, 5. / 416}},
      {0.15, 0, {571. / 1880, 51. / 188, 51. / 188, 289. / 3760, 289. / 3760}}};
  for (const Case& test : cases) {
    for (const EdgeDir direction : {EdgeDir::kOut, EdgeDir::kIn}) {
      const SampledBatch out =
          Sample(*dataset,
                 {.ppr = {.alpha = test.alpha, .eps = 1e-6},
                  .edge_types = {0},
                  .direction = direction},
                 {test.seed});
      std::vector<double> values(5);
      const std::vector<int64_t> index = Index(out);
      for (size_t i = 0; i < 5; ++i) {
        const auto local = static_cast<size_t>(index[5 + i]);
        const auto id = static_cast<size_t>(out.subgraph.nodes[0].ids[local]);
        values[id] = Weights(out)[2 * i];
      }
      EXPECT_THAT(values, Pointwise(DoubleNear(1e-6), test.exact));
    }
  }
}

TEST(PprSamplerTest, SeedsComeFirstOnceEachAndRepeatsHaveRowsOfTheirOwn) {
  const auto dataset = Homogeneous(10, {{7, 9}, {7, 3}, {5, 1}});
  const SampledBatch out = Sample(*dataset, {.edge_types = {0}}, {7, 5, 7, 3});
  // 3 is a seed and in the rows of another.
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(7, 5, 3, 9, 1));
  EXPECT_THAT(out.subgraph.nodes[0].num_sampled_nodes, ElementsAre(3, 2));
  EXPECT_THAT(out.subgraph.seed_locals, ElementsAre(0, 1, 0, 2));
  EXPECT_THAT(Index(out), ElementsAre(0, 0, 0, 1, 1, 2, 2, 2, 3,  //
                                      0, 2, 3, 1, 4, 0, 2, 3, 2));
  EXPECT_THAT(out.subgraph.edges[0].rows, IsEmpty());
  EXPECT_THAT(out.subgraph.edges[0].num_sampled_edges, ElementsAre(0));
}

TEST(PprSamplerTest, EveryNodeTypeHasTensorsIfOnlyOfNoRows) {
  DatasetContents contents;
  contents.name = "test";
  for (const char* name : {"far", "item", "user__x"}) {
    contents.nodes.push_back({.name = name, .num_nodes = 4});
  }
  contents.edges.push_back(
      {{"user__x", "buys", "item"}, {{0, 1}, {0, 2}, {3, 0}}});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(std::move(contents)));
  const PprSamplerOptions options{.edge_types = {0}, .seed_type = 2};
  const SampledBatch out = Sample(*dataset, options, {3, 0});
  const std::string user = EscapeTypeName("user__x");
  ASSERT_EQ(out.meta.size(), 6u);
  const std::vector<std::string> types = {"far", "item", user};
  const std::vector<int64_t> rows = {0, 3, 2};
  for (size_t t = 0; t < 3; ++t) {
    const std::string name = absl::StrCat(user, "__ppr__", types[t]);
    EXPECT_EQ(out.meta[2 * t].name, "#META.ppr_edge_index." + name);
    EXPECT_THAT(out.meta[2 * t].shape, ElementsAre(2, rows[t]));
    EXPECT_EQ(out.meta[2 * t + 1].name, "#META.ppr_weight." + name);
    EXPECT_THAT(out.meta[2 * t + 1].shape, ElementsAre(rows[t], 2));
  }
  EXPECT_THAT(Index(out, 1), ElementsAre(0, 1, 1, 0, 1, 2));
  EXPECT_THAT(out.subgraph.nodes[1].ids, ElementsAre(0, 1, 2));
  EXPECT_THAT(out.subgraph.nodes[2].ids, ElementsAre(3, 0));
  const SampledBatch empty = Sample(*dataset, options, {});
  ASSERT_EQ(empty.meta.size(), 6u);
  for (size_t t = 0; t < 3; ++t) {
    EXPECT_THAT(empty.meta[2 * t].shape, ElementsAre(2, 0));
    EXPECT_THAT(empty.meta[2 * t + 1].shape, ElementsAre(0, 2));
    EXPECT_THAT(empty.subgraph.nodes[t].ids, IsEmpty());
  }
}

TEST(PprSamplerTest, NeighboursOfAHubAreDrawnOnceForAllBatches) {
  EdgeList edges;
  for (int64_t i = 1; i <= 100; ++i) edges.emplace_back(0, i);
  const auto dataset = Homogeneous(101, std::move(edges));
  PprSamplerOptions options{.edge_types = {0}};
  options.ppr.num_neighbors_per_hop = 5;
  options.ppr.eps = 1e-6;
  options.cache_bytes = 0;
  PprSampler sampler(*dataset, options, DegreesOf(*dataset, options));
  std::map<uint64_t, std::set<int64_t>> drawn;  // by the option seed
  for (const uint64_t batch : {1, 2, 3}) {
    SampledBatch out;
    const std::vector<int64_t> seeds = {0};
    ASSERT_THAT(
        sampler.Begin({.epoch = batch, .batch_index = batch, .seeds = seeds},
                      &out),
        IsOkAndHolds(true));
    const std::vector<int64_t>& ids = out.subgraph.nodes[0].ids;
    ASSERT_EQ(ids.size(), 6u);
    const std::set<int64_t> neighbors(ids.begin() + 1, ids.end());
    EXPECT_EQ(neighbors.size(), 5u);
    if (batch == 1) drawn[0] = neighbors;
    EXPECT_EQ(neighbors, drawn[0]);
    // Each has a fifth of what is passed on.
    EXPECT_THAT(Weights(out)[2], DoubleNear(0.05, 1e-12));
  }
  for (options.seed = 1; options.seed < 5; ++options.seed) {
    const SampledBatch out = Sample(*dataset, options, {0});
    const std::vector<int64_t>& ids = out.subgraph.nodes[0].ids;
    drawn[options.seed] = {ids.begin() + 1, ids.end()};
  }
  std::set<std::set<int64_t>> distinct;
  for (const auto& [seed, neighbors] : drawn) distinct.insert(neighbors);
  EXPECT_EQ(distinct.size(), 5u);
}

// Whatever is kept, however often, by whichever sampler.
TEST(PprSamplerTest, BatchIsTheSameWhateverTheCacheHolds) {
  const auto dataset =
      WriteWhole(RandomContents({.seed = 3, .heterogeneous = true})).value();
  PprSamplerOptions options{.edge_types = {3, 0, 2}, .seed_type = 1};
  options.ppr.num_neighbors_per_hop = 3;
  options.ppr.max_ppr_nodes = 8;
  options.ppr.eps = 1e-3;
  const auto degrees = DegreesOf(*dataset, options);
  std::vector<std::unique_ptr<PprSampler>> samplers;
  for (const int64_t bytes : {0, 1000, 1 << 30}) {
    options.cache_bytes = bytes;
    samplers.push_back(
        std::make_unique<PprSampler>(*dataset, options, degrees));
  }
  const auto cache = std::make_shared<NeighborCache>(3, 500);
  for (int i = 0; i < 2; ++i) {
    samplers.push_back(
        std::make_unique<PprSampler>(*dataset, options, degrees, cache));
  }
  RandomStream random(3, 0, 0);
  for (uint64_t batch = 0; batch < 20; ++batch) {
    std::vector<int64_t> seeds;
    for (uint64_t i = random.Below(10); i > 0; --i) {
      seeds.push_back(static_cast<int64_t>(random.Below(
          static_cast<uint64_t>(dataset->node_types()[1].num_nodes))));
    }
    const SampledBatch expected = Sample(*dataset, options, seeds);
    for (const auto& sampler : samplers) {
      SampledBatch out;
      ASSERT_THAT(sampler->Begin({.batch_index = batch, .seeds = seeds}, &out),
                  IsOkAndHolds(true));
      ExpectSameBatch(out, expected);
      if (HasFailure()) return;
    }
  }
  EXPECT_LE(cache->bytes(), 500);
}

TEST(PprSamplerTest, SeedThatIsNoNodeIsNamed) {
  const auto dataset = Homogeneous(5, {{0, 1}});
  const PprSamplerOptions options{.edge_types = {0}};
  PprSampler sampler(*dataset, options, DegreesOf(*dataset, options));
  SampledBatch out;
  for (const int64_t bad : {-1, 5}) {
    const std::vector<int64_t> seeds = {0, bad};
    EXPECT_THAT(sampler.Begin({.seeds = seeds}, &out),
                StatusIs(absl::StatusCode::kOutOfRange,
                         HasSubstr(absl::StrCat("seed id ", bad))));
  }
}

TEST(PprSamplerTest, OptionsThatCannotBeAreRefusedByName) {
  const auto dataset = Homogeneous(5, {{0, 1}});
  using Spoil = std::function<void(PprSamplerOptions&)>;
  const std::vector<std::pair<std::string, Spoil>> cases = {
      {"with_weight", [](auto& options) { options.weighted = true; }},
      {"seed_type: 1", [](auto& options) { options.seed_type = 1; }},
      {"seed_type: -1", [](auto& options) { options.seed_type = -1; }},
      {"cache_bytes: -1", [](auto& options) { options.cache_bytes = -1; }},
      {"edge_types: none", [](auto& options) { options.edge_types.clear(); }},
      {"edge_types: 1", [](auto& options) { options.edge_types = {1}; }},
      {"edge_dir", [](auto& options) { options.direction = EdgeDir::kIn; }},
      {"alpha 1", [](auto& options) { options.ppr.alpha = 1; }},
      {"PPR channel 0: edge type 1",
       [](auto& options) { options.ppr.channels = {{.edge_types = {1}}}; }},
  };
  for (const auto& [message, spoil] : cases) {
    PprSamplerOptions options{.edge_types = {0}};
    spoil(options);
    EXPECT_THAT(
        ValidatePprSamplerOptions(*dataset, options),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  }
}

}  // namespace
}  // namespace fairlead
