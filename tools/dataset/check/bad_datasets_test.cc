// Each thing that can be wrong with a dataset, and where it is found.

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/status/status_matchers.h"
#include "tools/dataset/check/check_dataset.h"
#include "tools/dataset/check/findings.h"
#include "tools/dataset/check/small_datasets.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::WholeDataset;
using ::fairlead::testing::WriteFloats;
using ::fairlead::testing::WriteInts;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::TestParamInfo;

struct Bad {
  const char* name;
  bool in_partitions;
  // Damages the folder.
  std::function<void(const std::string& folder)> damage;
  Severity severity;
  const char* file;
  std::optional<int64_t> row;
  const char* says;
};

std::ostream& operator<<(std::ostream& out, const Bad& bad) {
  return out << bad.name;
}

class BadDataset : public ::testing::TestWithParam<Bad> {};

TEST_P(BadDataset, IsFoundWhereItIs) {
  const Bad& bad = GetParam();
  const std::string name = absl::StrCat("bad_", bad.name);
  const std::string folder =
      bad.in_partitions ? PartitionedDataset(name) : WholeDataset(name);
  bad.damage(folder);
  const Findings findings = CheckDataset(folder);
  EXPECT_THAT(findings.kept(),
              Contains(AllOf(Field(&Finding::severity, bad.severity),
                             Field(&Finding::file, bad.file),
                             Field(&Finding::row, bad.row),
                             Field(&Finding::text, HasSubstr(bad.says)))))
      << findings.Text();
}

std::function<void(const std::string&)> Ints(std::string file,
                                             std::vector<int64_t> values) {
  return [=](const std::string& folder) {
    WriteInts(absl::StrCat(folder, "/", file), values);
  };
}

std::function<void(const std::string&)> Floats(std::string file,
                                               std::vector<int64_t> shape,
                                               std::vector<float> values) {
  return [=](const std::string& folder) {
    WriteFloats(absl::StrCat(folder, "/", file), shape, values);
  };
}

std::function<void(const std::string&)> Text(std::string file,
                                             std::string text) {
  return [=](const std::string& folder) {
    std::ofstream(absl::StrCat(folder, "/", file)) << text;
  };
}

std::function<void(const std::string&)> Remove(std::string file) {
  return [=](const std::string& folder) {
    std::filesystem::remove_all(absl::StrCat(folder, "/", file));
  };
}

std::function<void(const std::string&)> Manifest(
    std::function<void(DatasetManifest*)> change) {
  return [=](const std::string& folder) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(DatasetManifest manifest,
                                  ReadManifest(folder));
    change(&manifest);
    ASSERT_THAT(WriteManifest(folder, manifest), IsOk());
  };
}

constexpr Severity kError = Severity::kError;
constexpr Severity kWarning = Severity::kWarning;
constexpr char kIndptr[] = "paper__cites__paper.indptr.npy";
constexpr char kIndices[] = "paper__cites__paper.indices.npy";
constexpr char kInIndices[] = "paper__cites__paper.in.indices.npy";
constexpr char kEdgeIds[] = "paper__cites__paper.edge_ids.npy";
constexpr char kWeights[] = "paper__cites__paper.weights.npy";

INSTANTIATE_TEST_SUITE_P(
    Whole, BadDataset,
    ::testing::Values(
        Bad{"no_manifest", false, Remove("dataset.json"), kError,
            "dataset.json", std::nullopt, "has no dataset.json"},
        Bad{"no_json", false, Text("dataset.json", "{"), kError, "dataset.json",
            std::nullopt, "is not JSON"},
        Bad{"missing_file", false, Remove("paper.labels.npy"), kError,
            "paper.labels.npy", std::nullopt, "no such file"},
        Bad{"no_npy", false, Text("paper.train.npy", "0 1 2"), kError,
            "paper.train.npy", std::nullopt, "is no .npy file"},
        Bad{"labels_of_floats", false,
            Floats("paper.labels.npy", {4}, {0, 1, 0, 1}), kError,
            "paper.labels.npy", std::nullopt, "labels are int64"},
        Bad{"fewer_labels", false, Ints("paper.labels.npy", {0, 1, 1}), kError,
            "paper.labels.npy", std::nullopt, "has 3 rows"},
        Bad{"label_too_large", false, Ints("paper.labels.npy", {0, 1, 2, 1}),
            kError, "paper.labels.npy", 2, "is 2, but num_classes is 2"},
        Bad{"fewer_features", false,
            Floats("paper.features.npy", {3, 1}, {1, 2, 3}), kError,
            "paper.features.npy", std::nullopt, "has 3 rows"},
        Bad{"features_of_one_dimension", false,
            Floats("paper.features.npy", {4}, {1, 2, 3, 4}), kError,
            "paper.features.npy", std::nullopt, "features have two"},
        Bad{"feature_nan", false,
            Floats("paper.features.npy", {4, 1}, {1, 2, NAN, 4}), kWarning,
            "paper.features.npy", 2, "NaN"},
        Bad{"feature_infinite", false,
            Floats("paper.features.npy", {4, 1}, {1, 2, 4, -INFINITY}),
            kWarning, "paper.features.npy", 3, "infinite"},
        Bad{"split_beyond", false, Ints("paper.val.npy", {4}), kError,
            "paper.val.npy", 0, "is 4, which is no node"},
        Bad{"split_negative", false, Ints("paper.val.npy", {-1}), kError,
            "paper.val.npy", 0, "is -1, which is no node"},
        Bad{"split_repeats", false, Ints("paper.train.npy", {0, 1, 0}),
            kWarning, "paper.train.npy", 2, "is 0, which was there already"},
        Bad{"splits_overlap", false, Ints("paper.test.npy", {3, 1}), kWarning,
            "paper.test.npy", 1, "is 1, which is in train"},
        Bad{"fewer_timestamps", false, Ints("paper.timestamps.npy", {1}),
            kError, "paper.timestamps.npy", std::nullopt,
            "has 1 entries for 4 nodes"},
        Bad{"indptr_falls", false, Ints(kIndptr, {0, 3, 2, 3, 4}), kError,
            kIndptr, 2, "is 2 after 3"},
        Bad{"indptr_begins_late", false, Ints(kIndptr, {1, 2, 3, 3, 4}), kError,
            kIndptr, 0, "must begin with 0"},
        Bad{"indptr_ends_early", false, Ints(kIndptr, {0, 2, 3, 3, 3}), kError,
            kIndptr, 4, "must end with 4"},
        Bad{"indptr_short", false, Ints(kIndptr, {0, 2, 4}), kError, kIndptr,
            std::nullopt, "has 3 entries"},
        Bad{"neighbor_beyond", false, Ints(kIndices, {1, 2, 4, 0}), kError,
            kIndices, 2, "is 4, which is no node of type paper"},
        Bad{"neighbor_negative", false, Ints(kIndices, {1, 2, -7, 0}), kError,
            kIndices, 2, "is -7, which is no node of type paper"},
        Bad{"edge_id_twice", false, Ints(kEdgeIds, {0, 1, 1, 3}), kError,
            kEdgeIds, 2, "has the id of paper__cites__paper.edge_ids.npy [1]"},
        Bad{"edge_id_negative", false, Ints(kEdgeIds, {0, 1, -2, 3}), kError,
            kEdgeIds, 2, "ids are 0 or more"},
        Bad{"fewer_edge_ids", false, Ints(kEdgeIds, {0, 1}), kError, kEdgeIds,
            std::nullopt, "has 2 ids for 4 edges"},
        Bad{"other_edge_in", false, Ints(kInIndices, {3, 0, 0, 0}), kError,
            kInIndices, 3,
            "edge 2 from 0 to 2 of type paper__cites__paper is in \"in\" but"},
        Bad{"other_edge_out", false, Ints(kInIndices, {3, 0, 0, 0}), kError,
            kIndices, 2, "is not among those by destination"},
        Bad{"weight_negative", false, Floats(kWeights, {4}, {1, -1, 1, 1}),
            kError, kWeights, 1, "weights are 0 or more"},
        Bad{"weight_nan", false, Floats(kWeights, {4}, {1, 1, 1, NAN}), kError,
            kWeights, 3, "weights are 0 or more"},
        Bad{"unknown_type", false, Manifest([](DatasetManifest* manifest) {
              manifest->edge_types[0].name.dst = "author";
            }),
            kError, "dataset.json", std::nullopt, "names node type author"},
        Bad{"type_twice", false, Manifest([](DatasetManifest* manifest) {
              manifest->node_types.push_back(manifest->node_types[0]);
            }),
            kError, "dataset.json", std::nullopt, "paper is there twice"},
        Bad{"scale_of_floats", false, Manifest([](DatasetManifest* manifest) {
              manifest->node_types[0].features->scale =
                  "paper__cites__paper.weights.npy";
            }),
            kError, "paper.features.npy", std::nullopt,
            "\"scale\" is for int8 and uint8"},
        Bad{"far_first_id", false, Manifest([](DatasetManifest* manifest) {
              manifest->node_types[0].ids.first_id = INT64_MAX;
            }),
            kError, "dataset.json", std::nullopt, "is too far"}),
    [](const TestParamInfo<Bad>& info) {
      return std::string(info.param.name);
    });

INSTANTIATE_TEST_SUITE_P(
    InPartitions, BadDataset,
    ::testing::Values(
        Bad{"no_partition", true, Remove("part-1"), kError,
            "part-1/dataset.json", std::nullopt, "has no dataset.json"},
        Bad{"no_book", true, Remove("papers.npy"), kError, "dataset.json",
            std::nullopt, "the book of paper"},
        Bad{"foreign_node", true, Ints("part-1/ids.npy", {1, 2, 5}), kError,
            "part-1/ids.npy", 1, "node 2 of type paper is partition 0's"},
        Bad{"nobodys_node", true, Ints("part-1/ids.npy", {1, 3, 9}), kError,
            "part-1/ids.npy", 2, "node 9 of type paper is nobody's"},
        Bad{"shared_node", true, Ints("part-1/ids.npy", {1, 2, 5}), kError,
            "dataset.json", std::nullopt, "is in part-0 and part-1"},
        Bad{"missing_node", true, Ints("part-1/ids.npy", {1, 2, 5}), kError,
            "papers.npy", 3, "gives node 3 of type paper to partition 1"},
        Bad{"ids_fall", true, Ints("part-0/ids.npy", {0, 4, 2}), kError,
            "part-0/ids.npy", 2, "is 2 after 4"},
        Bad{"unowned_neighbor", true, Ints("part-0/indices.npy", {1, 2, 6}),
            kError, "part-0/indices.npy", 2, "in any partition"},
        Bad{"foreign_edges", true,
            [](const std::string& folder) {
              Manifest([](DatasetManifest* manifest) {
                manifest->edge_types[0].out->first_edge_id = 2;
              })(absl::StrCat(folder, "/part-1"));
            },
            kError, "part-1/indices.npy", 0, "edge 2 of type"},
        Bad{"edge_of_two_partitions", true,
            [](const std::string& folder) {
              Manifest([](DatasetManifest* manifest) {
                manifest->edge_types[0].out->first_edge_id = 2;
              })(absl::StrCat(folder, "/part-1"));
            },
            kError, "part-1/indices.npy", 0,
            "has the id of part-0/indices.npy [2]"},
        Bad{"fewer_types", true,
            [](const std::string& folder) {
              Manifest([](DatasetManifest* manifest) {
                manifest->edge_types.clear();
              })(absl::StrCat(folder, "/part-1"));
            },
            kError, "part-1/dataset.json", std::nullopt,
            "lacks type paper__cites__paper"},
        Bad{"cached_of_its_own", true,
            [](const std::string& folder) {
              const std::string part = absl::StrCat(folder, "/part-0");
              WriteInts(absl::StrCat(part, "/cached_ids.npy"), {1, 2});
              WriteFloats(absl::StrCat(part, "/cached.npy"), {2, 1}, {1, 3});
              Manifest([](DatasetManifest* manifest) {
                manifest->node_types[0].features->cached = "cached.npy";
                manifest->node_types[0].features->cached_ids = "cached_ids.npy";
              })(part);
            },
            kWarning, "part-0/cached_ids.npy", 1, "is 2, whose row"},
        Bad{"foreign_features", true,
            [](const std::string& folder) {
              const std::string part = absl::StrCat(folder, "/part-0");
              WriteInts(absl::StrCat(part, "/feature_ids.npy"), {0, 1, 4});
              Manifest([](DatasetManifest* manifest) {
                manifest->node_types[0].features->ids = {.file =
                                                             "feature_ids.npy"};
              })(part);
            },
            kError, "part-0/feature_ids.npy", 1, "whose features are"}),
    [](const TestParamInfo<Bad>& info) {
      return std::string(info.param.name);
    });

}  // namespace
}  // namespace fairlead
