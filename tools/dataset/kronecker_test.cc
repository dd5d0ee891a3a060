#include "tools/dataset/kronecker.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/status/status_matchers.h"
#include "tools/dataset/written_graph.h"

namespace fairlead {
namespace {

using ::fairlead::testing::FilesWritten;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::LoadWritten;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::NoProgress;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Lt;

std::unique_ptr<const Dataset> Make(const KroneckerOptions& options) {
  return LoadWritten([&](const std::string& folder) {
    return WriteKronecker(options, folder, NoProgress);
  });
}

// The bytes of every file of a folder.
std::map<std::string, std::string> FilesOf(const KroneckerOptions& options) {
  return FilesWritten([&](const std::string& folder) {
    return WriteKronecker(options, folder, NoProgress);
  });
}

TEST(Kronecker, HasTheNodesEdgesFeaturesLabelsAndSplitsAskedFor) {
  const auto dataset =
      Make({.scale = 8, .edge_factor = 4, .node_data = {.feature_dim = 12}});
  ASSERT_EQ(dataset->node_types().size(), 1);
  const NodeType& nodes = dataset->node_types()[0];
  EXPECT_EQ(nodes.num_nodes, 256);
  ASSERT_EQ(dataset->edge_types().size(), 1);
  EXPECT_EQ(dataset->edge_types()[0].num_edges(), 1024);
  ASSERT_TRUE(nodes.features.has_value());
  EXPECT_EQ(nodes.features->table.columns, 12);
  ASSERT_TRUE(nodes.labels.has_value());
  EXPECT_EQ(nodes.num_classes, 10);
  EXPECT_EQ(nodes.train->size(), 153);
  EXPECT_EQ(nodes.val->size(), 51);
  EXPECT_EQ(nodes.test->size(), 52);
  std::vector<int> in_splits(256, 0);
  for (const auto& split : {*nodes.train, *nodes.val, *nodes.test}) {
    for (const int64_t id : split) ++in_splits[static_cast<size_t>(id)];
  }
  EXPECT_THAT(in_splits, Each(1));
}

TEST(Kronecker, SameOptionsGiveTheSameBytes) {
  const KroneckerOptions options = {
      .scale = 9, .edge_factor = 3, .node_data = {.feature_dim = 5, .seed = 7}};
  EXPECT_EQ(FilesOf(options), FilesOf(options));
}

// A change to these numbers makes every figure measured before it one of
// another graph.
TEST(Kronecker, SeedZeroIsTheSameGraphInEveryVersion) {
  const auto dataset =
      Make({.scale = 4, .edge_factor = 1, .node_data = {.feature_dim = 0}});
  const Topology& csr = *dataset->edge_types()[0].out;
  std::vector<std::pair<int64_t, int64_t>> edges;
  for (int64_t src = 0; src < csr.num_rows(); ++src) {
    for (int64_t i = csr.indptr[static_cast<size_t>(src)];
         i < csr.indptr[static_cast<size_t>(src) + 1]; ++i) {
      edges.emplace_back(src, csr.indices[static_cast<size_t>(i)]);
    }
  }
  const std::vector<std::pair<int64_t, int64_t>> golden = {
      {0, 3}, {1, 1}, {1, 1}, {1, 9}, {1, 11}, {1, 14}, {3, 9},  {3, 11},
      {5, 3}, {5, 8}, {7, 8}, {8, 5}, {8, 11}, {9, 3},  {12, 1}, {13, 15}};
  EXPECT_EQ(edges, golden);
}

TEST(Kronecker, AnotherSeedGivesAnotherGraph) {
  auto one = FilesOf({.scale = 6, .node_data = {.feature_dim = 2, .seed = 1}});
  auto two = FilesOf({.scale = 6, .node_data = {.feature_dim = 2, .seed = 2}});
  for (const char* file :
       {"indices.npy", "features.npy", "labels.npy", "train.npy"}) {
    EXPECT_NE(one[file], two[file]) << file;
  }
}

// Graph500's probabilities: the largest out-degree is (A + B)^scale of all
// edges in expectation, 0.76^12 = 3.7 %; an even graph's would be 0.024 %.
TEST(Kronecker, DegreesFollowAPowerLaw) {
  const auto dataset =
      Make({.scale = 12, .edge_factor = 16, .node_data = {.feature_dim = 0}});
  const Topology& csr = *dataset->edge_types()[0].out;
  std::vector<int64_t> degrees;
  for (int64_t i = 0; i < csr.num_rows(); ++i) {
    degrees.push_back(csr.indptr[static_cast<size_t>(i) + 1] -
                      csr.indptr[static_cast<size_t>(i)]);
  }
  std::sort(degrees.begin(), degrees.end());
  EXPECT_NEAR(static_cast<double>(degrees.back()) /
                  static_cast<double>(csr.num_edges()),
              0.037, 0.005);
  EXPECT_LT(degrees[degrees.size() / 2], 8);  // the mean is 16
}

// Shuffled: the hubs are not the first nodes, as an unshuffled graph's are.
TEST(Kronecker, TheLargestHubIsNotNodeZero) {
  const auto dataset =
      Make({.scale = 12, .edge_factor = 16, .node_data = {.feature_dim = 0}});
  const Topology& csr = *dataset->edge_types()[0].out;
  EXPECT_LT(csr.indptr[1] - csr.indptr[0], csr.num_edges() / 100);
}

TEST(Kronecker, SmallScalesHaveTheirNodesToo) {
  for (const int scale : {1, 2, 3}) {
    const auto dataset = Make(
        {.scale = scale, .edge_factor = 2, .node_data = {.feature_dim = 3}});
    EXPECT_EQ(dataset->node_types()[0].num_nodes, int64_t{1} << scale);
    const IdArray indices = dataset->edge_types()[0].out->indices;
    for (size_t i = 0; i < indices.size(); ++i) {
      EXPECT_THAT(indices[i], AllOf(Ge(0), Lt(int64_t{1} << scale)));
    }
  }
}

TEST(Kronecker, ProgressRisesToItsTotal) {
  for (const int64_t feature_dim : {0, 4}) {
    std::vector<uint64_t> done;
    uint64_t total = 0;
    ASSERT_THAT(WriteKronecker({.scale = 13,
                                .edge_factor = 8,
                                .node_data = {.feature_dim = feature_dim}},
                               NewFolder("progress"),
                               [&](uint64_t now, uint64_t all) {
                                 done.push_back(now);
                                 total = all;
                               }),
                IsOk());
    EXPECT_GT(done.size(), 1);
    EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
    EXPECT_EQ(done.back(), total);
  }
}

TEST(Kronecker, RefusesOptionsOutOfRangeByTheirFlag) {
  const auto write = [](const KroneckerOptions& options) {
    return WriteKronecker(options, NewFolder("refused"), NoProgress);
  };
  for (const int scale : {-1, 0, 33}) {
    EXPECT_THAT(write({.scale = scale}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("--scale=", scale))));
  }
  EXPECT_THAT(write({.edge_factor = -1}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--edge_factor=-1")));
  EXPECT_THAT(write({.node_data = {.feature_dim = -2}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--feature_dim=-2")));
}

TEST(Kronecker, RefusesWhatNoMemoryHolds) {
  EXPECT_THAT(WriteKronecker({.scale = 32, .edge_factor = 65536},
                             NewFolder("huge"), NoProgress),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("GiB"), HasSubstr("--scale"))));
}

}  // namespace
}  // namespace fairlead
