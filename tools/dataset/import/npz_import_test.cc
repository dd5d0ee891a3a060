#include "tools/dataset/import/npz_import.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/npy.h"
#include "libs/graph/table.h"
#include "libs/python_files/test_files.h"
#include "libs/status/status_matchers.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/check/check_dataset.h"
#include "tools/dataset/check/findings.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::Le;
using ::fairlead::testing::MakeNpy;
using ::fairlead::testing::MakeZip;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::TestParamInfo;

std::string NewFolder(const std::string& name) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/", name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(
      std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string Longs(const std::vector<int64_t>& values) {
  std::string bytes;
  for (const int64_t value : values) {
    bytes += Le(static_cast<uint64_t>(value), 8);
  }
  return bytes;
}

using Edge = std::tuple<int64_t, int64_t, int64_t>;  // id, src, dst

std::vector<Edge> EdgesOf(const Dataset& dataset) {
  const GraphArrays graph = ArraysOf(dataset);
  std::vector<Edge> result;
  const EdgeArrays& edges = graph.edges[0];
  for (size_t i = 0; i < edges.src.size(); ++i) {
    result.emplace_back(edges.ids[i], edges.src[i], edges.dst[i]);
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::unique_ptr<const Dataset> Import(const NpzImportOptions& options) {
  const std::string out = NewFolder("npz_out");
  const absl::Status status = ImportNpz(options, out);
  EXPECT_THAT(status, IsOk());
  if (!status.ok()) return nullptr;
  const Findings findings = CheckDataset(out);
  EXPECT_EQ(findings.errors(), 0) << findings.Text();
  auto dataset = Dataset::Load(out);
  EXPECT_THAT(dataset, IsOk());
  return dataset.ok() ? *std::move(dataset) : nullptr;
}

float FirstFeature(const std::optional<RowStore>& store, int64_t id) {
  float value = 0;
  std::memcpy(&value, store->Find(id), sizeof(value));
  return value;
}

TEST(NpzImport, ReadsAnNpzFile) {
  const std::string path = absl::StrCat(NewFolder("npz_in"), "/g.npz");
  WriteFile(
      path,
      MakeZip(
          {.members = {
               {"edge_index.npy",
                MakeNpy("<i8", "(2, 3)", Longs({2, 0, 1, 0, 1, 2}))},
               {"num_nodes_list.npy", MakeNpy("<i8", "(1,)", Longs({4}))},
               {"num_edges_list.npy", MakeNpy("<i8", "(1,)", Longs({3}))},
               {"node_feat.npy", MakeNpy("<i8", "(4, 1)", Longs({3, 4, 5, 6}))},
               {"edge_feat.npy",
                MakeNpy("<i2", "(3, 1)", Le(7, 2) + Le(8, 2) + Le(9, 2))},
               {"node_label.npy",
                MakeNpy("<i8", "(4, 1)", Longs({0, 1, 2, 0}))},
               {"train_idx.npy", MakeNpy("<i8", "(2,)", Longs({3, 0}))},
               {"valid_idx.npy", MakeNpy("<i8", "(1,)", Longs({1}))},
               {"test_idx.npy", MakeNpy("<i8", "(1,)", Longs({2}))}}}));
  const auto dataset = Import({.in = path, .name = "g", .split = ""});
  EXPECT_THAT(EdgesOf(*dataset),
              ElementsAre(Edge(0, 2, 0), Edge(1, 0, 1), Edge(2, 1, 2)));
  const NodeType& nodes = dataset->node_types()[0];
  EXPECT_EQ(nodes.num_nodes, 4);
  EXPECT_EQ(nodes.num_classes, 3);
  EXPECT_THAT(*nodes.train, ElementsAre(3, 0));
  EXPECT_THAT(*nodes.val, ElementsAre(1));
  EXPECT_THAT(*nodes.test, ElementsAre(2));
  int64_t feature = 0;
  std::memcpy(&feature, nodes.features->Find(3), sizeof(feature));
  EXPECT_EQ(feature, 6);
  std::memcpy(&feature, dataset->edge_types()[0].features->Find(1),
              sizeof(feature));
  EXPECT_EQ(feature, 8);
}

// As ogbn-arxiv comes: raw/ and split/time/, text, no headers.
TEST(NpzImport, ReadsTheRawFolderOfOgb) {
  const std::string in = NewFolder("ogb");
  WriteFile(in + "/raw/edge.csv", "0,1\n2,1\n");
  WriteFile(in + "/raw/num-node-list.csv", "3\n");
  WriteFile(in + "/raw/num-edge-list.csv", "2\n");
  WriteFile(in + "/raw/node-feat.csv", "0.5,1\n1.5,1\n2.5,1\n");
  WriteFile(in + "/raw/node-label.csv", "4\nnan\n0\n");
  WriteFile(in + "/raw/node_year.csv", "2013\n2015\n2014\n");
  WriteFile(in + "/split/time/train.csv", "0\n2\n");
  WriteFile(in + "/split/time/valid.csv", "1\n");
  const auto dataset =
      Import({.in = in,
              .name = "arxiv",
              .split = "",
              .edge_options = {.undirected = true, .out = true, .in = true}});
  EXPECT_THAT(EdgesOf(*dataset), ElementsAre(Edge(0, 0, 1), Edge(1, 2, 1),
                                             Edge(2, 1, 0), Edge(3, 1, 2)));
  const NodeType& nodes = dataset->node_types()[0];
  EXPECT_EQ(FirstFeature(nodes.features, 2), 2.5);
  EXPECT_THAT(*ArraysOf(*dataset).nodes[0].labels, ElementsAre(4, -1, 0));
  EXPECT_THAT(nodes.timestamps, ElementsAre(2013, 2015, 2014));
  EXPECT_THAT(*nodes.train, ElementsAre(0, 2));
  EXPECT_TRUE(dataset->Has(EdgeDir::kIn));
}

TEST(NpzImport, ReadsAFolderOfNpy) {
  const std::string in = NewFolder("npy_in");
  WriteFile(
      in + "/edge_index.npy",
      MakeNpy("<i4", "(3, 2)",
              Le(0, 4) + Le(1, 4) + Le(1, 4) + Le(2, 4) + Le(2, 4) + Le(0, 4)));
  ASSERT_THAT(WriteNpy<double>(in + "/edge_weight.npy", "f8", {3}, {1, 2, 3}),
              IsOk());
  WriteFile(in + "/edge_time.npy", MakeNpy("<i8", "(3,)", Longs({7, 8, 9})));
  const auto dataset = Import({.in = in, .name = "g", .split = ""});
  EXPECT_THAT(EdgesOf(*dataset),
              ElementsAre(Edge(0, 0, 1), Edge(1, 1, 2), Edge(2, 2, 0)));
  EXPECT_THAT(dataset->edge_types()[0].out->weights, ElementsAre(1, 2, 3));
  EXPECT_THAT(dataset->edge_types()[0].out->timestamps, ElementsAre(7, 8, 9));
}

struct BadNpz {
  const char* name;
  std::function<void(const std::string& folder)> change;
  const char* says;
  const char* too;
};

std::ostream& operator<<(std::ostream& out, const BadNpz& bad) {
  return out << bad.name;
}

class BadNpzImport : public ::testing::TestWithParam<BadNpz> {};

TEST_P(BadNpzImport, IsRefused) {
  const std::string in = NewFolder("bad_npz");
  WriteFile(in + "/edge_index.npy",
            MakeNpy("<i8", "(2, 2)", Longs({0, 1, 1, 2})));
  WriteFile(in + "/num_nodes.npy", MakeNpy("<i8", "()", Longs({3})));
  GetParam().change(in);
  const absl::Status status =
      ImportNpz({.in = in, .name = "g", .split = ""}, NewFolder("bad_npz_out"));
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(GetParam().says), HasSubstr(GetParam().too)));
}

std::function<void(const std::string&)> Npy(std::string file, std::string dtype,
                                            std::string shape,
                                            std::string bytes) {
  return [=](const std::string& folder) {
    WriteFile(absl::StrCat(folder, "/", file), MakeNpy(dtype, shape, bytes));
  };
}

std::function<void(const std::string&)> Csv(std::string file,
                                            std::string text) {
  return [=](const std::string& folder) {
    WriteFile(absl::StrCat(folder, "/", file), text);
  };
}

INSTANTIATE_TEST_SUITE_P(
    All, BadNpzImport,
    ::testing::Values(
        BadNpz{"no_folder",
               [](const std::string& folder) {
                 std::filesystem::remove_all(folder);
               },
               "bad_npz: no such file", ""},
        BadNpz{"no_edges",
               [](const std::string& folder) {
                 std::filesystem::remove(folder + "/edge_index.npy");
               },
               "has no edge_index; it has num_nodes", "--from=csv"},
        BadNpz{"edges_of_three", Npy("edge_index.npy", "<i8", "(3, 1)",
                                     Longs({0, 1, 2})),
               "edge_index.npy: is of shape (3, 1)", "[2, edges]"},
        BadNpz{"edges_flat", Npy("edge_index.npy", "<i8", "(4,)",
                                 Longs({0, 1, 2, 0})),
               "edge_index.npy: is of shape (4)", ""},
        BadNpz{"edge_beyond", Npy("edge_index.npy", "<i8", "(2, 2)",
                                  Longs({0, 1, 1, 3})),
               "edge_index.npy: edge 1 leads from 1 to 3", "3 nodes"},
        BadNpz{"edge_negative", Npy("edge_index.npy", "<i8", "(2, 2)",
                                    Longs({0, -1, 1, 2})),
               "edge_index.npy: edge 1 leads from -1", "0 or more"},
        BadNpz{"edge_of_floats", Npy("edge_index.npy", "<f4", "(2, 1)",
                                     Le(0x3FC00000, 4) + Le(0, 4)),
               "edge_index.npy: row 0", "is 1.5, which is no integer"},
        BadNpz{"edges_twice", Csv("edge.csv", "0,1\n"), "edge_index.npy has",
               "which of them"},
        BadNpz{"many_graphs", Npy("num_nodes.npy", "<i8", "(2,)",
                                  Longs({1, 2})),
               "num_nodes.npy: has the sizes of 2 graphs", ""},
        BadNpz{"negative_nodes", Npy("num_nodes.npy", "<i8", "(1,)",
                                     Longs({-1})),
               "num_nodes.npy: is -1", "no number of nodes"},
        BadNpz{"truncated", Npy("node_feat.npy", "<f4", "(3, 2)", Longs({1})),
               "node_feat.npy", "truncated"},
        BadNpz{"fewer_features", Csv("node-feat.csv", "1,2\n3,4\n"),
               "node-feat.csv: has 2 rows for the 3 nodes", ""},
        BadNpz{"features_of_three", Npy("node_feat.npy", "|u1", "(3, 1, 1)",
                                        "abc"),
               "node_feat.npy: has 3 dimensions", ""},
        BadNpz{"features_of_uint64", Npy("node_feat.npy", "<u8", "(3, 1)",
                                         Longs({1, 2, 3})),
               "node_feat.npy: features of uint64", ""},
        BadNpz{"fewer_edge_features", Csv("edge-feat.csv", "1,2\n"),
               "edge-feat.csv: has 1 rows for the 2 edges", ""},
        BadNpz{"fewer_weights", Csv("edge_weight.csv", "1\n"),
               "edge_weight.csv: is of shape (1) for 2 edges", ""},
        BadNpz{"weight_negative", Csv("edge_weight.csv", "1\n-1\n"),
               "edge_weight.csv: row 1: is -1", "weights are 0 or more"},
        BadNpz{"label_real", Csv("node-label.csv", "0\n1\n0.5\n"),
               "node-label.csv: row 2: is 0.5", "no integer"},
        BadNpz{"split_beyond", Csv("split/a/train.csv", "0\n3\n"),
               "train.csv: row 1: is 3, which is no node", ""},
        BadNpz{"two_splits",
               [](const std::string& folder) {
                 WriteFile(folder + "/split/a/train.csv", "0\n");
                 WriteFile(folder + "/split/b/train.csv", "0\n");
               },
               "--split=", "has a, b; name one"},
        BadNpz{"bad_npz", Csv("data.npz", "PK"), "data.npz", ""}),
    [](const TestParamInfo<BadNpz>& info) {
      return std::string(info.param.name);
    });

}  // namespace
}  // namespace fairlead
