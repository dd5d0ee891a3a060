#include <sys/resource.h>

#include <csignal>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book.h"
#include "libs/partition_writer/partition_options.h"
#include "libs/partition_writer/partition_summary.h"
#include "libs/partition_writer/partition_writer.h"
#include "libs/partition_writer/random_dataset.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteToNewFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

absl::Status Write(const std::string& source, const PartitionOptions& options) {
  return WritePartitions(source, NewFolder(), options,
                         [](uint64_t, uint64_t) {})
      .status();
}

// A ring; `ids` of its nodes, if they are not from 0 on.
DatasetContents Ring(int64_t nodes, const std::vector<int64_t>& ids = {}) {
  DatasetContents contents;
  contents.name = "ring";
  contents.nodes.push_back({.name = "node", .num_nodes = nodes, .ids = ids});
  const auto id = [&ids](int64_t row) {
    return ids.empty() ? row : ids[static_cast<size_t>(row)];
  };
  auto& edges = contents.edges.emplace_back();
  edges.name = {"node", "to", "node"};
  for (int64_t i = 0; i < nodes; ++i) {
    edges.edges.emplace_back(id(i), id((i + 1) % nodes));
  }
  contents.nodes[0].train = {id(0)};
  return contents;
}

TEST(PartitionErrors, NumbersOfPartitionsThatAreNone) {
  const std::string source = WriteToNewFolder(Ring(4));
  for (const int64_t parts :
       {int64_t{-1}, int64_t{0}, int64_t{kMaxPartitions} + 1,
        (int64_t{1} << 32) + 1}) {
    EXPECT_THAT(Write(source, {.parts = parts}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("parts"), HasSubstr("1048576"))));
  }
}

TEST(PartitionErrors, AnUnknownMethodIsToldOfTheKnownOnes) {
  EXPECT_THAT(ParsePartitionMethod("spectral"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("spectral"),
                             HasSubstr("range, random, hash, metis, "
                                       "frequency"))));
  EXPECT_THAT(ParsePartitionMethod(""),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PartitionErrors, EveryMethodHasItsName) {
  for (const PartitionMethod method :
       {PartitionMethod::kRange, PartitionMethod::kRandom,
        PartitionMethod::kHash, PartitionMethod::kMetis,
        PartitionMethod::kFrequency}) {
    EXPECT_THAT(ParsePartitionMethod(PartitionMethodName(method)),
                ::fairlead::testing::IsOkAndHolds(method));
  }
}

TEST(PartitionErrors, NoDatasetAtAll) {
  EXPECT_THAT(Write(NewFolder(), {.parts = 2}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(PartitionErrors, WhatIsInPartitionsAlready) {
  const std::string source = WriteToNewFolder(Ring(4));
  const std::string folder = NewFolder();
  ASSERT_THAT(
      WritePartitions(source, folder, {.parts = 2}, [](uint64_t, uint64_t) {})
          .status(),
      IsOk());
  EXPECT_THAT(Write(folder, {.parts = 2}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("in 2 partitions already")));
}

TEST(PartitionErrors, TablesOfSparseIdsAreRefusedAndTheMendIsSaid) {
  const std::string source = WriteToNewFolder(Ring(3, {7, 70, 7000}));
  for (const PartitionMethod method :
       {PartitionMethod::kRandom, PartitionMethod::kMetis,
        PartitionMethod::kFrequency}) {
    EXPECT_THAT(Write(source, {.parts = 2, .method = method}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("node type node"),
                               HasSubstr("use method hash or range"))));
  }
}

TEST(PartitionErrors, MorePartitionsThanMetisMakes) {
  EXPECT_THAT(
      Write(WriteToNewFolder(Ring(3)),
            {.parts = 4, .method = PartitionMethod::kMetis}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("4 partitions")));
}

TEST(PartitionErrors, EstimatesWithoutTrainSeeds) {
  DatasetContents contents = Ring(4);
  contents.nodes[0].train.reset();
  const std::string source = WriteToNewFolder(contents);
  EXPECT_THAT(
      Write(source, {.parts = 2, .method = PartitionMethod::kFrequency}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("train seeds")));
  EXPECT_THAT(
      Write(source, {.parts = 2, .cache_bytes = 1}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("train seeds")));
}

TEST(PartitionErrors, FanoutsThatAreNone) {
  EXPECT_THAT(
      Write(WriteToNewFolder(Ring(4)), {.parts = 2,
                                        .method = PartitionMethod::kFrequency,
                                        .fanouts = {3, -2}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("fanout")));
}

TEST(PartitionErrors, BalancedEdgesOfAMethodThatLooksAtNone) {
  EXPECT_THAT(
      Write(WriteToNewFolder(Ring(4)), {.parts = 2,
                                        .method = PartitionMethod::kHash,
                                        .balance_edges = true}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("hash"), HasSubstr("range or metis"))));
}

TEST(PartitionErrors, MoreMemoryThanThereIsIsRefusedBeforeItIsTaken) {
  const std::string source = WriteToNewFolder(Ring(1000));
  for (const PartitionMethod method :
       {PartitionMethod::kMetis, PartitionMethod::kFrequency}) {
    EXPECT_THAT(
        Write(source,
              {.parts = 2, .method = method, .max_memory_bytes = 20'000}),
        StatusIs(absl::StatusCode::kResourceExhausted,
                 HasSubstr("use method range, hash or random")));
  }
  EXPECT_THAT(
      Write(source, {.parts = 2, .cache_bytes = 1, .max_memory_bytes = 20'000}),
      StatusIs(absl::StatusCode::kResourceExhausted));
  // What reads no topology needs none of it.
  EXPECT_THAT(Write(source, {.parts = 2,
                             .method = PartitionMethod::kRandom,
                             .max_memory_bytes = 20'000}),
              IsOk());
}

// A range of ids passes Dataset::Load where it begins late, whatever lies
// before it.
TEST(PartitionErrors, EdgesToIdsBeforeTheFirst) {
  const std::string source = WriteToNewFolder(Ring(4, {0, 5, 6, 7}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(DatasetManifest manifest, ReadManifest(source));
  manifest.node_types[0].ids = {.first_id = 4};
  manifest.node_types[0].train.clear();
  ASSERT_THAT(WriteManifest(source, manifest), IsOk());
  for (const PartitionMethod method :
       {PartitionMethod::kRandom, PartitionMethod::kMetis}) {
    EXPECT_THAT(
        Write(source, {.parts = 2, .method = method}),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(HasSubstr("node__to__node"), HasSubstr("is no node"))));
  }
}

TEST(PartitionErrors, CopiesOfOthersRowsInAWhole) {
  DatasetContents contents = Ring(4);
  contents.nodes[0].feature_dim = 1;
  contents.nodes[0].features = {1, 2, 3, 4};
  const std::string source = WriteToNewFolder(contents);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(DatasetManifest manifest, ReadManifest(source));
  manifest.node_types[0].features->cached =
      manifest.node_types[0].features->file;
  manifest.node_types[0].features->cached_ids = "cached_ids.npy";
  ASSERT_THAT(WriteNpy<int64_t>(source + "/cached_ids.npy", "i8", {4},
                                std::vector<int64_t>{4, 5, 6, 7}),
              IsOk());
  ASSERT_THAT(WriteManifest(source, manifest), IsOk());
  EXPECT_THAT(
      Write(source, {.parts = 2}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"cached\"")));
}

TEST(PartitionErrors, EdgeIdsThatLeaveNoRoomForABook) {
  DatasetContents contents = Ring(2);
  contents.edges[0].ids = {5, INT64_MAX - 1};
  EXPECT_THAT(Write(WriteToNewFolder(contents), {.parts = 2}), IsOk());
  const std::string source = WriteToNewFolder(Ring(2));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(DatasetManifest manifest, ReadManifest(source));
  manifest.edge_types[0].out->first_edge_id = INT64_MAX - 1;
  ASSERT_THAT(WriteManifest(source, manifest), IsOk());
  EXPECT_THAT(Write(source, {.parts = 2}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("node__to__node"), HasSubstr("2^63"))));
}

// As a full disk does, a limit on the size of files makes writing fail.
TEST(PartitionErrors, WhatCannotBeWrittenIsNamed) {
  const std::string source = WriteToNewFolder(Ring(100'000));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit low{.rlim_cur = 10'000, .rlim_max = before.rlim_max};
  std::vector<absl::Status> statuses;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
  for (const PartitionMethod method :
       {PartitionMethod::kRange, PartitionMethod::kHash,
        PartitionMethod::kRandom}) {
    statuses.push_back(Write(source, {.parts = 2, .method = method}));
  }
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  for (const absl::Status& status : statuses) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable,
                                 AllOf(HasSubstr(".npy"),
                                       HasSubstr("cannot be written"))));
  }
}

}  // namespace
}  // namespace fairlead
