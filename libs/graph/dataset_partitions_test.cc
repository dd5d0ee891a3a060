#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

constexpr absl::StatusCode kBad = absl::StatusCode::kInvalidArgument;

// A graph in partitions, written by hand as any tool may: node v of type "n"
// has the feature v and one edge, to the node after it, whose id is v.
class DatasetPartitions : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(
        ::testing::TempDir(), "/partitions-",
        ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  void WriteVector(const std::string& file, const std::vector<int64_t>& values,
                   bool is_matrix = false) const {
    std::vector<int64_t> shape = {static_cast<int64_t>(values.size())};
    if (is_matrix) shape.push_back(1);
    ASSERT_THAT(WriteNpy<int64_t>(absl::StrCat(folder_, "/", file), "i8", shape,
                                  values),
                IsOk());
  }

  // The folder of a partition, "part0" first, which may be changed after.
  void WritePartition(const std::vector<int64_t>& ids) {
    const std::string part = absl::StrCat("part", root_.partitions.size());
    root_.partitions.push_back(part);
    fs::create_directory(absl::StrCat(folder_, "/", part));
    std::vector<int64_t> indptr;
    std::vector<int64_t> next;
    for (size_t i = 0; i <= ids.size(); ++i) {
      indptr.push_back(static_cast<int64_t>(i));
    }
    for (const int64_t id : ids) {
      const auto after = std::upper_bound(all_.begin(), all_.end(), id);
      next.push_back(after == all_.end() ? all_.front() : *after);
    }
    WriteVector(part + "/ids.npy", ids);
    WriteVector(part + "/features.npy", ids, /*is_matrix=*/true);
    WriteVector(part + "/indptr.npy", indptr);
    WriteVector(part + "/indices.npy", next);
    WriteManifestOf(part, Manifest(static_cast<int64_t>(ids.size())));
  }

  static DatasetManifest Manifest(int64_t num_nodes) {
    return {.name = "x",
            .node_types = {{.name = "n",
                            .num_nodes = num_nodes,
                            .ids = {.file = "ids.npy"},
                            .features = {{.file = "features.npy"}}}},
            .edge_types = {{.name = {"n", "to", "n"},
                            .out = {{.indptr = "indptr.npy",
                                     .indices = "indices.npy",
                                     .edge_ids = "ids.npy"}}}}};
  }

  void WriteManifestOf(const std::string& part,
                       const DatasetManifest& manifest) const {
    ASSERT_THAT(WriteManifest(absl::StrCat(folder_, "/", part), manifest),
                IsOk());
  }

  void WriteRoot(const PartitionBookManifest& book) {
    root_.name = "x";
    root_.node_types = {{.name = "n", .books = {.ids = book}}};
    root_.edge_types = {{.name = {"n", "to", "n"}, .books = {.ids = book}}};
    ASSERT_THAT(WriteManifest(folder_, root_), IsOk());
  }

  // Ids 0 to 5 and 8, in two partitions, by a table; 6 and 7 are nobody's.
  void WriteByTable() {
    all_ = {0, 1, 2, 3, 4, 5, 8};
    WritePartition({0, 3, 4, 8});
    WritePartition({1, 2, 5});
    const std::vector<uint32_t> owners = {
        0, 1, 1, 0, 0, 1, kNoPartition, kNoPartition, 0};
    ASSERT_THAT(WritePartitionTable(folder_ + "/book.npy", 2, owners), IsOk());
    WriteRoot({.table = "book.npy", .num_partitions = 2});
  }

  auto Load(uint32_t partition) const {
    return Dataset::Load(folder_, {.partition = partition});
  }

  // Everything of the partition is as all_ and its ids say.
  void ExpectHolds(uint32_t partition, const std::vector<int64_t>& ids,
                   const std::vector<uint32_t>& owners) const {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<const Dataset> dataset,
                                  Load(partition));
    EXPECT_EQ(dataset->partition(), partition);
    EXPECT_EQ(dataset->num_partitions(), root_.partitions.size());
    const NodeType& nodes = dataset->node_types()[0];
    ASSERT_EQ(nodes.num_nodes, static_cast<int64_t>(ids.size()));
    const EdgeType& edges = dataset->edge_types()[0];
    ASSERT_EQ(edges.num_edges(), nodes.num_nodes);
    std::vector<int64_t> features(ids.size());
    ASSERT_THAT(
        nodes.features->Gather(
            ids, absl::MakeSpan(reinterpret_cast<uint8_t*>(features.data()),
                                features.size() * sizeof(int64_t))),
        IsOk());
    EXPECT_EQ(features, ids);
    for (size_t i = 0; i < ids.size(); ++i) {
      ASSERT_EQ(nodes.ids.Row(ids[i]), static_cast<int64_t>(i));
      ASSERT_EQ(edges.out->EdgeId(static_cast<int64_t>(i)), ids[i]);
    }
    for (const auto& book :
         {nodes.book, nodes.feature_book, edges.book, edges.feature_book}) {
      std::vector<uint32_t> found(all_.size());
      EXPECT_THAT(book->PartitionOf(all_, absl::MakeSpan(found)), IsOk());
      EXPECT_EQ(found, owners);
    }
  }

  std::string folder_;
  std::vector<int64_t> all_;
  PartitionsManifest root_;
};

TEST_F(DatasetPartitions, ByTableHoldTheirNodesAndTheBooksOfAll) {
  WriteByTable();
  ExpectHolds(0, {0, 3, 4, 8}, {0, 1, 1, 0, 0, 1, 0});
  ExpectHolds(1, {1, 2, 5}, {0, 1, 1, 0, 0, 1, 0});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Load(1));
  EXPECT_EQ(dataset->node_types()[0].id_end(), 9);
}

TEST_F(DatasetPartitions, ByRangeTakeConsecutiveIds) {
  all_ = {0, 1, 2, 3, 4};
  WritePartition({0, 1});
  WritePartition({});
  WritePartition({2, 3, 4});
  DatasetManifest counted = Manifest(3);
  counted.node_types[0].ids = {.first_id = 2};
  counted.edge_types[0].out->edge_ids = "";
  counted.edge_types[0].out->first_edge_id = 2;
  WriteManifestOf("part2", counted);
  WriteRoot({.bounds = {0, 2, 2, 5}});
  ExpectHolds(0, {0, 1}, {0, 0, 2, 2, 2});
  ExpectHolds(1, {}, {0, 0, 2, 2, 2});
  ExpectHolds(2, {2, 3, 4}, {0, 0, 2, 2, 2});
}

TEST_F(DatasetPartitions, ByHashTakeAnyIds) {
  all_ = {5, 70, 900, 11'000, 130'000};
  std::vector<std::vector<int64_t>> ids(2);
  std::vector<uint32_t> owners;
  for (const int64_t id : all_) {
    owners.push_back(HashOwner(id, 2));
    ids[owners.back()].push_back(id);
  }
  for (const auto& part : ids) WritePartition(part);
  WriteRoot({.hashed_ids = 130'001, .num_partitions = 2});
  ExpectHolds(0, ids[0], owners);
  ExpectHolds(1, ids[1], owners);
}

int64_t AnonymousKilobytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != "RssAnon:") continue;
    int64_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes;
  }
  ADD_FAILURE() << "/proc/self/status has no RssAnon";
  return 0;
}

// Parity W-41: what it takes is a matter of how many ids there are.
TEST_F(DatasetPartitions, MemoryDoesNotGrowWithTheLargestId) {
  RandomStream random(1, 0, 0);
  constexpr int64_t kEnd = int64_t{1} << 40;
  while (all_.size() < 100'000) {
    all_.push_back(static_cast<int64_t>(random.Below(kEnd)));
  }
  all_.push_back(kEnd - 1);
  std::sort(all_.begin(), all_.end());
  all_.erase(std::unique(all_.begin(), all_.end()), all_.end());
  std::vector<std::vector<int64_t>> ids(2);
  for (const int64_t id : all_) ids[HashOwner(id, 2)].push_back(id);
  for (const auto& part : ids) WritePartition(part);
  WriteRoot({.hashed_ids = kEnd, .num_partitions = 2});

  const int64_t before = AnonymousKilobytes();
  for (uint32_t p = 0; p < 2; ++p) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Load(p));
    EXPECT_LT(AnonymousKilobytes() - before, 64 << 10);
    const NodeType& nodes = dataset->node_types()[0];
    for (size_t i = 0; i < ids[p].size(); ++i) {
      ASSERT_EQ(nodes.ids.Row(ids[p][i]), static_cast<int64_t>(i));
    }
    for (const int64_t id : ids[1 - p]) ASSERT_EQ(nodes.ids.Row(id), -1);
  }
}

TEST_F(DatasetPartitions, PartitionThatThereIsNoneOfIsOutOfRange) {
  WriteByTable();
  EXPECT_THAT(Load(2), StatusIs(absl::StatusCode::kOutOfRange,
                                AllOf(HasSubstr(folder_),
                                      HasSubstr("no partition 2; it has 2"))));
  // A partition is a whole dataset of its own to whoever opens its folder.
  EXPECT_THAT(Dataset::Load(folder_ + "/part0", {.partition = 1}),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("it has 1")));
}

TEST_F(DatasetPartitions, FolderThatIsMissingIsNamed) {
  WriteByTable();
  fs::remove_all(folder_ + "/part1");
  EXPECT_THAT(Load(0), IsOk());
  EXPECT_THAT(Load(1), StatusIs(absl::StatusCode::kNotFound,
                                HasSubstr(folder_ + "/part1")));
}

TEST_F(DatasetPartitions, PartitionInPartitionsIsRefused) {
  WriteByTable();
  ASSERT_THAT(WriteManifest(folder_ + "/part1", root_), IsOk());
  EXPECT_THAT(Load(1), StatusIs(kBad, HasSubstr(folder_ + "/part1")));
}

TEST_F(DatasetPartitions, NodeThatTheBookGivesToAnotherIsRefused) {
  WriteByTable();
  WriteVector("part1/ids.npy", {1, 3, 5});
  EXPECT_THAT(
      Load(1),
      StatusIs(kBad, AllOf(HasSubstr(folder_ + "/part1"), HasSubstr("has id 3"),
                           HasSubstr("gives to partition 0"))));
  WriteVector("part1/ids.npy", {1, 2, 6});
  EXPECT_THAT(Load(1), StatusIs(kBad, AllOf(HasSubstr("has id 6"),
                                            HasSubstr("gives to nobody"))));
  WriteVector("part1/ids.npy", {1, 2, int64_t{1} << 40});
  EXPECT_THAT(Load(1), StatusIs(kBad, HasSubstr("gives to nobody")));
}

// Far beyond the ids that are asked about together.
TEST_F(DatasetPartitions, WrongNodeAmongManyIsFound) {
  constexpr int64_t kNodes = 20'000;
  std::vector<int64_t> ids;
  for (int64_t id = 0; id < kNodes; ++id) ids.push_back(id);
  all_ = ids;
  WritePartition(ids);
  WritePartition({});
  WriteRoot({.bounds = {0, kNodes, kNodes}});
  EXPECT_THAT(Load(0), IsOk());
  WriteRoot({.bounds = {0, kNodes - 1, kNodes}});
  EXPECT_THAT(Load(0), StatusIs(kBad, HasSubstr("has id 19999 among its nodes "
                                                "of type n")));
}

TEST_F(DatasetPartitions, TypesOtherThanTheRootsAreRefused) {
  WriteByTable();
  const auto with = [&](const auto& change) {
    DatasetManifest manifest = Manifest(3);
    change(manifest);
    WriteManifestOf("part1", manifest);
    return Load(1);
  };
  EXPECT_THAT(with([](DatasetManifest&) {}), IsOk());
  const auto is_refused =
      StatusIs(kBad, AllOf(HasSubstr(folder_ + "/part1"),
                           HasSubstr("other node or edge types")));
  EXPECT_THAT(with([](DatasetManifest& manifest) {
                manifest.node_types.push_back({.name = "more"});
              }),
              is_refused);
  EXPECT_THAT(with([](DatasetManifest& manifest) {
                manifest.node_types[0].name = "other";
                manifest.edge_types.clear();
              }),
              is_refused);
  EXPECT_THAT(
      with([](DatasetManifest& manifest) { manifest.edge_types.clear(); }),
      is_refused);
  EXPECT_THAT(with([](DatasetManifest& manifest) {
                manifest.edge_types[0].name.relation = "fro";
              }),
              is_refused);
}

TEST_F(DatasetPartitions, RootThatNamesATypeTwiceIsRefused) {
  WriteByTable();
  root_.node_types.push_back(root_.node_types[0]);
  ASSERT_THAT(WriteManifest(folder_, root_), IsOk());
  EXPECT_THAT(Load(0), StatusIs(kBad, HasSubstr("n is there twice")));
}

TEST_F(DatasetPartitions, BookThatIsMissingOrOfOtherPartitionsIsNamed) {
  WriteByTable();
  ASSERT_THAT(WritePartitionTable(folder_ + "/book.npy", 3, {{0, 1, 2}}),
              IsOk());
  EXPECT_THAT(Load(0), StatusIs(kBad, AllOf(HasSubstr(folder_ + "/book.npy"),
                                            HasSubstr("2 partitions"))));
  fs::remove(folder_ + "/book.npy");
  EXPECT_THAT(Load(0), StatusIs(absl::StatusCode::kNotFound,
                                HasSubstr(folder_ + "/book.npy")));
}

TEST_F(DatasetPartitions, EdgesLeadToNodesOfAllAndNoFurther) {
  WriteByTable();
  WriteVector("part1/indices.npy", {8, 0, 3});
  EXPECT_THAT(Load(1), IsOk());
  WriteVector("part1/indices.npy", {8, 9, 3});
  EXPECT_THAT(Load(1), StatusIs(kBad, AllOf(HasSubstr("part1/indices.npy"),
                                            HasSubstr("[1] is 9"))));
}

// Parity GL-027.
TEST_F(DatasetPartitions, FeaturesMayLieApartFromTheirNodes) {
  WriteByTable();
  root_.node_types[0].books.features = {{.bounds = {0, 2, 9}}};
  ASSERT_THAT(WriteManifest(folder_, root_), IsOk());
  EXPECT_THAT(Load(1), StatusIs(kBad, AllOf(HasSubstr("has id 1"),
                                            HasSubstr("features of"))));
  DatasetManifest manifest = Manifest(3);
  manifest.node_types[0].features->ids = {{.first_id = 2}};
  WriteManifestOf("part1", manifest);
  WriteVector("part1/features.npy", {2, 3, 4, 5, 6, 7, 8}, /*is_matrix=*/true);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, Load(1));
  const NodeType& nodes = dataset->node_types()[0];
  EXPECT_EQ(nodes.num_nodes, 3);
  EXPECT_EQ(nodes.features->ids.first(), 2);
  EXPECT_EQ(nodes.features->table.rows, 7);
  std::vector<uint32_t> owners(2);
  ASSERT_THAT(nodes.book->PartitionOf({3, 5}, absl::MakeSpan(owners)), IsOk());
  EXPECT_THAT(owners, ElementsAre(0, 1));
  ASSERT_THAT(nodes.feature_book->PartitionOf({3, 5}, absl::MakeSpan(owners)),
              IsOk());
  EXPECT_THAT(owners, ElementsAre(1, 1));
}

}  // namespace
}  // namespace fairlead
