#include "tools/dataset/import/csv_import.h"

#include <algorithm>
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
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/check/check_dataset.h"
#include "tools/dataset/check/findings.h"
#include "tools/dataset/import/type_files.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::TestParamInfo;

const EdgeTypeName kEdges = {"node", "to", "node"};

std::string NewFolder(const std::string& name) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/", name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

std::string WriteText(const std::string& name, const std::string& text) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/", name);
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

// The dataset of these options, which must have no errors.
std::unique_ptr<const Dataset> Import(const CsvImportOptions& options) {
  const std::string out = NewFolder("csv_out");
  const absl::Status status = ImportCsv(options, out);
  EXPECT_THAT(status, IsOk());
  if (!status.ok()) return nullptr;
  const Findings findings = CheckDataset(out);
  EXPECT_EQ(findings.errors(), 0) << findings.Text();
  auto dataset = Dataset::Load(out);
  EXPECT_THAT(dataset, IsOk());
  return dataset.ok() ? *std::move(dataset) : nullptr;
}

using Edge = std::tuple<int64_t, int64_t, int64_t>;  // id, src, dst

std::vector<Edge> EdgesOf(const Dataset& dataset, size_t type = 0) {
  const GraphArrays graph = ArraysOf(dataset);
  std::vector<Edge> result;
  const EdgeArrays& edges = graph.edges[type];
  for (size_t i = 0; i < edges.src.size(); ++i) {
    result.emplace_back(edges.ids[i], edges.src[i], edges.dst[i]);
  }
  std::sort(result.begin(), result.end());
  return result;
}

TEST(CsvImport, RowsAreEdges) {
  const auto dataset =
      Import({.name = "g",
              .edges = {{kEdges, WriteText("e.txt", "2 0\n0 1\n0 4\n")}}});
  EXPECT_EQ(dataset->node_types()[0].num_nodes, 5);
  EXPECT_TRUE(dataset->node_types()[0].ids.is_range());
  EXPECT_THAT(EdgesOf(*dataset),
              ElementsAre(Edge(0, 2, 0), Edge(1, 0, 1), Edge(2, 0, 4)));
  EXPECT_TRUE(dataset->Has(EdgeDir::kOut));
  EXPECT_FALSE(dataset->Has(EdgeDir::kIn));
}

TEST(CsvImport, ColumnsAreFoundByTheirNames) {
  const auto dataset = Import(
      {.name = "g",
       .edges = {{kEdges, WriteText("e.csv",
                                    "Time,target,comment,source,Weight\n"
                                    "-7,1,hello,0,0.5\n9,0,x y,1,2\n")}}});
  EXPECT_THAT(EdgesOf(*dataset), ElementsAre(Edge(0, 0, 1), Edge(1, 1, 0)));
  const Topology& topology = *dataset->edge_types()[0].out;
  EXPECT_THAT(topology.weights, ElementsAre(0.5F, 2));
  EXPECT_THAT(topology.timestamps, ElementsAre(-7, 9));
}

TEST(CsvImport, ColumnsWithoutAHeaderAreSaid) {
  const auto dataset =
      Import({.name = "g",
              .edges = {{kEdges, WriteText("e.csv", "9;1;0;3\n8;0;1;4\n")}},
              .columns = {"-", "dst", "src", "timestamp"}});
  EXPECT_THAT(EdgesOf(*dataset), ElementsAre(Edge(0, 0, 1), Edge(1, 1, 0)));
  EXPECT_THAT(dataset->edge_types()[0].out->timestamps, ElementsAre(3, 4));
}

TEST(CsvImport, FilesOfATypeFollowEachOther) {
  const std::string first = WriteText("first.csv", "0,1\n1,2\n");
  const std::string second = WriteText("second.csv", "2,0\n");
  const auto dataset =
      Import({.name = "g", .edges = {{kEdges, first}, {kEdges, second}}});
  EXPECT_THAT(EdgesOf(*dataset),
              ElementsAre(Edge(0, 0, 1), Edge(1, 1, 2), Edge(2, 2, 0)));
}

TEST(CsvImport, UndirectedEdgesLeadBackUnderIdsOfTheirOwn) {
  const auto dataset =
      Import({.name = "g",
              .edges = {{kEdges, WriteText("e.csv",
                                           "src,dst,weight\n0,1,3\n1,1,4\n"
                                           "2,0,5\n")}},
              .edge_options = {.undirected = true, .in = true}});
  EXPECT_THAT(EdgesOf(*dataset),
              ElementsAre(Edge(0, 0, 1), Edge(1, 1, 1), Edge(2, 2, 0),
                          Edge(3, 1, 0), Edge(4, 0, 2)));
  EXPECT_THAT(dataset->edge_types()[0].out->weights,
              ElementsAre(3, 5, 3, 4, 5));
  EXPECT_TRUE(dataset->Has(EdgeDir::kIn));
}

TEST(CsvImport, UndirectedEdgesBetweenTypesAreATypeOfTheirOwn) {
  const auto dataset = Import(
      {.name = "g",
       .edges = {{{"user", "buys", "item"}, WriteText("e.csv", "0,1\n2,0\n")}},
       .edge_options = {.undirected = true}});
  ASSERT_EQ(dataset->edge_types().size(), 2);
  EXPECT_EQ(dataset->edge_types()[0].name.ToString(), "item__rev_buys__user");
  EXPECT_THAT(EdgesOf(*dataset, 0), ElementsAre(Edge(0, 1, 0), Edge(1, 0, 2)));
  EXPECT_THAT(EdgesOf(*dataset, 1), ElementsAre(Edge(0, 0, 1), Edge(1, 2, 0)));
}

TEST(CsvImport, SparseIdsStayWhatTheyAre) {
  const int64_t far = int64_t{1} << 40;
  CsvImportOptions options = {
      .name = "g",
      .edges = {{kEdges,
                 WriteText("e.csv", absl::StrCat("5,", far, "\n9,5\n"))}},
      .labels = {{"node", WriteText("l.csv", "id,label\n9,1\n77,2\n5,0\n")}},
      .train = {{"node", WriteText("t.csv", "77\n9\n")}},
      .sparse_ids = true};
  const auto dataset = Import(options);
  const NodeType& nodes = dataset->node_types()[0];
  EXPECT_THAT(nodes.ids.list(), ElementsAre(5, 9, 77, far));
  EXPECT_THAT(EdgesOf(*dataset), ElementsAre(Edge(0, 5, far), Edge(1, 9, 5)));
  EXPECT_THAT(*ArraysOf(*dataset).nodes[0].labels, ElementsAre(0, 1, 2, -1));
  EXPECT_EQ(nodes.num_classes, 3);
  EXPECT_THAT(*nodes.train, ElementsAre(77, 9));
}

TEST(CsvImport, NodesHaveWhatFilesSayOfThem) {
  const std::string npy = absl::StrCat(::testing::TempDir(), "/f.npy");
  ASSERT_THAT(WriteNpy<double>(npy, "f8", {3, 1}, {0.5, 1.5, 2.5}), IsOk());
  const auto dataset = Import(
      {.name = "g",
       .edges = {{kEdges, WriteText("e.csv", "0,1\n")}},
       .num_nodes = {{"node", 3}},
       .features = {{"node", npy},
                    {"tag", WriteText("f.csv", "id,a,b\n1,3,4\n0,1,nan\n")}},
       .labels = {{"node", WriteText("l.txt", "4\n-1\n0\n")}},
       .val = {{"node", WriteText("v.txt", "2\n")}}});
  const NodeType& nodes = dataset->node_types()[0];
  EXPECT_EQ(nodes.num_nodes, 3);
  EXPECT_EQ(nodes.num_classes, 5);
  float value = 0;
  std::memcpy(&value, nodes.features->Find(2), sizeof(value));
  EXPECT_EQ(value, 2.5);
  const NodeType& tags = dataset->node_types()[1];
  EXPECT_EQ(tags.num_nodes, 2);
  std::memcpy(&value, tags.features->Find(1), sizeof(value));
  EXPECT_EQ(value, 3);
  EXPECT_THAT(*nodes.val, ElementsAre(2));
}

// Whatever the form of the file, and whether ids are kept: the same edges.
TEST(CsvImport, EdgesComeAsTheyWereWritten) {
  for (uint64_t round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    RandomStream random(77, round, 0);
    const bool sparse = random.Below(2) == 0;
    const char delimiter = ",;\t "[random.Below(4)];
    std::string text;
    std::vector<Edge> edges;
    if (random.Below(2) == 0) {
      text = absl::StrCat("src", std::string(1, delimiter), "dst\n");
    }
    const int64_t count = 1 + static_cast<int64_t>(random.Below(100));
    for (int64_t id = 0; id < count; ++id) {
      const uint64_t end = sparse ? uint64_t{1} << 50 : 40;
      const auto src = static_cast<int64_t>(random.Below(end));
      const auto dst =
          random.Below(4) == 0 ? src : static_cast<int64_t>(random.Below(end));
      edges.emplace_back(id, src, dst);
      absl::StrAppend(&text, src, std::string(1, delimiter), dst, "\n");
      if (random.Below(9) == 0) text += "# a comment\n";
    }
    EdgeOptions edge_options;
    edge_options.out = random.Below(2) == 0;
    edge_options.in = !edge_options.out || random.Below(2) == 0;
    const auto dataset = Import({.name = "g",
                                 .edges = {{kEdges, WriteText("r.csv", text)}},
                                 .sparse_ids = sparse,
                                 .edge_options = edge_options});
    EXPECT_EQ(EdgesOf(*dataset), edges);
  }
}

struct BadCsv {
  const char* name;
  std::function<void(CsvImportOptions*)> change;
  const char* says;
  const char* too;
};

std::ostream& operator<<(std::ostream& out, const BadCsv& bad) {
  return out << bad.name;
}

class BadCsvImport : public ::testing::TestWithParam<BadCsv> {};

TEST_P(BadCsvImport, IsRefused) {
  CsvImportOptions options = {
      .name = "g", .edges = {{kEdges, WriteText("good.csv", "0,1\n1,2\n")}}};
  GetParam().change(&options);
  const absl::Status status = ImportCsv(options, NewFolder("bad_csv"));
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(GetParam().says), HasSubstr(GetParam().too)));
}

std::function<void(CsvImportOptions*)> Text(std::string text) {
  return [=](CsvImportOptions* options) {
    options->edges[0].second = WriteText("bad.csv", text);
  };
}

INSTANTIATE_TEST_SUITE_P(
    All, BadCsvImport,
    ::testing::Values(
        BadCsv{"no_file",
               [](CsvImportOptions* options) {
                 options->edges[0].second = "/nowhere/e.csv";
               },
               "/nowhere/e.csv", ""},
        BadCsv{"no_edges",
               [](CsvImportOptions* options) { options->edges.clear(); },
               "--edges: must name a file", ""},
        BadCsv{"empty", Text(""), "bad.csv", ""},
        BadCsv{"negative", Text("0,1\n-1,2\n"), "bad.csv", "2"},
        BadCsv{"no_number", Text("0,1\n1,x\n"), "bad.csv", "2"},
        BadCsv{"fewer_fields", Text("0,1\n1\n"), "bad.csv", "2"},
        BadCsv{"three_columns", Text("0,1,2\n"), "bad.csv: has 3 columns",
               "--columns"},
        BadCsv{"one_column", Text("0\n1\n"), "bad.csv: has 1 columns",
               "--columns"},
        BadCsv{"header_without_src", Text("from,dst\n0,1\n"),
               "bad.csv: no column is src", "from, dst"},
        BadCsv{"header_with_two_src", Text("src,source,dst\n0,1,2\n"),
               "bad.csv: two columns are src", ""},
        BadCsv{"weight_negative", Text("src,dst,weight\n0,1,1\n0,1,-2\n"),
               "bad.csv: row 1", "the weight is -2"},
        BadCsv{"weight_nan", Text("src,dst,weight\n0,1,nan\n"),
               "bad.csv: row 0", "weights are 0 or more"},
        BadCsv{"weight_too_large", Text("src,dst,weight\n0,1,1e300\n"),
               "bad.csv: row 0", "weights are 0 or more"},
        BadCsv{"time_real", Text("src,dst,time\n0,1,1.5\n"), "bad.csv", "2"},
        BadCsv{"surely_sparse", Text("0,99999999999\n"),
               "its largest id is 99999999999", "--sparse_ids"},
        BadCsv{"unknown_column",
               [](CsvImportOptions* options) {
                 options->columns = {"src", "to"};
               },
               "--columns: \"to\"", "src, dst, weight"},
        BadCsv{"beyond_num_nodes",
               [](CsvImportOptions* options) {
                 options->num_nodes = {{"node", 2}};
               },
               "good.csv: row 1: dst is 2", "has 2 nodes"},
        BadCsv{"sparse_and_num_nodes",
               [](CsvImportOptions* options) {
                 options->num_nodes = {{"node", 2}};
                 options->sparse_ids = true;
               },
               "--num_nodes=node", "--sparse_ids"},
        BadCsv{"weights_in_one_file",
               [](CsvImportOptions* options) {
                 options->edges.push_back(
                     {kEdges, WriteText("w.csv", "src,dst,weight\n0,1,1\n")});
               },
               "w.csv: has weights", "unlike"},
        BadCsv{"fewer_features",
               [](CsvImportOptions* options) {
                 options->features = {{"node", WriteText("f.csv", "1\n2\n")}};
               },
               "f.csv: has 2 rows for the 3 nodes", ""},
        BadCsv{"features_of_no_node",
               [](CsvImportOptions* options) {
                 options->num_nodes = {{"node", 3}};
                 options->features = {
                     {"node", WriteText("f.csv", "id,x\n0,1\n3,1\n")}};
               },
               "f.csv: row 1: id 3 is no node", ""},
        BadCsv{"features_twice",
               [](CsvImportOptions* options) {
                 options->features = {
                     {"node", WriteText("f.csv", "id,x\n1,1\n1,1\n")}};
               },
               "f.csv: row 1: id 1 was in row 0", ""},
        BadCsv{"features_missing",
               [](CsvImportOptions* options) {
                 options->features = {
                     {"node", WriteText("f.csv", "id,x\n0,1\n2,1\n")}};
               },
               "f.csv: has no row for node 1", ""},
        BadCsv{
            "label_real",
            [](CsvImportOptions* options) {
              options->labels = {{"node", WriteText("l.csv", "0\n1.5\n1\n")}};
            },
            "l.csv", "2"},
        BadCsv{"split_beyond",
               [](CsvImportOptions* options) {
                 options->test = {{"node", WriteText("t.csv", "0\n7\n")}};
               },
               "t.csv: row 1: is 7, which is no node", ""},
        BadCsv{"another_ending",
               [](CsvImportOptions* options) {
                 options->labels = {{"node", WriteText("l.parquet", "0\n")}};
               },
               "l.parquet: must be .npy, or text", ""}),
    [](const TestParamInfo<BadCsv>& info) {
      return std::string(info.param.name);
    });

TEST(TypeFiles, AreOfTheOnlyTypeOrOfTheNamedOne) {
  EXPECT_THAT(ParseTypeFiles("labels", {"a.npy"}),
              IsOkAndHolds(ElementsAre(Pair("node", "a.npy"))));
  EXPECT_THAT(ParseTypeFiles("labels", {"x:a", "y:b:c"}),
              IsOkAndHolds(ElementsAre(Pair("x", "a"), Pair("y", "b:c"))));
  EXPECT_THAT(ParseTypeCounts("num_nodes", {"x:5", "7"}),
              IsOkAndHolds(ElementsAre(Pair("node", 7), Pair("x", 5))));
  for (const char* bad : {":a", "x:", ""}) {
    EXPECT_THAT(
        ParseTypeFiles("labels", {bad}),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--labels=")));
  }
  EXPECT_THAT(ParseTypeFiles("labels", {"x:a", "x:b"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("x is there twice")));
  EXPECT_THAT(ParseTypeCounts("num_nodes", {"x:-5"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("must be a number")));
}

}  // namespace
}  // namespace fairlead
