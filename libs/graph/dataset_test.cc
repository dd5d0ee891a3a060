#include "libs/graph/dataset.h"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_writer.h"
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
using ::testing::Not;
using ::testing::TestParamInfo;

namespace fs = std::filesystem;

// Papers cite papers; authors write papers.
DatasetContents Library() {
  DatasetContents contents;
  contents.name = "library";
  contents.nodes = {{.name = "paper",
                     .num_nodes = 4,
                     .feature_dim = 2,
                     .features = {0, 0.5F, 1, 1.5F, 2, 2.5F, 3, 3.5F},
                     .labels = {1, 0, 1, -1},
                     .num_classes = 2,
                     .train = {{2, 0}},
                     .val = {{1}},
                     .test = {std::vector<int64_t>{}}},
                    {}};
  contents.nodes[1].name = "author";
  contents.nodes[1].num_nodes = 2;
  contents.edges = {
      {{"paper", "cites", "paper"}, {{3, 0}, {0, 2}, {0, 1}, {0, 1}}},
      {{"author", "writes", "paper"}, {{1, 3}}}};
  return contents;
}

std::vector<int64_t> Values(const IdArray& array) {
  std::vector<int64_t> values;
  for (size_t i = 0; i < array.size(); ++i) values.push_back(array[i]);
  return values;
}

// An empty folder of this test's own.
std::string NewFolder() {
  const ::testing::TestInfo* test =
      ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/",
                   absl::StrReplaceAll(test->name(), {{"/", "_"}}));
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

std::string WriteLibrary() {
  const std::string folder = NewFolder();
  EXPECT_THAT(WriteDataset(folder, Library()), IsOk());
  return folder;
}

TEST(Dataset, HoldsWhatWasWritten) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<const Dataset> dataset,
                                Dataset::Load(WriteLibrary()));
  EXPECT_EQ(dataset->name(), "library");
  EXPECT_TRUE(dataset->is_heterogeneous());

  ASSERT_EQ(dataset->node_types().size(), 2);
  const NodeType& author = dataset->node_types()[0];  // by name
  EXPECT_EQ(author.name, "author");
  EXPECT_EQ(author.num_nodes, 2);
  EXPECT_FALSE(author.features.has_value());
  EXPECT_FALSE(author.labels.has_value());
  EXPECT_FALSE(author.train.has_value());
  const NodeType& paper = dataset->node_types()[1];
  EXPECT_EQ(paper.name, "paper");
  EXPECT_EQ(paper.num_nodes, 4);
  EXPECT_EQ(paper.num_classes, 2);
  ASSERT_TRUE(paper.features.has_value());
  EXPECT_EQ(paper.features->table.rows, 4);
  EXPECT_EQ(paper.features->table.columns, 2);
  EXPECT_EQ(paper.features->table.row_bytes(), 8);
  ASSERT_TRUE(paper.labels.has_value());
  EXPECT_EQ(paper.labels->table.columns, 1);
  EXPECT_EQ(paper.labels->table.row_bytes(), 8);
  ASSERT_TRUE(paper.train && paper.val && paper.test);
  EXPECT_THAT(*paper.train, ElementsAre(2, 0));  // in the order of the file
  EXPECT_THAT(*paper.val, ElementsAre(1));
  EXPECT_THAT(*paper.test, IsEmpty());

  ASSERT_EQ(dataset->edge_types().size(), 2);
  const EdgeType& writes = dataset->edge_types()[0];
  EXPECT_EQ(writes.name.ToString(), "author__writes__paper");
  EXPECT_EQ(writes.src_type, 0);
  EXPECT_EQ(writes.dst_type, 1);
  EXPECT_THAT(Values(writes.out->indptr), ElementsAre(0, 0, 1));
  EXPECT_THAT(Values(writes.out->indices), ElementsAre(3));
  const EdgeType& cites = dataset->edge_types()[1];
  EXPECT_EQ(cites.out->num_rows(), 4);
  EXPECT_EQ(cites.out->num_edges(), 4);
  EXPECT_THAT(Values(cites.out->indptr), ElementsAre(0, 3, 3, 3, 4));
  EXPECT_THAT(Values(cites.out->indices), ElementsAre(1, 1, 2, 0));
  EXPECT_THAT(Values(cites.out->edge_ids), IsEmpty());
}

TEST(Dataset, OneNodeAndOneEdgeTypeAreHomogeneous) {
  DatasetContents contents = Library();
  contents.nodes.pop_back();
  contents.edges.pop_back();
  const std::string folder = NewFolder();
  ASSERT_THAT(WriteDataset(folder, contents), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<const Dataset> dataset,
                                Dataset::Load(folder));
  EXPECT_FALSE(dataset->is_heterogeneous());
}

TEST(DatasetWriter, RefusesEdgesBetweenWhatIsNotThere) {
  const auto write = [](const DatasetContents::Edges& edges) {
    DatasetContents contents = Library();
    contents.edges = {edges};
    return WriteDataset(NewFolder(), contents);
  };
  const EdgeTypeName cites = {"paper", "cites", "paper"};
  EXPECT_THAT(write({cites, {{0, 4}}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("edge (0, 4) of type paper__cites__paper")));
  EXPECT_THAT(write({cites, {{-1, 0}}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(write({{"paper", "appears_in", "venue"}, {}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("node type venue")));
}

// What people get wrong, done to a good dataset.
struct Mistake {
  const char* name;
  std::function<void(const std::string& folder)> make;
  absl::StatusCode code;
  const char* where;  // the file or key that the message names
  const char* why;
};

std::ostream& operator<<(std::ostream& out, const Mistake& mistake) {
  return out << mistake.name;
}

auto Ids(const std::string& file, const std::vector<int64_t>& ids) {
  return [=](const std::string& folder) {
    ASSERT_THAT(WriteNpy<int64_t>(absl::StrCat(folder, "/", file), "i8",
                                  {static_cast<int64_t>(ids.size())}, ids),
                IsOk());
  };
}

auto Remove(const std::string& file) {
  return [=](const std::string& folder) {
    ASSERT_TRUE(fs::remove(absl::StrCat(folder, "/", file)));
  };
}

auto Truncate(const std::string& file) {
  return [=](const std::string& folder) {
    const std::string path = absl::StrCat(folder, "/", file);
    fs::resize_file(path, fs::file_size(path) - 4);
  };
}

// Writes `text` as dataset.json.
auto Json(const std::string& text) {
  return [=](const std::string& folder) {
    std::ofstream(absl::StrCat(folder, "/dataset.json")) << text;
  };
}

// Replaces part of dataset.json.
auto Edit(const std::string& from, const std::string& to) {
  return [=](const std::string& folder) {
    const std::string path = absl::StrCat(folder, "/dataset.json");
    std::ifstream file(path);
    std::string text(std::istreambuf_iterator<char>(file), {});
    file.close();
    ASSERT_THAT(text, HasSubstr(from));
    std::ofstream(path) << absl::StrReplaceAll(text, {{from, to}});
  };
}

template <typename T>
auto Features(const char* dtype, int64_t rows) {
  return [=](const std::string& folder) {
    const std::vector<T> values(static_cast<size_t>(rows * 2), 0);
    ASSERT_THAT(WriteNpy<T>(absl::StrCat(folder, "/paper.features.npy"), dtype,
                            {rows, 2}, values),
                IsOk());
  };
}

class MistakenDataset : public ::testing::TestWithParam<Mistake> {};

TEST_P(MistakenDataset, IsRefusedInOneLineThatSaysWhereAndWhy) {
  const std::string folder = WriteLibrary();
  ASSERT_THAT(Dataset::Load(folder), IsOk());
  GetParam().make(folder);
  EXPECT_THAT(Dataset::Load(folder),
              StatusIs(GetParam().code,
                       AllOf(HasSubstr(folder), HasSubstr(GetParam().where),
                             HasSubstr(GetParam().why), Not(HasSubstr("\n")))));
}

constexpr absl::StatusCode kMissing = absl::StatusCode::kNotFound;
constexpr absl::StatusCode kBad = absl::StatusCode::kInvalidArgument;
constexpr char kIndptr[] = "paper__cites__paper.indptr.npy";
constexpr char kIndices[] = "paper__cites__paper.indices.npy";

INSTANTIATE_TEST_SUITE_P(
    Files, MistakenDataset,
    ::testing::Values(
        Mistake{"no_manifest", Remove("dataset.json"), kMissing, "",
                "has no dataset.json; make one with"},
        Mistake{"no_folder",
                [](const std::string& folder) { fs::remove_all(folder); },
                kMissing, "", "has no dataset.json"},
        Mistake{"features_missing", Remove("paper.features.npy"), kMissing,
                "paper.features.npy", "no such file"},
        Mistake{"features_truncated", Truncate("paper.features.npy"), kBad,
                "paper.features.npy", "there are 28"},
        Mistake{"features_of_doubles", Features<double>("f8", 4), kBad,
                "paper.features.npy", "is f8; features are float32"},
        Mistake{"features_too_few", Features<float>("f4", 3), kBad,
                "paper.features.npy", "has 3 rows, but node type paper has 4"},
        Mistake{"features_too_many", Features<float>("f4", 5), kBad,
                "paper.features.npy", "has 5 rows, but node type paper has 4"},
        Mistake{"features_flat", Ids("paper.features.npy", {0, 1, 2, 3}), kBad,
                "paper.features.npy", "2 dimensions"},
        Mistake{"labels_too_few", Ids("paper.labels.npy", {0, 1}), kBad,
                "paper.labels.npy", "2 rows"},
        Mistake{"label_is_no_class", Ids("paper.labels.npy", {0, 1, 2, 0}),
                kBad, "paper.labels.npy", "[2] is 2, but num_classes is 2"},
        Mistake{"seed_too_large", Ids("paper.train.npy", {0, 4}), kBad,
                "paper.train.npy", "[1] is 4, out of range"},
        Mistake{"seed_negative", Ids("paper.val.npy", {-1}), kBad,
                "paper.val.npy", "[0] is -1, out of range"},
        Mistake{"edge_too_large", Ids(kIndices, {1, 1, 4, 0}), kBad, kIndices,
                "[2] is 4, out of range: nodes of type paper have ids below 4"},
        Mistake{"edge_negative", Ids(kIndices, {1, 1, -2, 0}), kBad, kIndices,
                "[2] is -2"},
        Mistake{"edges_too_few", Ids(kIndices, {1, 1, 2}), kBad, kIndptr,
                "must rise from 0 to 3"},
        Mistake{"indptr_too_short", Ids(kIndptr, {0, 3, 4}), kBad, kIndptr,
                "3 entries; it needs one more than the 4 nodes"},
        Mistake{"indptr_empty", Ids(kIndptr, {}), kBad, kIndptr, "0 entries"},
        Mistake{"indptr_falls", Ids(kIndptr, {0, 3, 2, 3, 4}), kBad, kIndptr,
                "must rise"},
        Mistake{"indptr_not_from_zero", Ids(kIndptr, {1, 3, 3, 3, 4}), kBad,
                kIndptr, "must rise"},
        Mistake{"indptr_negative", Ids(kIndptr, {0, -3, 3, 3, 4}), kBad,
                kIndptr, "must rise"}),
    [](const TestParamInfo<Mistake>& info) {
      return std::string(info.param.name);
    });

INSTANTIATE_TEST_SUITE_P(
    Manifest, MistakenDataset,
    ::testing::Values(
        Mistake{"not_json", Json("{\"format\": "), kBad, "dataset.json",
                "is not JSON"},
        Mistake{"empty", Json(""), kBad, "dataset.json", "is not JSON"},
        Mistake{"list", Json("[]"), kBad, "dataset.json", "must be an object"},
        Mistake{"no_format", Json("{}"), kBad, "dataset.json", "\"format\""},
        Mistake{"later_format",
                Edit("fairlead.dataset.v1", "fairlead.dataset.v9"), kBad,
                "dataset.json", "this version reads fairlead.dataset.v1"},
        Mistake{"unknown_key", Edit("\"features\"", "\"feature\""), kBad,
                "node_types[0]", "\"feature\" is no key"},
        Mistake{"no_indptr", Edit("\"indptr\"", "\"indices\""), kBad,
                "edge_types[0]", "\"indptr\""},
        Mistake{"count_negative", Edit("\"num_nodes\": 4", "\"num_nodes\": -4"),
                kBad, "node_types[0]", "whole number \"num_nodes\""},
        Mistake{"count_fraction",
                Edit("\"num_nodes\": 4", "\"num_nodes\": 4.5"), kBad,
                "node_types[0]", "whole number \"num_nodes\""},
        Mistake{"count_too_large",
                Edit("\"num_nodes\": 4", "\"num_nodes\": 9223372036854775808"),
                kBad, "node_types[0]", "too large"},
        // The most that a count can be: one more would wrap.
        Mistake{"count_largest",
                Edit("\"num_nodes\": 2", "\"num_nodes\": 9223372036854775807"),
                kBad, "author__writes__paper.indptr.npy",
                "one more than the 9223372036854775807 nodes"},
        Mistake{"name_is_number", Edit("\"library\"", "7"), kBad,
                "dataset.json", "a text \"name\""},
        Mistake{"types_no_list",
                Json("{\"format\": \"fairlead.dataset.v1\", \"name\": \"x\", "
                     "\"node_types\": {}, \"edge_types\": []}"),
                kBad, "dataset.json", "a list \"node_types\""},
        Mistake{"no_types",
                Json("{\"format\": \"fairlead.dataset.v1\", \"name\": \"x\", "
                     "\"node_types\": [], \"edge_types\": []}"),
                kBad, "", "has no node types"},
        Mistake{"node_type_twice", Edit("\"author\"", "\"paper\""), kBad, "",
                "node type paper is there twice"},
        Mistake{"src_type_unknown",
                Edit("\"src\": \"author\"", "\"src\": \"editor\""), kBad,
                "editor__writes__paper", "node type editor"},
        Mistake{"path_leaves_folder",
                Edit("paper.labels.npy", "../paper.labels.npy"), kBad,
                "node_types[0]", "must lie within"},
        Mistake{"path_absolute", Edit("paper.labels.npy", "/etc/passwd"), kBad,
                "node_types[0]", "must lie within"}),
    [](const TestParamInfo<Mistake>& info) {
      return std::string(info.param.name);
    });

TEST(Dataset, AsksForAFolderWhenNoneIsNamed) {
  EXPECT_THAT(Dataset::Load(""), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("--dataset")));
}

TEST(Dataset, RefusesAsManyEdgeIdsAsThereAreNotEdges) {
  const std::string folder = WriteLibrary();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(DatasetManifest manifest, ReadManifest(folder));
  manifest.edge_types[0].out->edge_ids = "ids.npy";
  ASSERT_THAT(WriteManifest(folder, manifest), IsOk());
  Ids("ids.npy", {40, 41, 42})(folder);
  EXPECT_THAT(Dataset::Load(folder),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("3 ids for 4 edges")));

  Ids("ids.npy", {40, 41, 42, 43})(folder);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<const Dataset> dataset,
                                Dataset::Load(folder));
  EXPECT_THAT(Values(dataset->edge_types()[1].out->edge_ids),
              ElementsAre(40, 41, 42, 43));
}

}  // namespace
}  // namespace fairlead
