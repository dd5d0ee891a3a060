#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
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
#include "libs/graph/element_type.h"
#include "libs/graph/id_array.h"
#include "libs/graph/npy.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

constexpr absl::StatusCode kBad = absl::StatusCode::kInvalidArgument;
constexpr char kIndptr[] = "n__to__n.indptr.npy";
constexpr char kIndices[] = "n__to__n.indices.npy";

std::vector<int64_t> Values(const IdArray& array) {
  std::vector<int64_t> values;
  for (size_t i = 0; i < array.size(); ++i) values.push_back(array[i]);
  return values;
}

// What arrays of other kinds than the plain ones a dataset may have.
class DatasetArrays : public ::testing::Test {
 protected:
  DatasetArrays() {
    contents_.name = "x";
    contents_.nodes = {{.name = "n", .num_nodes = 3}};
    contents_.edges = {
        {.name = {"n", "to", "n"}, .edges = {{0, 1}, {0, 2}, {2, 0}}}};
  }

  void SetUp() override {
    folder_ = absl::StrCat(
        ::testing::TempDir(), "/arrays-",
        ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  void Write() const { ASSERT_THAT(WriteDataset(folder_, contents_), IsOk()); }

  template <typename T>
  void WriteArray(const std::string& file, const char* dtype,
                  const std::vector<T>& values) const {
    ASSERT_THAT(WriteNpy<T>(absl::StrCat(folder_, "/", file), dtype,
                            {static_cast<int64_t>(values.size())}, values),
                IsOk());
  }

  void ChangeManifest(const auto& change) const {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(DatasetManifest manifest,
                                  ReadManifest(folder_));
    change(manifest);
    ASSERT_THAT(WriteManifest(folder_, manifest), IsOk());
  }

  auto Load() const { return Dataset::Load(folder_); }
  auto LoadUnverified() const {
    return Dataset::Load(folder_, {.verify = false});
  }

  std::string folder_;
  DatasetContents contents_;
};

TEST_F(DatasetArrays, FeaturesKeepTheirTypeAndBytes) {
  for (const ElementType type :
       {ElementType::kFloat16, ElementType::kBFloat16, ElementType::kInt8,
        ElementType::kUint8, ElementType::kInt64}) {
    SCOPED_TRACE(std::string(ElementTypeName(type)));
    std::vector<uint8_t> bytes(3 * 2 * ElementBytes(type));
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<uint8_t>(200 + 7 * i);
    }
    contents_.nodes[0].other_features = {
        .element_type = type, .columns = 2, .bytes = bytes};
    Write();
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Load());
    const RowStore& features = *dataset->node_types()[0].features;
    EXPECT_EQ(features.table.element_type, type);
    EXPECT_EQ(features.table.columns, 2);
    EXPECT_THAT(features.scale, IsEmpty());
    std::vector<uint8_t> rows(bytes.size());
    ASSERT_THAT(features.Gather({0, 1, 2}, absl::MakeSpan(rows)), IsOk());
    EXPECT_EQ(rows, bytes);
  }
}

TEST_F(DatasetArrays, ScaleIsOneForEachColumnOrOne) {
  contents_.nodes[0].other_features = {.element_type = ElementType::kInt8,
                                       .columns = 2,
                                       .bytes = {1, 2, 3, 4, 5, 6},
                                       .scale = {0.5F, 0.25F}};
  Write();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto each, Load());
  EXPECT_THAT(each->node_types()[0].features->scale, ElementsAre(0.5F, 0.25F));
  WriteArray<float>("n.scale.npy", "f4", {4});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto one, Load());
  EXPECT_THAT(one->node_types()[0].features->scale, ElementsAre(4));
  WriteArray<float>("n.scale.npy", "f4", {1, 2, 3});
  EXPECT_THAT(Load(), StatusIs(kBad, AllOf(HasSubstr("n.scale.npy"),
                                           HasSubstr("3 entries for 2"))));
  WriteArray<float>("n.scale.npy", "f4", {});
  EXPECT_THAT(Load(), StatusIs(kBad, HasSubstr("0 entries for 2")));
  WriteArray<double>("n.scale.npy", "f8", {1, 2});
  EXPECT_THAT(Load(), StatusIs(kBad, HasSubstr("n.scale.npy")));
}

TEST_F(DatasetArrays, ScaleIsForBytesAlone) {
  contents_.nodes[0].other_features = {.element_type = ElementType::kFloat16,
                                       .columns = 1,
                                       .bytes = std::vector<uint8_t>(6),
                                       .scale = {0.5F}};
  Write();
  EXPECT_THAT(Load(), StatusIs(kBad, AllOf(HasSubstr("n.features.npy"),
                                           HasSubstr("is float16; \"scale\" is "
                                                     "for int8 and uint8"))));
}

TEST_F(DatasetArrays, TwoByteNumbersAreFeaturesOnceTheirTypeIsSaid) {
  contents_.nodes[0].other_features = {.element_type = ElementType::kBFloat16,
                                       .columns = 1,
                                       .bytes = std::vector<uint8_t>(6)};
  Write();
  EXPECT_THAT(Load(), IsOk());
  ChangeManifest([](DatasetManifest& manifest) {
    manifest.node_types[0].features->element_type.reset();
  });
  EXPECT_THAT(Load(), StatusIs(kBad, AllOf(HasSubstr("n.features.npy"),
                                           HasSubstr("bfloat16"))));
  ChangeManifest([](DatasetManifest& manifest) {
    manifest.node_types[0].features->element_type = ElementType::kFloat32;
  });
  EXPECT_THAT(Load(), StatusIs(kBad, HasSubstr("n.features.npy")));
}

TEST_F(DatasetArrays, CachedRowsMustBeLikeTheOthers) {
  contents_.nodes[0].feature_dim = 2;
  contents_.nodes[0].features = {0, 1, 2, 3, 4, 5};
  Write();
  ChangeManifest([](DatasetManifest& manifest) {
    manifest.node_types[0].features->cached = "cached.npy";
    manifest.node_types[0].features->cached_ids = "cached_ids.npy";
  });
  const auto write = [this](const std::vector<int64_t>& shape,
                            const std::vector<float>& values) {
    ASSERT_THAT(WriteNpy<float>(folder_ + "/cached.npy", "f4", shape, values),
                IsOk());
  };
  WriteArray<int64_t>("cached_ids.npy", "i8", {50, 70});
  write({2, 2}, {6, 7, 8, 9});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Load());
  std::vector<float> rows(4);
  ASSERT_THAT(
      dataset->node_types()[0].features->Gather(
          {70, 1}, absl::MakeSpan(reinterpret_cast<uint8_t*>(rows.data()), 16)),
      IsOk());
  EXPECT_THAT(rows, ElementsAre(8, 9, 2, 3));
  write({2, 1}, {6, 7});
  EXPECT_THAT(Load(), StatusIs(kBad, HasSubstr("cached.npy")));
  write({3, 2}, {6, 7, 8, 9, 10, 11});
  EXPECT_THAT(Load(), StatusIs(kBad, AllOf(HasSubstr("cached_ids.npy"),
                                           HasSubstr("2 entries for 3"))));
}

TEST_F(DatasetArrays, EdgeFeaturesAreFoundByTheIdsOfEdges) {
  contents_.edges[0].ids = {700, int64_t{1} << 40, 20};
  contents_.edges[0].features = {.columns = 1, .values = {7, 40, 2}};
  Write();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Load());
  const EdgeType& edges = dataset->edge_types()[0];
  EXPECT_THAT(Values(edges.out->edge_ids),
              ElementsAre(700, int64_t{1} << 40, 20));
  std::vector<float> rows(3);
  const auto out = absl::MakeSpan(reinterpret_cast<uint8_t*>(rows.data()), 12);
  ASSERT_THAT(edges.features->Gather({20, 700, int64_t{1} << 40}, out), IsOk());
  EXPECT_THAT(rows, ElementsAre(2, 7, 40));
  EXPECT_THAT(edges.features->Gather({0, 1, 2}, out),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DatasetArrays, EdgesMayBeListedByDestinationOnly) {
  contents_.edges[0].by_src = false;
  contents_.edges[0].by_dst = true;
  contents_.edges[0].features = {.columns = 1, .values = {1, 2, 20}};
  Write();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Load());
  const EdgeType& edges = dataset->edge_types()[0];
  EXPECT_FALSE(dataset->Has(EdgeDir::kOut));
  EXPECT_TRUE(dataset->Has(EdgeDir::kIn));
  EXPECT_FALSE(edges.out.has_value());
  ASSERT_TRUE(edges.in.has_value());
  EXPECT_EQ(edges.num_edges(), 3);
  EXPECT_THAT(Values(edges.in->indptr), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Values(edges.in->indices), ElementsAre(2, 0, 0));
  // Ids are those of the order by source, whichever way edges are listed.
  EXPECT_THAT(Values(edges.in->edge_ids), ElementsAre(2, 0, 1));
  EXPECT_EQ(edges.features->table.rows, 3);
}

TEST_F(DatasetArrays, WeightsMustBeFiniteAndNotNegative) {
  contents_.edges[0].weights = {0, 0.5F, 2};
  Write();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Load());
  EXPECT_THAT(dataset->edge_types()[0].out->weights, ElementsAre(0, 0.5F, 2));
  for (const float bad : {-0.5F, std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    WriteArray<float>("n__to__n.weights.npy", "f4", {1, bad, 1});
    EXPECT_THAT(Load(), StatusIs(kBad, AllOf(HasSubstr("n__to__n.weights.npy"),
                                             HasSubstr("[1] is "))))
        << bad;
    EXPECT_THAT(LoadUnverified(), IsOk()) << bad;
  }
  WriteArray<float>("n__to__n.weights.npy", "f4", {1, 1});
  EXPECT_THAT(Load(), StatusIs(kBad, HasSubstr("2 entries for 3 edges")));
}

TEST_F(DatasetArrays, TimestampsAreOneForEach) {
  contents_.edges[0].timestamps = {5, -3, INT64_MAX};
  contents_.nodes[0].timestamps = {INT64_MIN, 0, 9};
  Write();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Load());
  EXPECT_THAT(dataset->edge_types()[0].out->timestamps,
              ElementsAre(5, -3, INT64_MAX));
  EXPECT_THAT(dataset->node_types()[0].timestamps,
              ElementsAre(INT64_MIN, 0, 9));
  WriteArray<int64_t>("n__to__n.timestamps.npy", "i8", {1, 2, 3, 4});
  EXPECT_THAT(Load(),
              StatusIs(kBad, AllOf(HasSubstr("n__to__n.timestamps.npy"),
                                   HasSubstr("4 entries for 3 edges"))));
  WriteArray<int64_t>("n__to__n.timestamps.npy", "i8", {1, 2, 3});
  WriteArray<int64_t>("n.timestamps.npy", "i8", {1, 2});
  EXPECT_THAT(Load(),
              StatusIs(kBad, AllOf(HasSubstr("n.timestamps.npy"),
                                   HasSubstr("2 entries for 3 nodes"))));
  WriteArray<double>("n.timestamps.npy", "f8", {1, 2, 3});
  EXPECT_THAT(Load(), StatusIs(kBad, HasSubstr("n.timestamps.npy")));
}

TEST_F(DatasetArrays, TopologyIsOf32Or64Bits) {
  Write();
  const auto expect_loads = [this](bool is_narrow) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Load());
    const Topology& out = *dataset->edge_types()[0].out;
    EXPECT_EQ(out.indices.is_narrow(), is_narrow);
    EXPECT_THAT(Values(out.indptr), ElementsAre(0, 2, 2, 3));
    EXPECT_THAT(Values(out.indices), ElementsAre(1, 2, 0));
  };
  expect_loads(true);
  WriteArray<int32_t>(kIndptr, "i4", {0, 2, 2, 3});
  WriteArray<int32_t>(kIndices, "i4", {1, 2, 0});
  expect_loads(true);
  WriteArray<uint32_t>(kIndices, "u4", {1, 2, 0});
  expect_loads(true);
  WriteArray<int64_t>(kIndptr, "i8", {0, 2, 2, 3});
  expect_loads(true);
  WriteArray<int64_t>(kIndices, "i8", {1, 2, 0});
  expect_loads(false);
  WriteArray<int16_t>(kIndices, "i2", {1, 2, 0});
  EXPECT_THAT(Load(), StatusIs(kBad, HasSubstr(kIndices)));
}

// As a 32-bit number without a sign it would be another's.
TEST_F(DatasetArrays, NegativeIdOf32BitsIsRefused) {
  Write();
  WriteArray<int32_t>(kIndices, "i4", {1, -2, 0});
  EXPECT_THAT(Load(), StatusIs(kBad, AllOf(HasSubstr(kIndices),
                                           HasSubstr("[1] is -2"))));
  WriteArray<int32_t>(kIndices, "i4", {1, 2, 0});
  WriteArray<int32_t>("edge_ids.npy", "i4", {1, 2, -3});
  ChangeManifest([](DatasetManifest& manifest) {
    manifest.edge_types[0].out->edge_ids = "edge_ids.npy";
  });
  EXPECT_THAT(Load(), StatusIs(kBad, AllOf(HasSubstr("edge_ids.npy"),
                                           HasSubstr("[2] is -3"))));
}

TEST_F(DatasetArrays, EdgeIdsLeaveRoomForOneMore) {
  Write();
  const auto first_edge_id = [this](int64_t first) {
    ChangeManifest([first](DatasetManifest& manifest) {
      manifest.edge_types[0].out->first_edge_id = first;
    });
  };
  first_edge_id(INT64_MAX - 3);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Load());
  EXPECT_EQ(dataset->edge_types()[0].out->EdgeId(2), INT64_MAX - 1);
  first_edge_id(INT64_MAX - 2);
  EXPECT_THAT(Load(), StatusIs(kBad, AllOf(HasSubstr(kIndptr),
                                           HasSubstr("first_edge_id"))));
  EXPECT_THAT(LoadUnverified(), StatusIs(kBad));
  contents_.edges[0].ids = {1, 2, 3};
  Write();
  WriteArray<int64_t>("n__to__n.edge_ids.npy", "i8", {1, INT64_MAX, 3});
  EXPECT_THAT(Load(), StatusIs(kBad, AllOf(HasSubstr("n__to__n.edge_ids.npy"),
                                           HasSubstr("[1] is "))));
}

TEST_F(DatasetArrays, IdsThatAreSparseArePlacesOfNodesAndEdges) {
  contents_.nodes[0].ids = {4, 90, int64_t{1} << 40};
  contents_.nodes[0].train = {{90}};
  contents_.edges[0].edges = {{90, 4}, {4, int64_t{1} << 40}};
  Write();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Load());
  EXPECT_EQ(dataset->node_types()[0].id_end(), (int64_t{1} << 40) + 1);
  EXPECT_THAT(Values(dataset->edge_types()[0].out->indptr),
              ElementsAre(0, 1, 2, 2));
  WriteArray<int64_t>(kIndices, "i8", {4, 5});
  EXPECT_THAT(Load(), StatusIs(kBad, AllOf(HasSubstr("[1] is 5"),
                                           HasSubstr("not all of them"))));
  WriteArray<int64_t>(kIndices, "i8", {4, 90});
  WriteArray<int64_t>("n.train.npy", "i8", {90, 91});
  EXPECT_THAT(Load(), StatusIs(kBad, AllOf(HasSubstr("n.train.npy"),
                                           HasSubstr("[1] is 91"))));
}

TEST_F(DatasetArrays, WhatTakesReadingAllIsCheckedOnlyWhereThatIsWanted) {
  contents_.edges[0].ids = {4, 5, 6};
  Write();
  const std::pair<const char*, std::vector<int64_t>> bad[] = {
      {kIndices, {1, 3, 0}},
      {kIndices, {1, -1, 0}},
      {kIndptr, {0, 2, 1, 3}},
      {"n__to__n.edge_ids.npy", {4, -5, 6}}};
  for (const auto& [file, values] : bad) {
    Write();
    WriteArray<int64_t>(file, "i8", values);
    EXPECT_THAT(Load(), StatusIs(kBad, HasSubstr(file)));
    EXPECT_THAT(LoadUnverified(), IsOk()) << file;
  }
  // What takes no reading is checked anyway.
  Write();
  WriteArray<int64_t>(kIndptr, "i8", {0, 2, 2, 4});
  EXPECT_THAT(LoadUnverified(), StatusIs(kBad, HasSubstr(kIndptr)));
}

}  // namespace
}  // namespace fairlead
