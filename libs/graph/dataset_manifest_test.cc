#include "libs/graph/dataset_manifest.h"

#include <cstdint>
#include <filesystem>
#include <ostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/element_type.h"
#include "libs/graph/partition_book.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::TestParamInfo;

namespace fs = std::filesystem;

// An empty folder of this test's own.
std::string NewFolder() {
  const std::string path = absl::StrCat(
      ::testing::TempDir(), "/manifest-",
      ::testing::UnitTest::GetInstance()->current_test_info()->name());
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

// Every field is something else than it is by default.
DatasetManifest FullManifest() {
  const TopologyManifest out = {.indptr = "out.indptr.npy",
                                .indices = "out.indices.npy",
                                .edge_ids = "out.edge_ids.npy",
                                .first_edge_id = 0,
                                .weights = "out.weights.npy",
                                .timestamps = "out.timestamps.npy"};
  const TopologyManifest in = {.indptr = "in.indptr.npy",
                               .indices = "in.indices.npy",
                               .edge_ids = "",
                               .first_edge_id = int64_t{1} << 50,
                               .weights = "in.weights.npy",
                               .timestamps = "in.timestamps.npy"};
  const FeaturesManifest listed = {.file = "a.features.npy",
                                   .element_type = ElementType::kBFloat16,
                                   .scale = "a.scale.npy",
                                   .ids = {{.file = "a.features.ids.npy"}},
                                   .cached = "a.cached.npy",
                                   .cached_ids = "a.cached_ids.npy"};
  FeaturesManifest counted = {.file = "b.features.npy"};
  counted.ids = {.first_id = int64_t{1} << 40};
  FeaturesManifest from_zero = {.file = "c.features.npy"};
  from_zero.ids.emplace();
  return {
      .name = "full",
      .node_types = {{.name = "a",
                      .num_nodes = 3,
                      .num_classes = 7,
                      .ids = {.file = "a.ids.npy"},
                      .features = listed,
                      .labels = "a.labels.npy",
                      .timestamps = "a.timestamps.npy",
                      .train = "a.train.npy",
                      .val = "a.val.npy",
                      .test = "a.test.npy"},
                     {.name = "b",
                      .num_nodes = INT64_MAX,
                      .ids = {.first_id = int64_t{1} << 41},
                      .features = counted},
                     {.name = "c", .features = from_zero},
                     {.name = "d", .features = {{.file = "d.npy"}}},
                     {.name = "e"}},
      .edge_types = {
          {.name = {"a", "to", "b"}, .out = out, .in = in, .features = listed},
          {.name = {"a", "to", "a"}, .out = out},
          {.name = {"b", "to", "a"}, .in = in}}};
}

TEST(DatasetManifest, ReadsEveryFieldThatItWrote) {
  const std::string folder = NewFolder();
  const DatasetManifest manifest = FullManifest();
  ASSERT_THAT(WriteManifest(folder, manifest), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetManifest read,
                                ReadManifest(folder));
  EXPECT_TRUE(read == manifest);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetFolder folder_read,
                                ReadDatasetFolder(folder));
  EXPECT_TRUE(folder_read.whole == manifest);
  EXPECT_FALSE(folder_read.partitions.has_value());
}

// A reader of an older version knows "features" as a file's name.
TEST(DatasetManifest, FeaturesThatAreAFileAloneAreWrittenAsItsName) {
  const std::string folder = NewFolder();
  DatasetManifest manifest = {.name = "x"};
  manifest.node_types = {{.name = "a", .features = {{.file = "f.npy"}}}};
  ASSERT_THAT(WriteManifest(folder, manifest), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const DatasetFolder same,
      ParseDatasetFolder(R"({"format": "fairlead.dataset.v1", "name": "x",
          "node_types": [{"name": "a", "num_nodes": 0, "features": "f.npy"}],
          "edge_types": []})",
                         "dataset.json"));
  EXPECT_TRUE(same.whole == manifest);
}

PartitionsManifest FullPartitions() {
  const PartitionBookManifest bounds = {.bounds = {0, 4, int64_t{1} << 40}};
  const PartitionBookManifest table = {.table = "a.book.npy",
                                       .num_partitions = 2};
  const PartitionBookManifest hashed = {.hashed_ids = int64_t{1} << 40,
                                        .num_partitions = 2};
  return {
      .name = "parts",
      .partitions = {"part0", "deeper/part1"},
      .node_types = {{.name = "a", .books = {.ids = table, .features = hashed}},
                     {.name = "b", .books = {.ids = bounds}}},
      .edge_types = {{.name = {"a", "to", "b"},
                      .books = {.ids = hashed, .features = bounds}},
                     {.name = {"b", "to", "a"}, .books = {.ids = bounds}}}};
}

TEST(PartitionsManifest, ReadsEveryFieldThatItWrote) {
  const std::string folder = NewFolder();
  const PartitionsManifest manifest = FullPartitions();
  ASSERT_THAT(WriteManifest(folder, manifest), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetFolder read,
                                ReadDatasetFolder(folder));
  EXPECT_TRUE(read.partitions == manifest);
  EXPECT_FALSE(read.whole.has_value());
}

TEST(PartitionsManifest, IsNoWholeDataset) {
  const std::string folder = NewFolder();
  ASSERT_THAT(WriteManifest(folder, FullPartitions()), IsOk());
  EXPECT_THAT(ReadManifest(folder),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(folder), HasSubstr("partitions"))));
}

TEST(DatasetManifest, FolderThatIsNotThereIsNamed) {
  const std::string folder = NewFolder() + "/no_such";
  EXPECT_THAT(ReadDatasetFolder(folder),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(folder)));
  EXPECT_THAT(WriteManifest(folder, FullManifest()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(folder)));
}

// A part of a good manifest, and what stands there in its place.
struct BadJson {
  const char* name;
  const char* from;
  const char* to;
  const char* where;
  const char* why;
};

std::ostream& operator<<(std::ostream& out, const BadJson& bad) {
  return out << bad.name;
}

void ExpectRefused(const char* good, const BadJson& bad) {
  ASSERT_THAT(ParseDatasetFolder(good, "x/dataset.json"), IsOk());
  ASSERT_THAT(good, HasSubstr(bad.from));
  const std::string text = absl::StrReplaceAll(good, {{bad.from, bad.to}});
  EXPECT_THAT(ParseDatasetFolder(text, "x/dataset.json"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("x/dataset.json"), HasSubstr(bad.where),
                             HasSubstr(bad.why), Not(HasSubstr("\n")))));
}

constexpr char kGoodDataset[] = R"({
  "format": "fairlead.dataset.v1", "name": "x",
  "node_types": [
    {"name": "a", "num_nodes": 3, "ids": "ids.npy", "timestamps": "t.npy",
     "features": {"file": "f.npy", "dtype": "int8", "scale": "s.npy",
                  "ids": "fi.npy", "cached": "c.npy", "cached_ids": "ci.npy"}}],
  "edge_types": [
    {"src": "a", "relation": "to", "dst": "a",
     "in": {"indptr": "p.npy", "indices": "i.npy", "first_edge_id": 4},
     "features": {"file": "ef.npy", "first_id": 4}}]})";

class BadDatasetJson : public ::testing::TestWithParam<BadJson> {};

TEST_P(BadDatasetJson, IsRefusedWithTheKeyAndTheMend) {
  ExpectRefused(kGoodDataset, GetParam());
}

constexpr char kNode[] = "node_types[0]";
constexpr char kNodeFeatures[] = "node_types[0].features";
constexpr char kEdge[] = "edge_types[0]";
constexpr char kEdgeIn[] = "edge_types[0].in";

INSTANTIATE_TEST_SUITE_P(
    Keys, BadDatasetJson,
    ::testing::Values(
        BadJson{"ids_twice", R"("ids": "ids.npy")",
                R"("ids": "ids.npy", "first_id": 4)", kNode, "leave out"},
        BadJson{"ids_twice_with_zero", R"("ids": "ids.npy")",
                R"("ids": "ids.npy", "first_id": 0)", kNode, "leave out"},
        BadJson{"ids_number", R"("ids": "ids.npy")", R"("ids": 4)", kNode,
                "\"ids\""},
        BadJson{"ids_elsewhere", R"("ids.npy")", R"("../ids.npy")", kNode,
                "within"},
        BadJson{"first_id_negative", R"("ids": "ids.npy")", R"("first_id": -1)",
                kNode, "\"first_id\""},
        BadJson{"first_id_text", R"("ids": "ids.npy")", R"("first_id": "0")",
                kNode, "\"first_id\""},
        BadJson{"timestamps_empty", R"("t.npy")", R"("")", kNode,
                "\"timestamps\""},
        BadJson{"features_number", R"({"file": "ef.npy", "first_id": 4})", "7",
                "edge_types[0].features", "must be an object"},
        BadJson{"features_elsewhere", R"({"file": "ef.npy", "first_id": 4})",
                R"("/ef.npy")", kEdge, "within"},
        BadJson{"features_without_file", R"("file": "f.npy", )", "",
                kNodeFeatures, "\"file\""},
        BadJson{"features_unknown_key", R"("scale")", R"("scales")",
                kNodeFeatures, "\"scales\" is no key"},
        BadJson{"dtype_unknown", R"("int8")", R"("int7")", kNodeFeatures,
                "\"dtype\" is int7; use float32"},
        BadJson{"dtype_number", R"("int8")", "8", kNodeFeatures, "\"dtype\""},
        BadJson{"scale_number", R"("s.npy")", "0.5", kNodeFeatures,
                "\"scale\""},
        BadJson{"feature_ids_twice", R"("fi.npy")",
                R"("fi.npy", "first_id": 0)", kNodeFeatures, "leave out"},
        BadJson{"cached_without_ids", R"(, "cached_ids": "ci.npy")", "",
                kNodeFeatures, "belong together"},
        BadJson{"cached_ids_alone", R"("cached": "c.npy", )", "", kNodeFeatures,
                "belong together"},
        BadJson{"in_list",
                R"({"indptr": "p.npy", "indices": "i.npy", )"
                R"("first_edge_id": 4})",
                "[]", kEdgeIn, "must be an object"},
        BadJson{"in_without_indptr", R"("indptr": "p.npy", )", "", kEdgeIn,
                "\"indptr\""},
        BadJson{"in_without_indices", R"("indices": "i.npy", )", "", kEdgeIn,
                "\"indices\""},
        BadJson{"in_unknown_key", R"("first_edge_id")", R"("features")",
                kEdgeIn, "\"features\" is no key"},
        BadJson{"in_first_edge_id_negative", R"("first_edge_id": 4)",
                R"("first_edge_id": -4)", kEdgeIn, "\"first_edge_id\""},
        // Which would be of edges by source that are not there.
        BadJson{"weights_of_no_edges", R"("in":)",
                R"("weights": "w.npy", "in":)", kEdge, "\"indptr\""},
        BadJson{"no_edges", R"("in":)", R"("features":)", kEdge, "\"indptr\""}),
    [](const TestParamInfo<BadJson>& info) {
      return std::string(info.param.name);
    });

constexpr char kGoodPartitions[] = R"({
  "format": "fairlead.partitions.v1", "name": "x",
  "partitions": ["p0", "p1"],
  "node_types": [{"name": "a", "book": {"bounds": [0, 4, 9]},
                  "feature_book": {"hashed_ids": 9}}],
  "edge_types": [{"src": "a", "relation": "to", "dst": "a",
                  "book": {"table": "to.npy"}}]})";

class BadPartitionsJson : public ::testing::TestWithParam<BadJson> {};

TEST_P(BadPartitionsJson, IsRefusedWithTheKeyAndTheMend) {
  ExpectRefused(kGoodPartitions, GetParam());
}

constexpr char kPartitions[] = R"(["p0", "p1"])";
constexpr char kBook[] = "node_types[0].book";
constexpr char kOneOf[] = "one of \"bounds\", \"table\" and \"hashed_ids\"";

INSTANTIATE_TEST_SUITE_P(
    Keys, BadPartitionsJson,
    ::testing::Values(
        BadJson{"no_partitions", kPartitions, "[]", "\"partitions\"",
                "has 0 folders"},
        BadJson{"partitions_text", kPartitions, R"("p0")", "",
                "a list \"partitions\""},
        BadJson{"partition_number", kPartitions, R"(["p0", 1])",
                "\"partitions\"", "names of folders"},
        BadJson{"partition_above", kPartitions, R"(["p0", "../p1"])",
                "\"partitions\"", "within"},
        BadJson{"partition_absolute", kPartitions, R"(["p0", "/p1"])",
                "\"partitions\"", "within"},
        BadJson{"partition_unnamed", kPartitions, R"(["p0", ""])",
                "\"partitions\"", "names of folders"},
        BadJson{"no_book", R"("book": {"bounds": [0, 4, 9]},)", "", kNode,
                "needs a \"book\""},
        BadJson{"book_list", R"({"bounds": [0, 4, 9]})", "[0, 4, 9]", kBook,
                "must be an object"},
        BadJson{"book_of_no_kind", R"({"bounds": [0, 4, 9]})", "{}", kBook,
                kOneOf},
        BadJson{"book_of_two_kinds", R"("bounds": [0, 4, 9])",
                R"("bounds": [0, 4, 9], "table": "a.npy")", kBook, kOneOf},
        BadJson{"book_of_two_other_kinds", R"("hashed_ids": 9)",
                R"("hashed_ids": 9, "table": "a.npy")",
                "node_types[0].feature_book", kOneOf},
        BadJson{"book_of_unknown_kind", R"("bounds": [0, 4, 9])",
                R"("modulo": 2)", kBook, "\"modulo\" is no key"},
        BadJson{"bounds_too_few", "[0, 4, 9]", "[0, 9]", kBook,
                "3 numbers for 2 partitions"},
        BadJson{"bounds_too_many", "[0, 4, 9]", "[0, 4, 9, 9]", kBook,
                "3 numbers for 2 partitions"},
        BadJson{"bounds_number", "[0, 4, 9]", "9", kBook, "\"bounds\""},
        BadJson{"bounds_of_fractions", "[0, 4, 9]", "[0, 4.5, 9]", kBook,
                "whole numbers"},
        BadJson{"bounds_of_texts", "[0, 4, 9]", R"([0, "4", 9])", kBook,
                "whole numbers"},
        BadJson{"bounds_too_large", "[0, 4, 9]", "[0, 4, 9223372036854775808]",
                kBook, "whole numbers"},
        BadJson{"hashed_ids_none", R"("hashed_ids": 9)", R"("hashed_ids": 0)",
                "node_types[0].feature_book", "\"hashed_ids\" must be 1"},
        BadJson{"hashed_ids_negative", R"("hashed_ids": 9)",
                R"("hashed_ids": -9)", "feature_book", "\"hashed_ids\""},
        BadJson{"table_elsewhere", "to.npy", "../to.npy", "edge_types[0].book",
                "within"},
        BadJson{"table_unnamed", "to.npy", "", "edge_types[0].book",
                "\"table\""},
        BadJson{"unknown_key", R"("relation": "to")",
                R"("relation": "to", "indptr": "p.npy")", kEdge,
                "\"indptr\" is no key"},
        BadJson{"no_relation", R"("relation": "to",)", "", kEdge,
                "\"relation\""}),
    [](const TestParamInfo<BadJson>& info) {
      return std::string(info.param.name);
    });

}  // namespace
}  // namespace fairlead
