#ifndef FAIRLEAD_TOOLS_DATASET_CHECK_SMALL_DATASETS_H_
#define FAIRLEAD_TOOLS_DATASET_CHECK_SMALL_DATASETS_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book.h"
#include "libs/status/status_matchers.h"

// Datasets that are good, for tests that damage them.
namespace fairlead::testing {

inline std::string NewFolder(const std::string& name) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/", name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

inline void WriteInts(const std::string& path,
                      const std::vector<int64_t>& values) {
  ASSERT_THAT(WriteNpy<int64_t>(path, "i8",
                                {static_cast<int64_t>(values.size())}, values),
              IsOk());
}

inline void WriteFloats(const std::string& path, std::vector<int64_t> shape,
                        const std::vector<float>& values) {
  ASSERT_THAT(WriteNpy<float>(path, "f4", shape, values), IsOk());
}

// Papers 0 to 3 with features, labels and splits; edges 0->1 0->2 1->2 3->0,
// both ways, with weights.
inline std::string WholeDataset(const std::string& name) {
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
inline std::string PartitionedDataset(const std::string& name) {
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

}  // namespace fairlead::testing

#endif  // FAIRLEAD_TOOLS_DATASET_CHECK_SMALL_DATASETS_H_
