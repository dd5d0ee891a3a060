#include "tools/dataset/check/check_dataset.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"
#include "tools/dataset/check/findings.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::TestParamInfo;

std::string NewFolder(const std::string& name) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/", name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

void WriteInts(const std::string& path, const std::vector<int64_t>& values) {
  ASSERT_THAT(WriteNpy<int64_t>(path, "i8",
                                {static_cast<int64_t>(values.size())}, values),
              IsOk());
}

void WriteFloats(const std::string& path, std::vector<int64_t> shape,
                 const std::vector<float>& values) {
  ASSERT_THAT(WriteNpy<float>(path, "f4", shape, values), IsOk());
}

// Papers 0 to 3 with features, labels and splits; edges 0->1 0->2 1->2 3->0,
// both ways, with weights.
std::string WholeDataset(const std::string& name) {
  const std::string folder = NewFolder(name);
  DatasetContents contents;
  contents.name = "small";
  contents.nodes.push_back({.name = "paper",
                            .num_nodes = 4,
                            .feature_dim = 2,
                            .features = {0, 1, 2, 3, 4, 5, 6, 7},
                            .labels = {0, 1, -1, 1},
                            .num_classes = 2,
                            .train = std::vector<int64_t>{0, 1},
                            .val = std::vector<int64_t>{2},
                            .test = std::vector<int64_t>{3},
                            .timestamps = {1, 2, 3, 4}});
  contents.edges.push_back({.name = {"paper", "cites", "paper"},
                            .edges = {{0, 1}, {0, 2}, {1, 2}, {3, 0}},
                            .ids = {0, 1, 2, 3},
                            .weights = {1, 2, 3, 4},
                            .timestamps = {5, 6, 7, 8},
                            .by_dst = true});
  EXPECT_THAT(WriteDataset(folder, contents), IsOk());
  return folder;
}

// Papers 0 to 5, of partition 0 the even ones; edges of 2 partitions by source.
std::string PartitionedDataset(const std::string& name) {
  const std::string folder = NewFolder(name);
  const std::vector<int64_t> ids[] = {{0, 2, 4}, {1, 3, 5}};
  const std::vector<int64_t> indices[] = {{1, 2, 5}, {2, 0, 0}};
  PartitionsManifest root;
  root.name = "halves";
  for (int64_t part = 0; part < 2; ++part) {
    const std::string part_name = absl::StrCat("part-", part);
    const std::string path = absl::StrCat(folder, "/", part_name);
    std::filesystem::create_directories(path);
    root.partitions.push_back(part_name);
    WriteInts(absl::StrCat(path, "/ids.npy"), ids[part]);
    WriteInts(absl::StrCat(path, "/indptr.npy"), {0, 2, 3, 3});
    WriteInts(absl::StrCat(path, "/indices.npy"), indices[part]);
    WriteFloats(absl::StrCat(path, "/features.npy"), {3, 1}, {1, 2, 3});
    DatasetManifest manifest;
    manifest.name = "halves";
    NodeTypeManifest& nodes = manifest.node_types.emplace_back();
    nodes.name = "paper";
    nodes.num_nodes = 3;
    nodes.ids.file = "ids.npy";
    nodes.features.emplace().file = "features.npy";
    EdgeTypeManifest& edges = manifest.edge_types.emplace_back();
    edges.name = {"paper", "cites", "paper"};
    edges.out = {.indptr = "indptr.npy",
                 .indices = "indices.npy",
                 .first_edge_id = 3 * part};
    EXPECT_THAT(WriteManifest(path, manifest), IsOk());
  }
  EXPECT_THAT(WritePartitionTable(absl::StrCat(folder, "/papers.npy"), 2,
                                  {0, 1, 0, 1, 0, 1}),
              IsOk());
  root.node_types.push_back({.name = "paper", .books = {}});
  root.node_types[0].books.ids.table = "papers.npy";
  root.edge_types.push_back({.name = {"paper", "cites", "paper"}, .books = {}});
  root.edge_types[0].books.ids.bounds = {0, 3, 6};
  EXPECT_THAT(WriteManifest(folder, root), IsOk());
  return folder;
}

TEST(CheckDataset, FindsNothingWrongWithAGoodOne) {
  const Findings whole = CheckDataset(WholeDataset("good"));
  EXPECT_EQ(whole.errors(), 0) << whole.Text();
  EXPECT_EQ(whole.warnings(), 0) << whole.Text();
  const Findings halves = CheckDataset(PartitionedDataset("halves"));
  EXPECT_EQ(halves.errors(), 0) << halves.Text();
  EXPECT_EQ(halves.warnings(), 0) << halves.Text();
}

TEST(CheckDataset, SaysWhatADatasetIsLike) {
  const std::string folder = WholeDataset("like");
  // 0->2 0->1 1->2 1->2, by source alone; 3 has none.
  WriteInts(absl::StrCat(folder, "/paper__cites__paper.indptr.npy"),
            {0, 2, 4, 4, 4});
  WriteInts(absl::StrCat(folder, "/paper__cites__paper.indices.npy"),
            {2, 1, 2, 2});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(DatasetManifest manifest, ReadManifest(folder));
  manifest.edge_types[0].in.reset();
  ASSERT_THAT(WriteManifest(folder, manifest), IsOk());
  const Findings findings = CheckDataset(folder);
  EXPECT_EQ(findings.errors(), 0) << findings.Text();
  EXPECT_THAT(
      findings.Text(),
      AllOf(HasSubstr("1 of 4 nodes have neighbours that do not ascend"),
            HasSubstr("1 of 4 edges repeat one before"),
            HasSubstr("1 of 4 nodes of type paper have no edges")));
}

TEST(CheckDataset, CountsAllAndKeepsAFewOfAKind) {
  const std::string folder = WholeDataset("many");
  WriteInts(absl::StrCat(folder, "/paper.labels.npy"), {9, 9, 9, 9});
  const Findings findings = CheckDataset(folder, {.most_per_kind = 3});
  EXPECT_EQ(findings.errors(), 4);
  EXPECT_EQ(findings.kept().size(), 3);
  EXPECT_THAT(findings.Text(),
              HasSubstr("... and 1 more of labels.out_of_range"));
  const nlohmann::json json = nlohmann::json::parse(findings.Json());
  EXPECT_EQ(json["errors"], 4);
  EXPECT_EQ(json["counts"]["labels.out_of_range"], 4);
  EXPECT_EQ(json["findings"][1]["file"], "paper.labels.npy");
  EXPECT_EQ(json["findings"][1]["row"], 1);
}

TEST(CheckDataset, SaysHowFarItIs) {
  uint64_t last = 0;
  uint64_t all = 0;
  CheckDataset(
      PartitionedDataset("far"),
      {.most_per_kind = 1, .progress = [&](uint64_t done, uint64_t total) {
         EXPECT_GT(done, last);
         last = done;
         all = total;
       }});
  EXPECT_EQ(last, all);
}

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

// Whatever is done to a file: what a pool would refuse is never called clean.
TEST(CheckDataset, WhatCannotBeLoadedIsNeverCalledClean) {
  constexpr int kRounds = 300;
  int refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    RandomStream random(20261121, static_cast<uint64_t>(round), 0);
    const bool in_partitions = random.Below(2) == 0;
    const std::string folder =
        in_partitions ? PartitionedDataset("damaged") : WholeDataset("damaged");
    std::vector<std::string> files;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    const std::string& file = files[random.Below(files.size())];
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = std::filesystem::file_size(file);
    // Most often in the data, which is at the end.
    const uint64_t at =
        random.Below(3) == 0
            ? random.Below(size)
            : size - 1 - random.Below(std::min<uint64_t>(size, 40));
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(static_cast<char>(random.Next32()));
    stream.close();
    bool loads = true;
    for (uint32_t partition = 0; partition < (in_partitions ? 2u : 1u);
         ++partition) {
      Dataset::LoadOptions options;
      options.partition = partition;
      loads = loads && Dataset::Load(folder, options).ok();
    }
    const Findings findings = CheckDataset(folder);
    if (!loads) {
      ++refused;
      EXPECT_GT(findings.errors(), 0) << file << " " << at;
      // It found that by itself, and better.
      EXPECT_EQ(findings.counts().count("load"), 0) << file << " " << at << "\n"
                                                    << findings.Text();
    }
  }
  EXPECT_GT(refused, kRounds / 5);
}

}  // namespace
}  // namespace fairlead
