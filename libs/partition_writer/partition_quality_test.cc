#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/partition_book.h"
#include "libs/graph/table.h"
#include "libs/partition_writer/partition_options.h"
#include "libs/partition_writer/partition_summary.h"
#include "libs/partition_writer/partition_writer.h"
#include "libs/partition_writer/random_dataset.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

// What the methods are for, and how ids are said where they are ranges.

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::WriteToNewFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

PartitionSummary Write(const std::string& source, const std::string& folder,
                       const PartitionOptions& options) {
  absl::StatusOr<PartitionSummary> summary =
      WritePartitions(source, folder, options, [](uint64_t, uint64_t) {});
  EXPECT_THAT(summary.status(), IsOk());
  return summary.ok() ? *summary : PartitionSummary();
}

// 8 groups of 50 nodes, shuffled; nine edges of ten stay within a group. A
// tenth of the nodes are seeds; features are a node's id.
DatasetContents Clusters() {
  constexpr int64_t kGroups = 8;
  constexpr int64_t kNodes = 400;
  DatasetContents contents;
  contents.name = "clusters";
  auto& nodes = contents.nodes.emplace_back();
  nodes = {.name = "node", .num_nodes = kNodes, .feature_dim = 2};
  nodes.train.emplace();
  RandomStream random(1, 0, 0);
  for (int64_t i = 0; i < kNodes; ++i) {
    nodes.features.insert(nodes.features.end(), 2, static_cast<float>(i));
    if (i % 10 == 0) nodes.train->push_back(i);
  }
  auto& edges = contents.edges.emplace_back();
  edges.name = {"node", "to", "node"};
  for (int64_t i = 0; i < kNodes * 8; ++i) {
    const auto src = static_cast<int64_t>(random.Below(kNodes));
    auto dst = static_cast<int64_t>(random.Below(kNodes));
    if (random.Below(10) > 0) dst += (src - dst) % kGroups;
    if (dst >= 0 && dst < kNodes) edges.edges.emplace_back(src, dst);
  }
  return contents;
}

TEST(PartitionQuality, MetisCutsLessThanChance) {
  const std::string source = WriteToNewFolder(Clusters());
  const PartitionReport random =
      Write(source, NewFolder(),
            {.parts = 4, .method = PartitionMethod::kRandom})
          .Edges();
  const PartitionReport metis =
      Write(source, NewFolder(),
            {.parts = 4, .method = PartitionMethod::kMetis})
          .Edges();
  EXPECT_GT(random.CutShare(), 0.7);
  EXPECT_LT(metis.CutShare(), 0.3);
}

TEST(PartitionQuality, FrequencyFindsMoreWhereItIsThanChance) {
  const std::string source = WriteToNewFolder(Clusters());
  PartitionOptions options{.parts = 4,
                           .method = PartitionMethod::kRandom,
                           .fanouts = {3, 2},
                           .hotness_batch = 4,
                           .cache_bytes = 1};
  const PartitionReport random = Write(source, NewFolder(), options).Nodes();
  options.method = PartitionMethod::kFrequency;
  const PartitionReport frequency = Write(source, NewFolder(), options).Nodes();
  EXPECT_GT(frequency.TotalAccesses().LocalShare(),
            random.TotalAccesses().LocalShare() + 0.05);
}

TEST(PartitionQuality, CachesKeepTheirBudgetAndTheRightRows) {
  const std::string source = WriteToNewFolder(Clusters());
  const std::string folder = NewFolder();
  PartitionOptions options{.parts = 4,
                           .method = PartitionMethod::kMetis,
                           .fanouts = {3, 2},
                           .hotness_batch = 4,
                           .cache_bytes = 20 * 8 + 7};
  const PartitionSummary summary = Write(source, folder, options);
  for (uint32_t part = 0; part < 4; ++part) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                  Dataset::Load(folder, {.partition = part}));
    const RowStore& features = *dataset->node_types()[0].features;
    ASSERT_TRUE(features.cached.has_value());
    EXPECT_EQ(features.cached->rows, 20);
    for (const int64_t id : features.cached_ids.list()) {
      EXPECT_LT(features.ids.Row(id), 0);
      EXPECT_EQ(*reinterpret_cast<const float*>(features.Find(id)),
                static_cast<float>(id));
    }
  }
  const double hits = summary.Nodes().TotalAccesses().CacheHitRate();
  EXPECT_GT(hits, 20.0 / 300);  // better than any 20 of the others' rows
  options.cache_bytes = 40 * 8;
  EXPECT_GT(Write(source, NewFolder(), options)
                .Nodes()
                .TotalAccesses()
                .CacheHitRate(),
            hits);
}

TEST(PartitionQuality, BalancedRangesHaveFewerNodesBesideAHub) {
  DatasetContents contents;
  contents.name = "hub";
  contents.nodes.push_back({.name = "node", .num_nodes = 100});
  auto& edges = contents.edges.emplace_back();
  edges.name = {"node", "to", "node"};
  for (int64_t i = 1; i < 100; ++i) edges.edges.emplace_back(0, i);
  const std::string source = WriteToNewFolder(contents);
  EXPECT_THAT(Write(source, NewFolder(), {.parts = 2}).Nodes().nodes,
              ElementsAre(50, 50));
  EXPECT_THAT(Write(source, NewFolder(), {.parts = 2, .balance_edges = true})
                  .Nodes()
                  .nodes,
              ElementsAre(1, 99));
}

TEST(PartitionQuality, RangesNeedNoFilesOfIds) {
  const std::string folder = NewFolder();
  Write(WriteToNewFolder(Clusters()), folder, {.parts = 4});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetFolder root,
                                ReadDatasetFolder(folder));
  EXPECT_THAT(root.partitions->node_types[0].books.ids.bounds,
              ElementsAre(0, 100, 200, 300, 400));
  EXPECT_EQ(root.partitions->edge_types[0].books.ids.bounds.size(), 5u);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetManifest part,
                                ReadManifest(folder + "/part-2"));
  EXPECT_EQ(part.node_types[0].ids.file, "");
  EXPECT_EQ(part.node_types[0].ids.first_id, 200);
  EXPECT_EQ(part.edge_types[0].out->edge_ids, "");
  EXPECT_GT(part.edge_types[0].out->first_edge_id, 0);
}

TEST(PartitionQuality, HashesNeedNoTableOfNodes) {
  const std::string folder = NewFolder();
  Write(WriteToNewFolder(Clusters()), folder,
        {.parts = 3, .method = PartitionMethod::kHash});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetFolder root,
                                ReadDatasetFolder(folder));
  EXPECT_EQ(root.partitions->node_types[0].books.ids.hashed_ids, 400);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Dataset::Load(folder));
  for (const int64_t id : dataset->node_types()[0].ids.list()) {
    EXPECT_EQ(HashOwner(id, 3), 0u);
  }
}

TEST(PartitionQuality, TheSeedDecidesAndNothingElse) {
  const std::string source = WriteToNewFolder(Clusters());
  const auto owned = [&source](uint64_t seed) {
    const std::string folder = NewFolder();
    Write(source, folder,
          {.parts = 4, .method = PartitionMethod::kRandom, .seed = seed});
    const auto dataset = Dataset::Load(folder).value();
    const absl::Span<const int64_t> ids = dataset->node_types()[0].ids.list();
    return std::vector<int64_t>(ids.begin(), ids.end());
  };
  EXPECT_EQ(owned(1), owned(1));
  EXPECT_NE(owned(1), owned(2));
}

TEST(PartitionSummary, SaysTheSameToPeopleAndPrograms) {
  const PartitionSummary summary =
      Write(WriteToNewFolder(Clusters()), NewFolder(),
            {.parts = 2, .cache_bytes = 80});
  EXPECT_THAT(
      SummaryText(summary),
      HasSubstr("dataset clusters by range in 2 partitions: 400 nodes"));
  EXPECT_THAT(SummaryText(summary), HasSubstr("part-1: 200 nodes"));
  EXPECT_THAT(SummaryText(summary), HasSubstr("need no fetch"));
  const auto json = nlohmann::json::parse(SummaryJson(summary));
  EXPECT_EQ(json["method"], "range");
  EXPECT_EQ(json["nodes"], nlohmann::json({200, 200}));
  EXPECT_EQ(json["node_balance"], 1.0);
  EXPECT_EQ(json["num_edges"],
            json["edge_types"]["node__to__node"]["num_edges"]);
  EXPECT_GT(json["cut_share"], 0.1);
  EXPECT_GT(json["accesses"]["cache_hit_rate"], 0.0);
  EXPECT_EQ(json["accesses_by_partition"].size(), 2u);
  EXPECT_FALSE(
      nlohmann::json::parse(SummaryJson(Write(WriteToNewFolder(Clusters()),
                                              NewFolder(), {.parts = 2})))
          .contains("accesses"));
}

TEST(PartitionSummary, HasNoLineForEachOfManyPartitions) {
  const PartitionSummary summary =
      Write(WriteToNewFolder(Clusters()), NewFolder(), {.parts = 40});
  EXPECT_THAT(SummaryText(summary), ::testing::Not(HasSubstr("part-1")));
}

}  // namespace
}  // namespace fairlead
