#include "tools/dataset/import/glt_import.h"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/glt_folder/test_folder.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/element_type.h"
#include "libs/graph/partition_book.h"
#include "libs/graph/table.h"
#include "libs/status/status_matchers.h"
#include "libs/type_names/type_names.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/check/check_dataset.h"
#include "tools/dataset/check/findings.h"

namespace fairlead {
namespace {

using ::fairlead::testing::Floats;
using ::fairlead::testing::HeterogeneousFolder;
using ::fairlead::testing::HomogeneousFolder;
using ::fairlead::testing::Int64s;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::Pickled;
using ::fairlead::testing::Shaped;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestFolder;
using ::fairlead::testing::TorchSaved;
using ::fairlead::testing::WriteTestFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::FieldsAre;
using ::testing::HasSubstr;
using ::testing::TestParamInfo;
using ::testing::UnorderedElementsAre;

std::string NewFolder(const std::string& name) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/", name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

std::unique_ptr<const Dataset> LoadPartition(const std::string& folder,
                                             uint32_t partition) {
  Dataset::LoadOptions options;
  options.partition = partition;
  absl::StatusOr<std::unique_ptr<const Dataset>> dataset =
      Dataset::Load(folder, options);
  EXPECT_THAT(dataset, IsOk());
  return dataset.ok() ? *std::move(dataset) : nullptr;
}

// (src, dst, id, weight) of each edge.
std::vector<std::tuple<int64_t, int64_t, int64_t, float>> EdgesOf(
    const Dataset& dataset, size_t type) {
  const GraphArrays graph = ArraysOf(dataset);
  const EdgeArrays& edges = graph.edges[type];
  std::vector<std::tuple<int64_t, int64_t, int64_t, float>> result;
  for (size_t i = 0; i < edges.src.size(); ++i) {
    result.emplace_back(edges.src[i], edges.dst[i], edges.ids[i],
                        edges.weights.has_value() ? (*edges.weights)[i] : -1);
  }
  return result;
}

template <typename T>
std::vector<T> FeatureRow(const RowStore& store, int64_t id) {
  const uint8_t* row = store.Find(id);
  if (row == nullptr) return {};
  std::vector<T> values(static_cast<size_t>(store.table.columns));
  std::memcpy(values.data(), row, values.size() * sizeof(T));
  return values;
}

void ExpectClean(const std::string& folder) {
  const Findings findings = CheckDataset(folder);
  EXPECT_EQ(findings.errors(), 0) << findings.Text();
  EXPECT_EQ(findings.warnings(), 0) << findings.Text();
}

TEST(GltImport, HomogeneousPartitionsBecomeOurs) {
  TestFolder folder = HomogeneousFolder();
  folder["labels.pt"] = TorchSaved(Int64s({5, 4, 3, 2, 1, 0}));
  const std::string in = WriteTestFolder("homo", folder);
  const std::string out = NewFolder("homo_out");
  ASSERT_THAT(ImportGlt({.in = in,
                         .name = "ring",
                         .labels = {{"node", absl::StrCat(in, "/labels.pt")}},
                         .edge_dir = std::nullopt},
                        out),
              IsOk());
  ExpectClean(out);
  const auto first = LoadPartition(out, 0);
  const auto second = LoadPartition(out, 1);
  EXPECT_EQ(first->name(), "ring");
  EXPECT_EQ(first->num_partitions(), 2);
  EXPECT_FALSE(first->Has(EdgeDir::kIn));
  EXPECT_EQ(first->edge_types()[0].name.ToString(), "node__to__node");
  EXPECT_THAT(first->node_types()[0].ids.list(), ElementsAre(0, 1, 4));
  EXPECT_THAT(second->node_types()[0].ids.list(), ElementsAre(2, 3, 5));
  EXPECT_THAT(EdgesOf(*first, 0),
              ElementsAre(FieldsAre(0, 1, 0, 0.0F), FieldsAre(0, 3, 6, 3.0F),
                          FieldsAre(1, 2, 1, 0.5F), FieldsAre(4, 5, 4, 2.0F)));
  EXPECT_THAT(EdgesOf(*second, 0),
              ElementsAre(FieldsAre(2, 3, 2, 1.0F), FieldsAre(3, 4, 3, 1.5F),
                          FieldsAre(5, 0, 5, 2.5F)));
  const RowStore& features = *first->node_types()[0].features;
  EXPECT_EQ(features.table.rows, 3);
  EXPECT_EQ(features.cached->rows, 2);
  for (const int64_t id : {0, 1, 2, 4, 5}) {
    EXPECT_THAT(
        FeatureRow<float>(features, id),
        ElementsAre(static_cast<float>(id), static_cast<float>(id) + 0.5F));
  }
  EXPECT_EQ(features.Find(3), nullptr);
  const RowStore& edge_features = *second->edge_types()[0].features;
  EXPECT_EQ(edge_features.table.element_type, ElementType::kInt64);
  EXPECT_THAT(FeatureRow<int64_t>(edge_features, 5), ElementsAre(50));
  EXPECT_EQ(first->node_types()[0].num_classes, 6);
  EXPECT_THAT(FeatureRow<int64_t>(*second->node_types()[0].labels, 3),
              ElementsAre(2));
  // Owners do not rise with ids, so the books are tables.
  uint32_t owners[6];
  const int64_t ids[] = {0, 1, 2, 3, 4, 5};
  ASSERT_THAT(
      first->node_types()[0].book->PartitionOf(ids, absl::MakeSpan(owners)),
      IsOk());
  EXPECT_THAT(owners, ElementsAre(0, 0, 1, 1, 0, 1));
}

TEST(GltImport, PartitionsAreMergedIntoAWhole) {
  const std::string in = WriteTestFolder("homo", HomogeneousFolder());
  const std::string out = NewFolder("merged");
  ASSERT_THAT(ImportGlt({.in = in,
                         .name = "ring",
                         .labels = {},
                         .edge_dir = std::nullopt,
                         .merge = true},
                        out),
              IsOk());
  ExpectClean(out);
  const auto whole = LoadPartition(out, 0);
  EXPECT_EQ(whole->num_partitions(), 1);
  EXPECT_EQ(whole->node_types()[0].num_nodes, 6);
  EXPECT_THAT(
      EdgesOf(*whole, 0),
      UnorderedElementsAre(FieldsAre(0, 1, 0, 0.0F), FieldsAre(1, 2, 1, 0.5F),
                           FieldsAre(2, 3, 2, 1.0F), FieldsAre(3, 4, 3, 1.5F),
                           FieldsAre(4, 5, 4, 2.0F), FieldsAre(5, 0, 5, 2.5F),
                           FieldsAre(0, 3, 6, 3.0F)));
  for (int64_t id = 0; id < 6; ++id) {
    EXPECT_THAT(
        FeatureRow<float>(*whole->node_types()[0].features, id),
        ElementsAre(static_cast<float>(id), static_cast<float>(id) + 0.5F));
  }
  for (int64_t id = 0; id < 7; ++id) {
    EXPECT_THAT(FeatureRow<int64_t>(*whole->edge_types()[0].features, id),
                ElementsAre(10 * id));
  }
}

// buys lies with its users' partitions or with its items'? In the fixture with
// the users'; books of items rise, so they are bounds.
TEST(GltImport, HeterogeneousPartitionsBecomeOurs) {
  const std::string in = WriteTestFolder("hetero", HeterogeneousFolder());
  const std::string out = NewFolder("hetero_out");
  ASSERT_THAT(
      ImportGlt(
          {.in = in, .name = "shop", .labels = {}, .edge_dir = std::nullopt},
          out),
      IsOk());
  ExpectClean(out);
  const auto first = LoadPartition(out, 0);
  const auto second = LoadPartition(out, 1);
  ASSERT_THAT(first->FindEdgeType({"user", "buys", "item"}),
              ::fairlead::testing::IsOkAndHolds(1));
  EXPECT_THAT(EdgesOf(*first, 1), ElementsAre(FieldsAre(1, 0, 1, -1.0F),
                                              FieldsAre(1, 1, 3, -1.0F)));
  EXPECT_THAT(EdgesOf(*second, 1), ElementsAre(FieldsAre(0, 0, 0, -1.0F),
                                               FieldsAre(2, 1, 2, -1.0F)));
  EXPECT_THAT(EdgesOf(*first, 0), ElementsAre(FieldsAre(0, 1, 0, -1.0F)));
  EXPECT_THAT(EdgesOf(*second, 0), ElementsAre());
  EXPECT_FALSE(first->node_types()[1].features.has_value());
  EXPECT_THAT(FeatureRow<float>(*second->node_types()[1].features, 2),
              ElementsAre(2));
  EXPECT_THAT(first->node_types()[0].book->Manifest().bounds,
              ElementsAre(0, 1, 2));
  EXPECT_FALSE(first->node_types()[1].book->Manifest().table.empty());
}

// The same ring, but that each partition has the edges to its nodes.
TestFolder ByDestination() {
  TestFolder folder = HomogeneousFolder();
  const auto edges = [&folder](const std::string& part,
                               const std::vector<int64_t>& rows,
                               const std::vector<int64_t>& cols,
                               const std::vector<int64_t>& eids) {
    folder[part + "/graph/rows.pt"] = TorchSaved(Int64s(rows));
    folder[part + "/graph/cols.pt"] = TorchSaved(Int64s(cols));
    folder[part + "/graph/eids.pt"] = TorchSaved(Int64s(eids));
    folder.erase(part + "/graph/weights.pt");
    for (const char* file : {"ids.pt", "feats.pt"}) {
      folder.erase(part + "/edge_feat/" + file);
    }
  };
  edges("part0", {0, 3, 5}, {1, 4, 0}, {0, 3, 5});
  edges("part1", {1, 2, 4, 0}, {2, 3, 5, 3}, {1, 2, 4, 6});
  folder["edge_pb.pt"] = TorchSaved(Int64s({0, 1, 1, 0, 1, 0, 1}));
  return folder;
}

TEST(GltImport, EdgesThatLieWithTheirDestinationAreListedSo) {
  const std::string in = WriteTestFolder("by_dst", ByDestination());
  const std::string out = NewFolder("by_dst_out");
  GltImportOptions options = {
      .in = in, .name = "ring", .labels = {}, .edge_dir = std::nullopt};
  ASSERT_THAT(ImportGlt(options, out), IsOk());
  ExpectClean(out);
  const auto first = LoadPartition(out, 0);
  EXPECT_TRUE(first->Has(EdgeDir::kIn));
  EXPECT_FALSE(first->Has(EdgeDir::kOut));
  EXPECT_THAT(EdgesOf(*first, 0),
              ElementsAre(FieldsAre(5, 0, 5, -1.0F), FieldsAre(0, 1, 0, -1.0F),
                          FieldsAre(3, 4, 3, -1.0F)));
  options.edge_dir = EdgeDir::kOut;
  EXPECT_THAT(ImportGlt(options, NewFolder("by_dst_out")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("part0/graph/rows.pt: row 1"),
                             HasSubstr("is 3, which is partition 1's by"),
                             HasSubstr("node_pb.pt"))));
}

struct BadGlt {
  const char* name;
  std::function<void(TestFolder*)> damage;
  const char* file;
  const char* says;
};

std::ostream& operator<<(std::ostream& out, const BadGlt& bad) {
  return out << bad.name;
}

class BadGltFolder : public ::testing::TestWithParam<BadGlt> {};

TEST_P(BadGltFolder, IsRefusedByFileAndRow) {
  TestFolder folder = HomogeneousFolder();
  folder["labels.pt"] = TorchSaved(Int64s({5, 4, 3, 2, 1, 0}));
  GetParam().damage(&folder);
  const std::string in =
      WriteTestFolder(absl::StrCat("import_", GetParam().name), folder);
  EXPECT_THAT(
      ImportGlt({.in = in,
                 .name = "bad",
                 .labels = {{"node", absl::StrCat(in, "/labels.pt")}},
                 .edge_dir = std::nullopt},
                NewFolder("bad_out")),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr(GetParam().file), HasSubstr(GetParam().says))));
}

std::function<void(TestFolder*)> Ids(std::string file,
                                     std::vector<int64_t> ids) {
  return [=](TestFolder* folder) {
    (*folder)[file] = file.find(".pkl") == std::string::npos
                          ? TorchSaved(Int64s(ids))
                          : Pickled(Int64s(ids));
  };
}

INSTANTIATE_TEST_SUITE_P(
    All, BadGltFolder,
    ::testing::Values(
        BadGlt{"source_of_another", Ids("part1/graph/rows.pt", {2, 4, 5}),
               "part1/graph/rows.pt: row 1", "is 4, which is partition 0's by"},
        BadGlt{"destination_beyond", Ids("part1/graph/cols.pt", {3, 6, 0}),
               "part1/graph/cols.pt: row 1", "is 6, which is beyond"},
        BadGlt{"source_beyond", Ids("part0/graph/rows.pt", {0, 1, 4, 99}),
               "part0/graph/rows.pt: row 3", "is 99, which is beyond"},
        BadGlt{"edge_of_another", Ids("part1/graph/eids.pt", {2, 4, 5}),
               "part1/graph/eids.pt: row 1", "is 4, which is partition 0's by"},
        BadGlt{"edge_beyond", Ids("part1/graph/eids.pt", {2, 3, 7}),
               "part1/graph/eids.pt: row 2", "is 7, which is beyond"},
        BadGlt{"edge_twice", Ids("part1/graph/eids.pt", {2, 3, 3}),
               "part1/graph/eids.pt: row 2",
               "is 3, which partition 1 has already"},
        BadGlt{"edge_nowhere", Ids("edge_pb.pt", {0, 0, 1, 1, 0, 1, 0, 1}),
               "part1/edge_feat/ids.pt", "has no row for 7"},
        BadGlt{"edge_in_the_book_alone",
               [](TestFolder* folder) {
                 Ids("edge_pb.pt", {0, 0, 1, 1, 0, 1, 0, 1})(folder);
                 folder->erase("part1/edge_feat/ids.pt");
                 folder->erase("part1/edge_feat/feats.pt");
               },
               "edge_pb.pt: row 7", "no partition has such an edge"},
        BadGlt{"features_of_another", Ids("part1/node_feat/ids.pkl", {5, 4, 3}),
               "part1/node_feat/ids.pkl: row 1",
               "is 4, which is partition 0's by"},
        BadGlt{"features_beyond", Ids("part1/node_feat/ids.pkl", {5, 6, 3}),
               "part1/node_feat/ids.pkl: row 1", "is 6, which is beyond"},
        BadGlt{"features_missing",
               [](TestFolder* folder) {
                 Ids("part1/node_feat/ids.pkl", {5, 3})(folder);
                 (*folder)["part1/node_feat/feats.pkl"] =
                     Pickled(Shaped(Floats({5, 5.5, 3, 3.5}), {2, 2}));
               },
               "part1/node_feat/ids.pkl", "has no row for 2"},
        BadGlt{"cached_beyond", Ids("part0/node_feat/cache_ids.pt", {5, 8}),
               "part0/node_feat/cache_ids.pt: row 1", "is 8, which is beyond"},
        BadGlt{"fewer_labels", Ids("labels.pt", {1, 2}), "labels.pt",
               "has 2 labels for the 6 nodes"}),
    [](const TestParamInfo<BadGlt>& info) {
      return std::string(info.param.name);
    });

TEST(GltImport, LabelsOfATypeThatIsNotThereAreRefused) {
  const std::string in = WriteTestFolder("hetero", HeterogeneousFolder());
  EXPECT_THAT(ImportGlt({.in = in,
                         .name = "shop",
                         .labels = {{"shop", "labels.pt"}},
                         .edge_dir = std::nullopt},
                        NewFolder("hetero_out")),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("\"shop\""), HasSubstr("user, item"))));
}

}  // namespace
}  // namespace fairlead
