#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/glt_folder/test_folder.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/node_split.h"
#include "libs/status/status_matchers.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/arrays/graph_writer.h"
#include "tools/dataset/check/check_dataset.h"
#include "tools/dataset/check/findings.h"
#include "tools/dataset/edit/add_edges.h"
#include "tools/dataset/edit/add_labels.h"
#include "tools/dataset/edit/split_dataset.h"
#include "tools/dataset/import/glt_import.h"

namespace fairlead {
namespace {

using ::fairlead::testing::HomogeneousFolder;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteTestFolder;
using ::testing::HasSubstr;

std::string NewFolder(const std::string& name) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/", name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

void ExpectClean(const std::string& folder) {
  const Findings findings = CheckDataset(folder);
  EXPECT_EQ(findings.errors(), 0) << findings.Text();
  EXPECT_EQ(findings.warnings(), 0) << findings.Text();
}

// A ring of six with a chord, in two partitions, or as a whole.
std::string Ring(bool merge) {
  const std::string out = NewFolder("ring");
  EXPECT_THAT(ImportGlt({.in = WriteTestFolder("ring_in", HomogeneousFolder()),
                         .name = "ring",
                         .labels = {},
                         .edge_dir = std::nullopt,
                         .merge = merge},
                        out),
              IsOk());
  return out;
}

std::unique_ptr<const Dataset> LoadPartition(const std::string& folder,
                                             uint32_t partition) {
  Dataset::LoadOptions options;
  options.partition = partition;
  auto dataset = Dataset::Load(folder, options);
  EXPECT_THAT(dataset, IsOk());
  return dataset.ok() ? *std::move(dataset) : nullptr;
}

TEST(AddEdges, ListsEdgesByTheirOtherEndToo) {
  for (const bool merge : {true, false}) {
    const std::string folder = Ring(merge);
    ASSERT_THAT(AddEdges(folder, EdgeDir::kIn), IsOk());
    // That both lists are of the same edges, with their ids, is checked there.
    ExpectClean(folder);
    const auto first = LoadPartition(folder, 0);
    EXPECT_TRUE(first->Has(EdgeDir::kIn));
    EXPECT_TRUE(first->Has(EdgeDir::kOut));
    const Topology& in = *first->edge_types()[0].in;
    for (int64_t i = 0; i < in.num_edges(); ++i) {
      EXPECT_EQ(in.weights[static_cast<size_t>(i)],
                static_cast<float>(in.EdgeId(i)) / 2);
    }
    // There is nothing more to do.
    ASSERT_THAT(AddEdges(folder, EdgeDir::kIn), IsOk());
    ExpectClean(folder);
  }
}

TEST(AddEdges, FeaturesStayWithTheirEdges) {
  const std::string folder = NewFolder("features");
  GraphArrays graph;
  graph.name = "g";
  graph.nodes.push_back({.name = "n", .ids = {0, 1, 2}});
  const std::vector<uint8_t> rows = {50, 51, 52};
  EdgeArrays edges = {.name = {"n", "to", "n"},
                      .src = {2, 1, 0},
                      .dst = {0, 1, 2},
                      .ids = {5, 6, 7}};
  edges.out = false;
  edges.in = true;
  FeatureArrays& features = edges.features.emplace();
  features.element_type = ElementType::kUint8;
  features.columns = 1;
  features.owned = RowsOf({5, 6, 7}, rows.data(), 1);
  graph.edges.push_back(edges);
  ASSERT_THAT(WriteGraph(folder, graph), IsOk());
  ASSERT_THAT(AddEdges(folder, EdgeDir::kOut), IsOk());
  ExpectClean(folder);
  const auto dataset = LoadPartition(folder, 0);
  EXPECT_TRUE(dataset->Has(EdgeDir::kOut));
  for (const int64_t id : {5, 6, 7}) {
    ASSERT_NE(dataset->edge_types()[0].features->Find(id), nullptr);
    EXPECT_EQ(*dataset->edge_types()[0].features->Find(id), 45 + id);
  }
}

TEST(AddLabels, EdgesAreLabelsToo) {
  const std::string folder = Ring(/*merge=*/true);
  const EdgeTypeName name = LoadPartition(folder, 0)->edge_types()[0].name;
  ASSERT_THAT(AddLabels(folder, name), IsOk());
  ExpectClean(folder);
  const auto dataset = LoadPartition(folder, 0);
  const EdgeTypeName label_name = {name.src, name.relation + "_gigl_positive",
                                   name.dst};
  const auto edges = dataset->FindEdgeType(name);
  const auto labels = dataset->FindEdgeType(label_name);
  ASSERT_THAT(labels, IsOk());
  const auto topology = [&dataset](int type) -> const Topology& {
    return *dataset->edge_types()[static_cast<size_t>(type)].out;
  };
  ASSERT_EQ(topology(*labels).num_edges(), topology(*edges).num_edges());
  for (size_t i = 0; i < topology(*edges).indices.size(); ++i) {
    EXPECT_EQ(topology(*labels).indices[i], topology(*edges).indices[i]);
  }

  EXPECT_THAT(
      AddLabels(folder, name),
      StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("_gigl_positive")));
  EXPECT_THAT(AddLabels(folder, {"a", "b", "c"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("a__b__c")));
  EXPECT_THAT(
      AddLabels(Ring(/*merge=*/false), name),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("partitions")));
}

TEST(SplitDataset, GivesEachNodeToOneSplit) {
  for (const bool merge : {true, false}) {
    const std::string folder = Ring(merge);
    // Again, over what is there: nothing is left of it.
    for (const uint64_t seed : {1, 2}) {
      ASSERT_THAT(SplitDataset(folder, {.node_type = "node",
                                        .val = 0.35,
                                        .test = int64_t{1},
                                        .seed = seed}),
                  IsOk());
      ExpectClean(folder);
      std::vector<int64_t> all;
      size_t val = 0;
      size_t test = 0;
      const uint32_t partitions = merge ? 1 : 2;
      for (uint32_t i = 0; i < partitions; ++i) {
        const auto dataset = LoadPartition(folder, i);
        const NodeType& nodes = dataset->node_types()[0];
        for (const auto& split : {nodes.train, nodes.val, nodes.test}) {
          all.insert(all.end(), split->begin(), split->end());
        }
        val += nodes.val->size();
        test += nodes.test->size();
      }
      std::sort(all.begin(), all.end());
      EXPECT_EQ(all, Iota(6));
      EXPECT_EQ(val, 2);
      EXPECT_EQ(test, 1);
    }
    size_t split_files = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      for (const char* split : {".train.", ".val.", ".test."}) {
        if (name.find(split) != std::string::npos) ++split_files;
      }
    }
    EXPECT_EQ(split_files, merge ? 3 : 6);
  }
}

TEST(SplitDataset, DoesNotDependOnPartitions) {
  const SplitOptions options = {
      .node_type = "", .val = int64_t{2}, .test = int64_t{2}, .seed = 9};
  const std::string whole = Ring(true);
  ASSERT_THAT(SplitDataset(whole, options), IsOk());
  const auto dataset = LoadPartition(whole, 0);
  std::vector<int64_t> expected(dataset->node_types()[0].val->begin(),
                                dataset->node_types()[0].val->end());
  std::sort(expected.begin(), expected.end());
  const std::string parts = Ring(false);
  ASSERT_THAT(SplitDataset(parts, options), IsOk());
  std::vector<int64_t> found;
  for (const uint32_t i : {0, 1}) {
    const auto part = LoadPartition(parts, i);
    const auto& val = *part->node_types()[0].val;
    found.insert(found.end(), val.begin(), val.end());
  }
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, expected);
}

TEST(SplitDataset, RefusesTypesAndSizesThatAreNotThere) {
  const std::string folder = Ring(false);
  EXPECT_THAT(SplitDataset(folder, {.node_type = "paper"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("paper")));
  EXPECT_THAT(
      SplitDataset(folder, {.node_type = "", .val = int64_t{7}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("7 of 6 nodes")));
}

}  // namespace
}  // namespace fairlead
