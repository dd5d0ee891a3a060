#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/element_type.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/arrays/graph_writer.h"
#include "tools/dataset/check/check_dataset.h"
#include "tools/dataset/check/findings.h"
#include "tools/dataset/export/export_dataset.h"
#include "tools/dataset/export/export_files.h"
#include "tools/dataset/export/to_float.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::TestParamInfo;

std::string NewFolder(const std::string& name) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/", name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

// The bytes of all files by name.
std::map<std::string, std::string> FilesOf(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path().filename().string()] =
        std::string((std::istreambuf_iterator<char>(file)),
                    std::istreambuf_iterator<char>());
  }
  return files;
}

std::optional<std::vector<int64_t>> SomeNumbers(size_t size,
                                                RandomStream* random) {
  if (random->Below(2) == 0) return std::nullopt;
  std::vector<int64_t> values;
  for (size_t i = 0; i < size; ++i) {
    values.push_back(static_cast<int64_t>(random->Below(1000)));
  }
  return values;
}

std::optional<FeatureArrays> SomeFeatures(const std::vector<int64_t>& ids,
                                          RandomStream* random,
                                          GraphArrays* graph) {
  if (random->Below(3) == 0) return std::nullopt;
  constexpr ElementType kTypes[] = {
      ElementType::kFloat32, ElementType::kFloat16, ElementType::kBFloat16,
      ElementType::kInt8,    ElementType::kUint8,   ElementType::kInt64};
  FeatureArrays features;
  features.element_type = kTypes[random->Below(std::size(kTypes))];
  features.columns = static_cast<int64_t>(1 + random->Below(4));
  const int64_t row_bytes =
      features.columns *
      static_cast<int64_t>(ElementBytes(features.element_type));
  std::vector<int64_t> some;
  const bool all = random->Below(2) == 0;
  for (const int64_t id : ids) {
    if (all || random->Below(2) == 0) some.push_back(id);
  }
  auto bytes = std::make_shared<std::vector<uint8_t>>();
  for (size_t i = 0; i < some.size() * static_cast<size_t>(row_bytes); ++i) {
    bytes->push_back(static_cast<uint8_t>(random->Below(100)));
  }
  features.owned = RowsOf(std::move(some), bytes->data(), row_bytes);
  graph->keep.push_back(bytes);
  if ((features.element_type == ElementType::kInt8 ||
       features.element_type == ElementType::kUint8) &&
      random->Below(2) == 0) {
    features.scale.assign(static_cast<size_t>(features.columns), 0.5F);
  }
  return features;
}

NodeArrays RandomNodes(const std::string& name, RandomStream* random,
                       GraphArrays* graph) {
  NodeArrays nodes;
  nodes.name = name;
  const uint64_t spread = random->Below(3) == 0 ? 1 : 1 + random->Below(1000);
  int64_t next = static_cast<int64_t>(random->Below(2) * random->Below(50));
  const uint64_t count = 1 + random->Below(30);
  for (uint64_t i = 0; i < count; ++i) {
    nodes.ids.push_back(next);
    next += 1 + static_cast<int64_t>(random->Below(spread));
  }
  nodes.features = SomeFeatures(nodes.ids, random, graph);
  nodes.label_columns = static_cast<int64_t>(1 + random->Below(2));
  nodes.labels_are_matrix = nodes.label_columns != 1;
  nodes.labels = SomeNumbers(
      nodes.ids.size() * static_cast<size_t>(nodes.label_columns), random);
  if (nodes.labels.has_value() && !nodes.labels_are_matrix) {
    nodes.num_classes = CountClasses(*nodes.labels);
  }
  nodes.timestamps = SomeNumbers(nodes.ids.size(), random);
  for (auto* split : {&nodes.train, &nodes.val, &nodes.test}) {
    if (random->Below(2) == 0) continue;
    split->emplace();
    for (const int64_t id : nodes.ids) {
      if (random->Below(3) == 0) (*split)->push_back(id);
    }
  }
  return nodes;
}

EdgeArrays RandomEdges(const NodeArrays& src, const NodeArrays& dst,
                       const std::string& relation, RandomStream* random,
                       GraphArrays* graph) {
  EdgeArrays edges;
  edges.name = {src.name, relation, dst.name};
  const uint64_t count = random->Below(80);
  int64_t next = 0;
  const uint64_t spread = 1 + random->Below(2) * random->Below(5);
  for (uint64_t i = 0; i < count; ++i) {
    edges.src.push_back(src.ids[random->Below(src.ids.size())]);
    edges.dst.push_back(dst.ids[random->Below(dst.ids.size())]);
    edges.ids.push_back(next);
    next += 1 + static_cast<int64_t>(random->Below(spread));
  }
  if (random->Below(2) == 0) {
    edges.weights.emplace();
    for (uint64_t i = 0; i < count; ++i) {
      edges.weights->push_back(static_cast<float>(random->Below(100)) / 7);
    }
  }
  edges.timestamps = SomeNumbers(count, random);
  edges.features = SomeFeatures(edges.ids, random, graph);
  edges.out = random->Below(3) > 0;
  edges.in = !edges.out || random->Below(2) == 0;
  return edges;
}

GraphArrays RandomGraph(uint64_t number) {
  RandomStream random(44, number, 0);
  GraphArrays graph;
  graph.name = absl::StrCat("graph ", number);
  graph.nodes.push_back(RandomNodes("a__b", &random, &graph));
  graph.nodes.push_back(RandomNodes("paper", &random, &graph));
  const NodeArrays& a = graph.nodes[0];
  const NodeArrays& b = graph.nodes[1];
  graph.edges.push_back(RandomEdges(a, b, "to", &random, &graph));
  graph.edges.push_back(RandomEdges(b, b, "cites", &random, &graph));
  return graph;
}

TEST(Export, ImportedAgainIsTheSameDatasetByteForByte) {
  for (uint64_t number = 0; number < 100; ++number) {
    SCOPED_TRACE(number);
    const std::string dataset = NewFolder("dataset");
    ASSERT_THAT(WriteGraph(dataset, RandomGraph(number)), IsOk());
    const Findings findings = CheckDataset(dataset);
    ASSERT_EQ(findings.errors(), 0) << findings.Text();
    const std::string exported = NewFolder("exported");
    ASSERT_THAT(ExportDataset(dataset, std::nullopt, {}, exported), IsOk());
    ASSERT_TRUE(IsExport(exported));
    EXPECT_FALSE(IsExport(dataset));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const GraphArrays read, ReadExport(exported));
    const std::string again = NewFolder("again");
    ASSERT_THAT(WriteGraph(again, read), IsOk());
    const auto before = FilesOf(dataset);
    const auto after = FilesOf(again);
    ASSERT_EQ(before.size(), after.size());
    for (const auto& [name, bytes] : before) {
      ASSERT_EQ(after.count(name), 1) << name;
      EXPECT_EQ(after.at(name), bytes) << name;
    }
  }
}

TEST(Export, NamesFilesByTheirTypes) {
  const std::string dataset = NewFolder("dataset");
  GraphArrays graph;
  graph.name = "g";
  graph.nodes.push_back({.name = "a__b", .ids = {0, 1}});
  graph.edges.push_back({.name = {"a__b", "to", "a__b"},
                         .src = {1, 0},
                         .dst = {0, 1},
                         .ids = {0, 1}});
  ASSERT_THAT(WriteGraph(dataset, graph), IsOk());
  const std::string exported = NewFolder("exported");
  ASSERT_THAT(ExportDataset(dataset, std::nullopt, {}, exported), IsOk());
  std::set<std::string> names;
  for (const auto& [name, bytes] : FilesOf(exported)) names.insert(name);
  EXPECT_THAT(names, ElementsAre("a%5F%5Fb__to__a%5F%5Fb.edge_ids.npy",
                                 "a%5F%5Fb__to__a%5F%5Fb.edge_index.npy",
                                 "export.json"));
}

TEST(Export, ValuesOfEveryTypeBecomeFloats) {
  const auto row = [](ElementType type, std::vector<uint8_t> bytes,
                      std::vector<float> scale, size_t columns) {
    std::vector<float> out(columns);
    RowToFloat(type, bytes.data(), scale, absl::MakeSpan(out));
    return out;
  };
  // 1, -2, the smallest subnormal, the largest, infinity.
  EXPECT_THAT(
      row(ElementType::kFloat16,
          {0x00, 0x3C, 0x00, 0xC0, 0x01, 0x00, 0xFF, 0x7B, 0x00, 0x7C}, {}, 5),
      ElementsAre(1, -2, std::ldexp(1.0F, -24), 65504, INFINITY));
  EXPECT_TRUE(std::isnan(row(ElementType::kFloat16, {0x01, 0x7C}, {}, 1)[0]));
  EXPECT_THAT(row(ElementType::kBFloat16, {0x80, 0x3F, 0x00, 0xC0}, {}, 2),
              ElementsAre(1, -2));
  EXPECT_THAT(row(ElementType::kInt8, {1, 0xFF}, {0.5, 3}, 2),
              ElementsAre(0.5, -3));
  EXPECT_THAT(row(ElementType::kUint8, {1, 0xFF}, {2}, 2), ElementsAre(2, 510));
  EXPECT_THAT(row(ElementType::kInt64,
                  {0xFE, 255, 255, 255, 255, 255, 255, 255}, {}, 1),
              ElementsAre(-2));
}

TEST(Export, QuantisedFeaturesAreFloatsIfAskedFor) {
  const std::string dataset = NewFolder("dataset");
  GraphArrays graph;
  graph.name = "g";
  graph.nodes.push_back({.name = "n", .ids = {0, 1}});
  const std::vector<uint8_t> bytes = {2, 4, 6, 8};
  FeatureArrays& features = graph.nodes[0].features.emplace();
  features.element_type = ElementType::kUint8;
  features.columns = 2;
  features.owned = RowsOf({0, 1}, bytes.data(), 2);
  features.scale = {0.5, 0.25};
  ASSERT_THAT(WriteGraph(dataset, graph), IsOk());
  const std::string exported = NewFolder("exported");
  ASSERT_THAT(ExportDataset(dataset, std::nullopt, {.float32 = true}, exported),
              IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const GraphArrays read, ReadExport(exported));
  const FeatureArrays& floats = *read.nodes[0].features;
  EXPECT_EQ(floats.element_type, ElementType::kFloat32);
  EXPECT_TRUE(floats.scale.empty());
  float row[2];
  std::memcpy(row, floats.owned.rows[1], sizeof(row));
  EXPECT_THAT(row, ElementsAre(3, 2));
}

TEST(Export, OfNoSuchPartitionIsRefused) {
  const std::string dataset = NewFolder("dataset");
  ASSERT_THAT(WriteGraph(dataset, RandomGraph(1)), IsOk());
  EXPECT_THAT(ExportDataset(dataset, 1, {}, NewFolder("exported")),
              StatusIs(absl::StatusCode::kOutOfRange));
}

struct BadExport {
  const char* name;
  const char* from;  // text in export.json ...
  const char* to;    // ... that becomes this
  const char* says;
};

std::ostream& operator<<(std::ostream& out, const BadExport& bad) {
  return out << bad.name;
}

class BadExportFile : public ::testing::TestWithParam<BadExport> {};

TEST_P(BadExportFile, IsRefused) {
  const std::string dataset = NewFolder("dataset");
  GraphArrays graph;
  graph.name = "g";
  graph.nodes.push_back({.name = "n", .ids = {0, 1}, .labels = {{1, 2}}});
  graph.edges.push_back(
      {.name = {"n", "to", "n"}, .src = {1}, .dst = {0}, .ids = {0}});
  ASSERT_THAT(WriteGraph(dataset, graph), IsOk());
  const std::string exported = NewFolder("exported");
  ASSERT_THAT(ExportDataset(dataset, std::nullopt, {}, exported), IsOk());
  std::string text = FilesOf(exported)["export.json"];
  const size_t at = text.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::strlen(GetParam().from), GetParam().to);
  std::ofstream(absl::StrCat(exported, "/export.json")) << text;
  const absl::Status status = ReadExport(exported).status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadExportFile,
    ::testing::Values(
        BadExport{"no_json", "{", "", "is no JSON object"},
        BadExport{"other_format", "export.v1", "export.v9",
                  "\"format\" is fairlead.export.v9"},
        BadExport{"no_name", "\"name\": \"n\"", "\"name\": \"\"",
                  "needs a text \"name\""},
        BadExport{"no_count", "num_nodes", "nodes",
                  "node_types[0]: needs a number \"num_nodes\""},
        BadExport{"negative_count", "\"num_nodes\": 2", "\"num_nodes\": -2",
                  "\"num_nodes\" must be a number"},
        BadExport{"huge_count", "\"num_nodes\": 2",
                  "\"num_nodes\": 4611686018427387904",
                  "\"num_nodes\" must be a number"},
        BadExport{"outside", "n.labels.npy", "../n.labels.npy",
                  "must lie within the folder"},
        BadExport{"missing", "n.labels.npy", "m.labels.npy", "m.labels.npy"},
        BadExport{"another_array", "n__to__n.edge_index.npy", "n.labels.npy",
                  "n.labels.npy"},
        BadExport{"no_types", "node_types", "types",
                  "needs a list \"node_types\""}),
    [](const TestParamInfo<BadExport>& info) {
      return std::string(info.param.name);
    });

}  // namespace
}  // namespace fairlead
