#include "tools/dataset/power_law.h"

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
using ::testing::HasSubstr;

std::unique_ptr<const Dataset> Make(const PowerLawOptions& options) {
  return LoadWritten([&](const std::string& folder) {
    return WritePowerLaw(options, folder, NoProgress);
  });
}

// The bytes of every file of a folder.
std::map<std::string, std::string> FilesOf(const PowerLawOptions& options) {
  return FilesWritten([&](const std::string& folder) {
    return WritePowerLaw(options, folder, NoProgress);
  });
}

std::vector<int64_t> OutDegrees(const Topology& csr) {
  std::vector<int64_t> degrees;
  for (int64_t i = 0; i < csr.num_rows(); ++i) {
    degrees.push_back(csr.indptr[static_cast<size_t>(i) + 1] -
                      csr.indptr[static_cast<size_t>(i)]);
  }
  return degrees;
}

std::vector<int64_t> InDegrees(const Topology& csr) {
  std::vector<int64_t> degrees(static_cast<size_t>(csr.num_rows()), 0);
  for (size_t i = 0; i < csr.indices.size(); ++i) {
    ++degrees[static_cast<size_t>(csr.indices[i])];
  }
  return degrees;
}

// Whatever the size, odd or even, a prime or a power of two: Dataset::Load
// refuses rows that do not add up and ids that are no node.
TEST(PowerLaw, HasExactlyTheNodesAndEdgesAskedFor) {
  for (const int64_t nodes : {1, 2, 3, 97, 1000, 1024}) {
    for (const int64_t edge_factor : {0, 1, 50}) {
      const auto dataset = Make({.num_nodes = nodes,
                                 .edge_factor = edge_factor,
                                 .node_data = {.feature_dim = 3, .seed = 5}});
      EXPECT_EQ(dataset->node_types()[0].num_nodes, nodes);
      EXPECT_EQ(dataset->edge_types()[0].num_edges(), nodes * edge_factor)
          << "of " << nodes << " nodes";
    }
  }
}

TEST(PowerLaw, SameOptionsGiveTheSameBytesAndAnotherSeedGivesOthers) {
  const PowerLawOptions options = {.num_nodes = 500, .edge_factor = 8};
  EXPECT_EQ(FilesOf(options), FilesOf(options));
  PowerLawOptions other = options;
  other.node_data.seed = 1;
  EXPECT_NE(FilesOf(options)["indices.npy"], FilesOf(other)["indices.npy"]);
}

// A change to these numbers makes every figure measured before it one of
// another graph.
TEST(PowerLaw, SeedZeroIsTheSameGraphInEveryVersion) {
  const auto dataset = Make(
      {.num_nodes = 12, .edge_factor = 1, .node_data = {.feature_dim = 0}});
  const Topology& csr = *dataset->edge_types()[0].out;
  std::vector<std::pair<int64_t, int64_t>> edges;
  for (int64_t src = 0; src < csr.num_rows(); ++src) {
    for (int64_t i = csr.indptr[static_cast<size_t>(src)];
         i < csr.indptr[static_cast<size_t>(src) + 1]; ++i) {
      edges.emplace_back(src, csr.indices[static_cast<size_t>(i)]);
    }
  }
  const std::vector<std::pair<int64_t, int64_t>> golden = {
      {0, 0},  {0, 2},  {0, 9},  {1, 11}, {2, 7},  {4, 1},
      {6, 10}, {7, 11}, {8, 11}, {10, 0}, {10, 8}, {11, 9}};
  EXPECT_EQ(edges, golden);
}

// The node of rank 0 leaves 1 / sqrt(nodes) of all edges, and is reached by as
// many; an even graph's nodes by 16 each.
TEST(PowerLaw, TheLargestHubLeavesAndIsReachedByItsShare) {
  const auto dataset = Make({.num_nodes = 10000, .edge_factor = 16});
  const Topology& csr = *dataset->edge_types()[0].out;
  const std::vector<int64_t> out = OutDegrees(csr);
  const std::vector<int64_t> in = InDegrees(csr);
  const auto largest_out = std::max_element(out.begin(), out.end());
  const auto largest_in = std::max_element(in.begin(), in.end());
  EXPECT_NEAR(static_cast<double>(*largest_out), 1600, 1);
  EXPECT_NEAR(static_cast<double>(*largest_in), 1600, 200);
  EXPECT_EQ(largest_out - out.begin(), largest_in - in.begin());
  EXPECT_NE(largest_out - out.begin(), 0);
}

// With exponent 3, four times as few nodes have twice the degree or more.
TEST(PowerLaw, DegreesFollowAPowerLaw) {
  const auto dataset = Make({.num_nodes = 40000, .edge_factor = 16});
  for (const std::vector<int64_t>& degrees :
       {OutDegrees(*dataset->edge_types()[0].out),
        InDegrees(*dataset->edge_types()[0].out)}) {
    const auto with_at_least = [&degrees](int64_t degree) {
      return static_cast<double>(
          std::count_if(degrees.begin(), degrees.end(),
                        [degree](int64_t d) { return d >= degree; }));
    };
    EXPECT_NEAR(with_at_least(32) / with_at_least(64), 4, 0.4);
    EXPECT_NEAR(with_at_least(64) / with_at_least(128), 4, 0.6);
  }
}

TEST(PowerLaw, Int8FeaturesAreTheFloatOnesInStepsOfTheirScale) {
  const SyntheticNodes wide = {.feature_dim = 5};
  SyntheticNodes narrow = wide;
  narrow.int8_features = true;
  const auto floats =
      Make({.num_nodes = 100, .edge_factor = 0, .node_data = wide});
  const auto bytes =
      Make({.num_nodes = 100, .edge_factor = 0, .node_data = narrow});
  const RowStore& f = *floats->node_types()[0].features;
  const RowStore& b = *bytes->node_types()[0].features;
  ASSERT_EQ(b.scale.size(), 1);
  for (int64_t node = 0; node < 100; ++node) {
    for (size_t i = 0; i < 5; ++i) {
      const float value = reinterpret_cast<const float*>(f.table.Row(node))[i];
      const auto element = static_cast<int8_t>(b.table.Row(node)[i]);
      EXPECT_NEAR(static_cast<float>(element) * b.scale[0], value,
                  b.scale[0] / 2 + 1e-6);
    }
  }
}

TEST(PowerLaw, ProgressRisesToItsTotal) {
  for (const int64_t feature_dim : {0, 4}) {
    std::vector<uint64_t> done;
    uint64_t total = 0;
    ASSERT_THAT(WritePowerLaw({.num_nodes = 30000,
                               .edge_factor = 4,
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

TEST(PowerLaw, RefusesOptionsOutOfRangeByTheirFlag) {
  const auto write = [](const PowerLawOptions& options) {
    return WritePowerLaw(options, NewFolder("refused"), NoProgress);
  };
  for (const int64_t nodes : {int64_t{0}, int64_t{-1}, int64_t{1} << 32}) {
    EXPECT_THAT(write({.num_nodes = nodes}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("--nodes=", nodes))));
  }
  EXPECT_THAT(write({.edge_factor = -1}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--edge_factor=-1")));
  EXPECT_THAT(write({.node_data = {.feature_dim = 70000}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--feature_dim=70000")));
}

}  // namespace
}  // namespace fairlead
