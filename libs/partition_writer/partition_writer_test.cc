#include "libs/partition_writer/partition_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/id_space.h"
#include "libs/graph/partition_book.h"
#include "libs/graph/table.h"
#include "libs/partition_writer/partition_options.h"
#include "libs/partition_writer/random_dataset.h"
#include "libs/status/status_matchers.h"

// What is in the partitions is what was in the whole, whatever that is.

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RandomDataset;
using ::fairlead::testing::WriteToNewFolder;

using Partitions = std::vector<std::unique_ptr<const Dataset>>;

Partitions LoadAll(const std::string& folder, int64_t count) {
  Partitions partitions;
  for (int64_t part = 0; part < count; ++part) {
    absl::StatusOr<std::unique_ptr<const Dataset>> loaded =
        Dataset::Load(folder, {.partition = static_cast<uint32_t>(part)});
    EXPECT_THAT(loaded.status(), IsOk());
    if (!loaded.ok()) return {};
    partitions.push_back(*std::move(loaded));
  }
  return partitions;
}

uint32_t OwnerOf(const PartitionBook& book, int64_t id) {
  uint32_t owner = kNoPartition;
  static_cast<void>(book.PartitionOf({id}, absl::MakeSpan(&owner, 1)));
  return owner;
}

void ExpectSameRow(const RowStore& whole, const RowStore& part, int64_t id) {
  ASSERT_EQ(part.table.columns, whole.table.columns);
  ASSERT_EQ(part.table.element_type, whole.table.element_type);
  EXPECT_EQ(part.scale, whole.scale);
  const auto bytes = static_cast<size_t>(whole.table.row_bytes());
  ASSERT_GE(part.ids.Row(id), 0);
  EXPECT_EQ(absl::MakeConstSpan(part.table.Row(part.ids.Row(id)), bytes),
            absl::MakeConstSpan(whole.Find(id), bytes));
}

// The edges of one node, in order.
void ExpectSameEdges(const Topology& whole, int64_t whole_row,
                     const Topology& part, int64_t part_row) {
  int64_t from = whole.indptr[static_cast<size_t>(whole_row)];
  const int64_t end = whole.indptr[static_cast<size_t>(whole_row) + 1];
  int64_t at = part.indptr[static_cast<size_t>(part_row)];
  ASSERT_EQ(part.indptr[static_cast<size_t>(part_row) + 1] - at, end - from);
  for (; from < end; ++from, ++at) {
    const auto a = static_cast<size_t>(from);
    const auto b = static_cast<size_t>(at);
    EXPECT_EQ(part.indices[b], whole.indices[a]);
    EXPECT_EQ(part.EdgeId(at), whole.EdgeId(from));
    if (!whole.weights.empty()) {
      EXPECT_EQ(part.weights[b], whole.weights[a]);
    }
    if (!whole.timestamps.empty()) {
      EXPECT_EQ(part.timestamps[b], whole.timestamps[a]);
    }
  }
}

void ExpectSameNodes(const NodeType& whole, size_t index,
                     const Partitions& partitions) {
  int64_t nodes = 0;
  for (const auto& partition : partitions) {
    nodes += partition->node_types()[index].num_nodes;
  }
  EXPECT_EQ(nodes, whole.num_nodes);
  for (int64_t row = 0; row < whole.num_nodes; ++row) {
    const int64_t id = whole.ids.Id(row);
    const uint32_t owner =
        OwnerOf(*partitions[0]->node_types()[index].book, id);
    ASSERT_LT(owner, partitions.size());
    const NodeType& part = partitions[owner]->node_types()[index];
    const int64_t part_row = part.ids.Row(id);
    ASSERT_GE(part_row, 0);
    ASSERT_EQ(part.features.has_value(), whole.features.has_value());
    if (whole.features.has_value()) {
      ExpectSameRow(*whole.features, *part.features, id);
    }
    ASSERT_EQ(part.labels.has_value(), whole.labels.has_value());
    if (whole.labels.has_value()) {
      ExpectSameRow(*whole.labels, *part.labels, id);
    }
    EXPECT_EQ(part.num_classes, whole.num_classes);
    ASSERT_EQ(part.timestamps.empty(), whole.timestamps.empty());
    if (!whole.timestamps.empty()) {
      EXPECT_EQ(part.timestamps[static_cast<size_t>(part_row)],
                whole.timestamps[static_cast<size_t>(row)]);
    }
  }
}

using Split = std::optional<absl::Span<const int64_t>> NodeType::*;

// A partition has its own of them, in the order of the whole.
void ExpectSameSplit(const NodeType& whole, size_t index, Split split,
                     const Partitions& partitions) {
  for (uint32_t p = 0; p < partitions.size(); ++p) {
    const NodeType& part = partitions[p]->node_types()[index];
    ASSERT_EQ((part.*split).has_value(), (whole.*split).has_value());
    if (!(whole.*split).has_value()) continue;
    std::vector<int64_t> expected;
    for (const int64_t id : *(whole.*split)) {
      if (OwnerOf(*part.book, id) == p) expected.push_back(id);
    }
    EXPECT_EQ(*(part.*split), absl::MakeConstSpan(expected));
  }
}

void ExpectSameTopology(const Dataset& whole, size_t index, EdgeDir direction,
                        const Partitions& partitions) {
  const EdgeType& type = whole.edge_types()[index];
  const bool has = type.topology(direction).has_value();
  int64_t edges = 0;
  for (const auto& partition : partitions) {
    const auto& part = partition->edge_types()[index].topology(direction);
    ASSERT_EQ(part.has_value(), has);
    if (has) edges += part->num_edges();
  }
  if (!has) return;
  const Topology& topology = *type.topology(direction);
  EXPECT_EQ(edges, topology.num_edges());
  const auto row_type = static_cast<size_t>(type.row_type(direction));
  const IdSpace& ids = whole.node_types()[row_type].ids;
  // Whether edge ids lie with their edges: always, but where they are spread.
  const PartitionBook& edge_book = *partitions[0]->edge_types()[index].book;
  const bool by_edge = edge_book.Manifest().hashed_ids == 0 &&
                       (direction == EdgeDir::kOut || !type.out.has_value());
  for (int64_t row = 0; row < ids.size(); ++row) {
    const int64_t id = ids.Id(row);
    const uint32_t owner =
        OwnerOf(*partitions[0]->node_types()[row_type].book, id);
    const Dataset& part = *partitions[owner];
    ExpectSameEdges(topology, row,
                    *part.edge_types()[index].topology(direction),
                    part.node_types()[row_type].ids.Row(id));
    for (int64_t i = topology.indptr[static_cast<size_t>(row)];
         by_edge && i < topology.indptr[static_cast<size_t>(row) + 1]; ++i) {
      EXPECT_EQ(OwnerOf(edge_book, topology.EdgeId(i)), owner);
    }
  }
}

void ExpectSameEdgeFeatures(const EdgeType& whole, size_t index,
                            const Partitions& partitions) {
  if (!whole.features.has_value()) return;
  int64_t rows = 0;
  for (uint32_t p = 0; p < partitions.size(); ++p) {
    const EdgeType& part = partitions[p]->edge_types()[index];
    ASSERT_TRUE(part.features.has_value());
    rows += part.features->table.rows;
    for (int64_t row = 0; row < part.features->table.rows; ++row) {
      const int64_t id = part.features->ids.Id(row);
      EXPECT_EQ(OwnerOf(*part.feature_book, id), p);
      ExpectSameRow(*whole.features, *part.features, id);
    }
  }
  EXPECT_EQ(rows, whole.features->table.rows);
}

void ExpectSameDataset(const Dataset& whole, const Partitions& partitions) {
  for (size_t i = 0; i < whole.node_types().size(); ++i) {
    SCOPED_TRACE(whole.node_types()[i].name);
    ExpectSameNodes(whole.node_types()[i], i, partitions);
    for (const Split split :
         {&NodeType::train, &NodeType::val, &NodeType::test}) {
      ExpectSameSplit(whole.node_types()[i], i, split, partitions);
    }
  }
  for (size_t i = 0; i < whole.edge_types().size(); ++i) {
    SCOPED_TRACE(whole.edge_types()[i].name.ToString());
    ExpectSameTopology(whole, i, EdgeDir::kOut, partitions);
    ExpectSameTopology(whole, i, EdgeDir::kIn, partitions);
    ExpectSameEdgeFeatures(whole.edge_types()[i], i, partitions);
  }
}

int64_t NumNodes(const Dataset& dataset) {
  int64_t nodes = 0;
  for (const NodeType& type : dataset.node_types()) nodes += type.num_nodes;
  return nodes;
}

struct Case {
  PartitionMethod method;
  bool sparse_ids;
};

class WrittenPartitions : public ::testing::TestWithParam<Case> {};

TEST_P(WrittenPartitions, HoldWhatTheWholeHeld) {
  for (uint64_t seed = 0; seed < 25; ++seed) {
    const std::string source = WriteToNewFolder(
        RandomDataset({.seed = seed, .sparse_ids = GetParam().sparse_ids}));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, Dataset::Load(source));
    for (const int64_t parts : {1, 2, 5, 300}) {
      SCOPED_TRACE(absl::StrCat("seed ", seed, ", ", parts, " parts"));
      // More than are written at once: slow, so once.
      if (parts == 300 && seed > 0) continue;
      if (GetParam().method == PartitionMethod::kMetis &&
          parts > NumNodes(*whole)) {
        continue;  // which METIS refuses
      }
      PartitionOptions options{.parts = parts,
                               .method = GetParam().method,
                               .seed = seed,
                               .hotness_batch = 3};
      if (seed % 2 == 0) options.cache_bytes = 200;
      options.balance_edges =
          seed % 3 == 0 && (GetParam().method == PartitionMethod::kRange ||
                            GetParam().method == PartitionMethod::kMetis);
      const std::string folder = NewFolder();
      uint64_t last_done = 0;
      uint64_t last_total = 0;
      const auto on_progress = [&](uint64_t done, uint64_t total) {
        EXPECT_GE(done, last_done);
        last_done = done;
        last_total = total;
      };
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const PartitionSummary summary,
          WritePartitions(source, folder, options, on_progress));
      EXPECT_EQ(last_done, last_total);
      const Partitions partitions = LoadAll(folder, parts);
      ASSERT_EQ(partitions.size(), static_cast<size_t>(parts));
      ExpectSameDataset(*whole, partitions);
      EXPECT_EQ(summary.Nodes().num_nodes, NumNodes(*whole));
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Methods, WrittenPartitions,
    ::testing::Values(Case{PartitionMethod::kRange, false},
                      Case{PartitionMethod::kRange, true},
                      Case{PartitionMethod::kHash, false},
                      Case{PartitionMethod::kHash, true},
                      Case{PartitionMethod::kRandom, false},
                      Case{PartitionMethod::kMetis, false},
                      Case{PartitionMethod::kFrequency, false}),
    [](const auto& info) {
      return absl::StrCat(std::string(PartitionMethodName(info.param.method)),
                          info.param.sparse_ids ? "OfSparseIds" : "");
    });

// A range of ids that begins late.
TEST(WrittenPartitionsOf, IdsFromALaterOneOn) {
  DatasetContents contents;
  contents.name = "late";
  auto& nodes = contents.nodes.emplace_back();
  nodes = {.name = "node", .num_nodes = 20};
  auto& edges = contents.edges.emplace_back();
  edges.name = {"node", "to", "node"};
  for (int64_t i = 0; i < 20; ++i) {
    nodes.ids.push_back(100 + i);
    edges.edges.emplace_back(100 + i, 100 + i * 7 % 20);
  }
  nodes.train = {105, 103};
  nodes.other_features = {.columns = 1};
  for (int64_t i = 0; i < 20; ++i) {
    nodes.other_features.values.push_back(static_cast<float>(i));
  }
  const std::string source = WriteToNewFolder(contents);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(DatasetManifest manifest, ReadManifest(source));
  manifest.node_types[0].ids = {.first_id = 100};
  manifest.edge_types[0].out->first_edge_id = 50;
  ASSERT_THAT(WriteManifest(source, manifest), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, Dataset::Load(source));
  for (const PartitionMethod method :
       {PartitionMethod::kRange, PartitionMethod::kRandom,
        PartitionMethod::kHash, PartitionMethod::kMetis,
        PartitionMethod::kFrequency}) {
    SCOPED_TRACE(std::string(PartitionMethodName(method)));
    const std::string folder = NewFolder();
    ASSERT_THAT(WritePartitions(source, folder, {.parts = 3, .method = method},
                                [](uint64_t, uint64_t) {})
                    .status(),
                IsOk());
    const Partitions partitions = LoadAll(folder, 3);
    ASSERT_EQ(partitions.size(), 3u);
    ExpectSameDataset(*whole, partitions);
  }
}

TEST(WrittenPartitionsOf, FeaturesThatNotAllNodesHave) {
  DatasetContents contents;
  contents.name = "some";
  auto& nodes = contents.nodes.emplace_back();
  nodes = {.name = "node", .num_nodes = 20, .feature_dim = 1};
  for (int64_t i = 0; i < 20; ++i) {
    nodes.features.push_back(static_cast<float>(i));
  }
  nodes.train = {3, 4, 5};
  const std::string source = WriteToNewFolder(contents);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(DatasetManifest manifest, ReadManifest(source));
  manifest.node_types[0].num_nodes = 12;
  // Nodes 6 to 11, and 14 that are no nodes.
  manifest.node_types[0].features->ids = {.first_id = 6};
  ASSERT_THAT(WriteManifest(source, manifest), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, Dataset::Load(source));
  for (const PartitionMethod method :
       {PartitionMethod::kRange, PartitionMethod::kRandom,
        PartitionMethod::kHash}) {
    SCOPED_TRACE(std::string(PartitionMethodName(method)));
    const std::string folder = NewFolder();
    ASSERT_THAT(
        WritePartitions(source, folder,
                        {.parts = 3, .method = method, .cache_bytes = 100},
                        [](uint64_t, uint64_t) {})
            .status(),
        IsOk());
    const Partitions partitions = LoadAll(folder, 3);
    ASSERT_EQ(partitions.size(), 3u);
    for (int64_t id = 0; id < 12; ++id) {
      const uint32_t owner = OwnerOf(*partitions[0]->node_types()[0].book, id);
      const RowStore& part = *partitions[owner]->node_types()[0].features;
      if (id < 6) {
        EXPECT_EQ(part.Find(id), nullptr);
      } else {
        ExpectSameRow(*whole->node_types()[0].features, part, id);
      }
    }
  }
}

}  // namespace
}  // namespace fairlead
