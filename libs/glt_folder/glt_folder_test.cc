#include "libs/glt_folder/glt_folder.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/glt_folder/glt_meta.h"
#include "libs/glt_folder/test_folder.h"
#include "libs/python_files/golden_pickles.h"
#include "libs/python_files/strided_array.h"
#include "libs/python_files/test_files.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::Floats;
using ::fairlead::testing::HeterogeneousFolder;
using ::fairlead::testing::HomogeneousFolder;
using ::fairlead::testing::Int32s;
using ::fairlead::testing::Int64s;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::kTensor;
using ::fairlead::testing::Pickled;
using ::fairlead::testing::Shaped;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestFolder;
using ::fairlead::testing::TestTensor;
using ::fairlead::testing::TorchSaved;
using ::fairlead::testing::Uint8s;
using ::fairlead::testing::WriteTestFile;
using ::fairlead::testing::WriteTestFolder;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;

const GltEdgeType kHomogeneous;
const GltEdgeType kBuys = {"user", "buys", "item"};
const GltEdgeType kBoughtBy = {"item", "bought_by", "user"};

template <typename T>
std::vector<T> As(const std::vector<uint8_t>& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

TEST(GltFolder, ReadsTheMetaOfAHomogeneousFolder) {
  const std::string path = WriteTestFolder("homo", HomogeneousFolder());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const GltFolder folder, GltFolder::Open(path));
  EXPECT_EQ(folder.path(), path);
  EXPECT_EQ(folder.meta().num_partitions, 2);
  EXPECT_FALSE(folder.meta().heterogeneous);
  EXPECT_THAT(folder.meta().node_types, ElementsAre(""));
  EXPECT_THAT(folder.meta().edge_types, ElementsAre(kHomogeneous));
}

TEST(GltFolder, ReadsTheMetaOfAHeterogeneousFolder) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltFolder folder,
      GltFolder::Open(WriteTestFolder("hetero", HeterogeneousFolder())));
  EXPECT_EQ(folder.meta().num_partitions, 2);
  EXPECT_TRUE(folder.meta().heterogeneous);
  EXPECT_THAT(folder.meta().node_types, ElementsAre("user", "item"));
  EXPECT_THAT(folder.meta().edge_types, ElementsAre(kBuys, kBoughtBy));
  EXPECT_EQ(folder.meta().edge_types[1].Name(), "item__bought_by__user");
}

TEST(GltFolder, ReadsBooksOfAnyWidth) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltFolder homo,
      GltFolder::Open(WriteTestFolder("homo", HomogeneousFolder())));
  EXPECT_THAT(homo.NodeBook("")->owners, ElementsAre(0, 0, 1, 1, 0, 1));
  EXPECT_THAT(homo.EdgeBook({})->owners, ElementsAre(0, 0, 1, 1, 0, 1, 0));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltFolder hetero,
      GltFolder::Open(WriteTestFolder("hetero", HeterogeneousFolder())));
  EXPECT_THAT(hetero.NodeBook("user")->owners, ElementsAre(1, 0, 1));
  EXPECT_THAT(hetero.NodeBook("item")->owners, ElementsAre(0, 1));
  EXPECT_THAT(hetero.EdgeBook(kBuys)->owners, ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(hetero.EdgeBook(kBoughtBy)->owners, ElementsAre(0));
}

TEST(GltFolder, ReadsEdgesWithTheirWeights) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltFolder folder,
      GltFolder::Open(WriteTestFolder("homo", HomogeneousFolder())));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const GltEdges first, folder.Edges(0, {}));
  EXPECT_THAT(first.rows, ElementsAre(0, 1, 4, 0));
  EXPECT_THAT(first.cols, ElementsAre(1, 2, 5, 3));
  EXPECT_THAT(first.eids, ElementsAre(0, 1, 4, 6));
  EXPECT_THAT(first.weights, Optional(ElementsAre(0, 0.5, 2, 3)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const GltEdges second, folder.Edges(1, {}));
  EXPECT_THAT(second.rows, ElementsAre(2, 3, 5));
  EXPECT_THAT(second.weights, Optional(ElementsAre(1, 1.5, 2.5)));
}

TEST(GltFolder, ReadsEdgesOfEachType) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltFolder folder,
      GltFolder::Open(WriteTestFolder("hetero", HeterogeneousFolder())));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const GltEdges buys, folder.Edges(1, kBuys));
  EXPECT_THAT(buys.rows, ElementsAre(0, 2));
  EXPECT_THAT(buys.cols, ElementsAre(0, 1));
  EXPECT_THAT(buys.eids, ElementsAre(0, 2));
  EXPECT_FALSE(buys.weights.has_value());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const GltEdges none,
                                folder.Edges(1, kBoughtBy));
  EXPECT_THAT(none.rows, IsEmpty());
  EXPECT_THAT(none.cols, IsEmpty());
  EXPECT_THAT(none.eids, IsEmpty());
}

TEST(GltFolder, JoinsTheChunksOfFeaturesAndKeepsCachedOnesApart) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltFolder folder,
      GltFolder::Open(WriteTestFolder("homo", HomogeneousFolder())));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::optional<GltFeatures> first,
                                folder.NodeFeatures(0, ""));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->dtype, ElementType::kFloat32);
  EXPECT_EQ(first->columns, 2);
  EXPECT_THAT(first->owned.ids, ElementsAre(0, 1, 4));
  EXPECT_THAT(As<float>(first->owned.bytes),
              ElementsAre(0, 0.5, 1, 1.5, 4, 4.5));
  EXPECT_THAT(first->cached.ids, ElementsAre(5, 2));
  EXPECT_THAT(As<float>(first->cached.bytes), ElementsAre(5, 5.5, 2, 2.5));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::optional<GltFeatures> second,
                                folder.NodeFeatures(1, ""));
  ASSERT_TRUE(second.has_value());
  EXPECT_THAT(second->owned.ids, ElementsAre(5, 2, 3));
  EXPECT_THAT(second->cached.ids, IsEmpty());
  EXPECT_THAT(second->cached.bytes, IsEmpty());
}

TEST(GltFolder, ReadsFeaturesThatOlderGltSavedAsOneTensor) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltFolder folder,
      GltFolder::Open(WriteTestFolder("homo", HomogeneousFolder())));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::optional<GltFeatures> features,
                                folder.EdgeFeatures(1, {}));
  ASSERT_TRUE(features.has_value());
  EXPECT_EQ(features->dtype, ElementType::kInt32);
  EXPECT_EQ(features->columns, 1);
  EXPECT_THAT(features->owned.ids, ElementsAre(2, 3, 5));
  EXPECT_THAT(As<int32_t>(features->owned.bytes), ElementsAre(20, 30, 50));
}

TEST(GltFolder, APartitionMayHaveNoFeatures) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltFolder folder,
      GltFolder::Open(WriteTestFolder("hetero", HeterogeneousFolder())));
  EXPECT_THAT(folder.NodeFeatures(0, "user"), IsOkAndHolds(Not(Optional(_))));
  EXPECT_THAT(folder.NodeFeatures(1, "item"), IsOkAndHolds(Not(Optional(_))));
  EXPECT_THAT(folder.EdgeFeatures(0, kBuys), IsOkAndHolds(Not(Optional(_))));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::optional<GltFeatures> features,
                                folder.NodeFeatures(1, "user"));
  ASSERT_TRUE(features.has_value());
  EXPECT_THAT(features->owned.ids, ElementsAre(0, 2));
}

// What torch itself wrote, twice into one file: [[1, 3], [2, 4]], as a view
// whose elements do not lie one after another.
TEST(GltFolder, ReadsChunksThatTorchPickled) {
  TestFolder files = HomogeneousFolder();
  const std::string chunk = absl::HexStringToBytes(kTensor);
  files["part1/node_feat/feats.pkl"] = chunk + chunk;
  files["part1/node_feat/ids.pkl"] =
      Pickled(Int32s({9, 8, 7})) + Pickled(Int32s({6}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltFolder folder, GltFolder::Open(WriteTestFolder("torch", files)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::optional<GltFeatures> features,
                                folder.NodeFeatures(1, ""));
  ASSERT_TRUE(features.has_value());
  EXPECT_EQ(features->dtype, ElementType::kInt64);
  EXPECT_THAT(features->owned.ids, ElementsAre(9, 8, 7, 6));
  EXPECT_THAT(As<int64_t>(features->owned.bytes),
              ElementsAre(1, 3, 2, 4, 1, 3, 2, 4));
}

TEST(GltFolder, ReadsThousandsOfChunks) {
  constexpr int kChunks = 3'000;
  TestFolder files = HomogeneousFolder();
  std::string ids;
  std::string feats;
  for (int i = 0; i < kChunks; ++i) {
    ids += Pickled(Int64s({i}));
    feats += Pickled(Shaped(Floats({static_cast<float>(i)}), {1, 1}));
  }
  files["part1/node_feat/ids.pkl"] = ids;
  files["part1/node_feat/feats.pkl"] = feats;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltFolder folder, GltFolder::Open(WriteTestFolder("many", files)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::optional<GltFeatures> features,
                                folder.NodeFeatures(1, ""));
  ASSERT_TRUE(features.has_value());
  const std::vector<float> rows = As<float>(features->owned.bytes);
  ASSERT_EQ(rows.size(), kChunks);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(features->owned.ids[i], static_cast<int64_t>(i));
    EXPECT_EQ(rows[i], static_cast<float>(i));
  }
}

TEST(GltFolder, ReadsLabelsOfOneColumnAndOfSeveral) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltLabels one, GltFolder::ReadLabels(WriteTestFile(
                               "label.pt", TorchSaved(Int64s({3, -1, 0})))));
  EXPECT_EQ(one.rows, 3);
  EXPECT_EQ(one.columns, 1);
  EXPECT_THAT(one.values, ElementsAre(3, -1, 0));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltLabels two,
      GltFolder::ReadLabels(WriteTestFile(
          "labels.pt",
          TorchSaved(Shaped(Uint8s({1, 2, 3, 4, 5, 6}), {3, 2})))));
  EXPECT_EQ(two.rows, 3);
  EXPECT_EQ(two.columns, 2);
  EXPECT_THAT(two.values, ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(GltFolder, ReadsIntegersOfAnyWidthAndSign) {
  const struct {
    TestTensor tensor;
    int64_t value;
  } cases[] = {{{"CharStorage", {1}, "\xfe"}, -2},
               {Uint8s({0xfe}), 0xfe},
               {{"ShortStorage", {1}, "\x02\x80"}, -0x7ffe},
               {Int32s({-3}), -3},
               {Int64s({int64_t{1} << 40}), int64_t{1} << 40}};
  for (const auto& [tensor, value] : cases) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const GltLabels labels,
        GltFolder::ReadLabels(WriteTestFile("label.pt", TorchSaved(tensor))));
    EXPECT_THAT(labels.values, ElementsAre(value)) << tensor.storage_type;
  }
}

TEST(GltFolder, RefusesLabelsThatAreNone) {
  EXPECT_THAT(
      GltFolder::ReadLabels("/nowhere/label.pt"),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nowhere/label.pt")));
  EXPECT_THAT(
      GltFolder::ReadLabels(WriteTestFile("float.pt", TorchSaved(Floats({1})))),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("float.pt: is float32")));
  EXPECT_THAT(GltFolder::ReadLabels(WriteTestFile(
                  "cube.pt", TorchSaved(Shaped(Int64s({1}), {1, 1, 1})))),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("cube.pt: is of shape (1, 1, 1)")));
  EXPECT_THAT(GltFolder::ReadLabels(WriteTestFile(
                  "flat.pt", TorchSaved(Shaped(Int64s({}), {7, 0})))),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("without columns")));
}

TEST(GltFolder, SaysWhichTypesAndPartitionsThereAre) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltFolder folder,
      GltFolder::Open(WriteTestFolder("hetero", HeterogeneousFolder())));
  const auto not_found = [](const std::string& part) {
    return StatusIs(absl::StatusCode::kNotFound, HasSubstr(part));
  };
  EXPECT_THAT(folder.NodeBook("User"), not_found("\"user\", \"item\""));
  EXPECT_THAT(folder.NodeFeatures(0, ""), not_found("no node type \"\""));
  EXPECT_THAT(folder.EdgeBook({"user", "sells", "item"}),
              not_found("no edge type \"user__sells__item\""));
  EXPECT_THAT(folder.EdgeFeatures(0, {}),
              not_found("\"user__buys__item\", \"item__bought_by__user\""));
  EXPECT_THAT(folder.Edges(2, kBuys), not_found("no partition 2 of 2"));
  EXPECT_THAT(folder.NodeFeatures(2, "user"), not_found("partition 2"));
}

}  // namespace
}  // namespace fairlead
