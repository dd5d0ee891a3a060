#include "libs/partitioner/partition_report.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/partition_book.h"
#include "libs/partitioner/id_partitioners.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<uint32_t> kOwners = {0, 0, 1, 1, 1};
const std::vector<int64_t> kSrc = {0, 0, 1, 2, 4};
const std::vector<int64_t> kDst = {1, 2, 3, 3, 0};

PartitionReporter Reporter(EdgeOwner edge_owner = EdgeOwner::kSource) {
  return PartitionReporter(2, edge_owner, LookUpIn(kOwners));
}

TEST(PartitionReporter, CountsATinyGraph) {
  PartitionReporter reporter = Reporter();
  ASSERT_THAT(reporter.AddNodes(0, 5), IsOk());
  ASSERT_THAT(reporter.AddEdges(kSrc, kDst), IsOk());
  const PartitionReport& report = reporter.report();
  EXPECT_EQ(report.num_nodes, 5);
  EXPECT_EQ(report.num_edges, 5);
  EXPECT_EQ(report.cut_edges, 3);  // 0 -> 2, 1 -> 3, 4 -> 0
  EXPECT_DOUBLE_EQ(report.CutShare(), 0.6);
  EXPECT_THAT(report.nodes, ElementsAre(2, 3));
  EXPECT_THAT(report.edges, ElementsAre(3, 2));
  EXPECT_DOUBLE_EQ(report.NodeBalance(), 1.2);
  EXPECT_DOUBLE_EQ(report.EdgeBalance(), 1.2);
}

TEST(PartitionReporter, GivesEdgesToTheirDestinationIfAsked) {
  PartitionReporter reporter = Reporter(EdgeOwner::kDestination);
  ASSERT_THAT(reporter.AddEdges(kSrc, kDst), IsOk());
  EXPECT_THAT(reporter.report().edges, ElementsAre(2, 3));
  EXPECT_EQ(reporter.report().cut_edges, 3);
}

TEST(PartitionReporter, CountsTheSameInAnyBlocks) {
  PartitionReporter reporter = Reporter();
  ASSERT_THAT(reporter.AddNodes(0, 1), IsOk());
  ASSERT_THAT(reporter.AddNodes(1, 5), IsOk());
  for (size_t i = 0; i < kSrc.size(); ++i) {
    ASSERT_THAT(reporter.AddEdges({kSrc[i]}, {kDst[i]}), IsOk());
  }
  EXPECT_THAT(reporter.report().nodes, ElementsAre(2, 3));
  EXPECT_THAT(reporter.report().edges, ElementsAre(3, 2));
  EXPECT_EQ(reporter.report().cut_edges, 3);
}

TEST(PartitionReporter, AsksForNoMoreThanABlock) {
  constexpr int64_t kNodes = PartitionReporter::kBlock * 2 + 1;
  size_t most = 0;
  PartitionReporter reporter(
      3, EdgeOwner::kSource,
      [&most](absl::Span<const int64_t> ids, absl::Span<uint32_t> owners) {
        most = std::max(most, ids.size());
        for (size_t i = 0; i < ids.size(); ++i) {
          owners[i] = HashOwner(ids[i], 3);
        }
        return absl::OkStatus();
      });
  ASSERT_THAT(reporter.AddNodes(0, kNodes), IsOk());
  std::vector<int64_t> ids(static_cast<size_t>(kNodes));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(i);
  ASSERT_THAT(reporter.AddEdges(ids, ids), IsOk());
  EXPECT_EQ(most, static_cast<size_t>(PartitionReporter::kBlock));
  EXPECT_EQ(reporter.report().num_nodes, kNodes);
  EXPECT_EQ(reporter.report().cut_edges, 0);
  EXPECT_EQ(reporter.report().nodes, reporter.report().edges);
}

TEST(PartitionReporter, LooksUpTheEndsOfARelationEachInItsType) {
  const std::vector<uint32_t> users = {1};
  const std::vector<uint32_t> items = {0, 1};
  PartitionReporter reporter(2, EdgeOwner::kSource, LookUpIn(users),
                             LookUpIn(items));
  ASSERT_THAT(reporter.AddEdges({0, 0}, {0, 1}), IsOk());
  EXPECT_EQ(reporter.report().cut_edges, 1);
  EXPECT_THAT(reporter.report().edges, ElementsAre(0, 2));
}

TEST(PartitionReporter, TakesAPartitionBook) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const RangePartitionBook book,
                                RangePartitionBook::Create({0, 2, 5}));
  PartitionReporter reporter(
      2, EdgeOwner::kSource,
      [&book](absl::Span<const int64_t> ids, absl::Span<uint32_t> owners) {
        return book.PartitionOf(ids, owners);
      });
  ASSERT_THAT(reporter.AddEdges(kSrc, kDst), IsOk());
  EXPECT_EQ(reporter.report().cut_edges, 3);
  EXPECT_THAT(reporter.AddNodes(0, 6), StatusIs(absl::StatusCode::kNotFound));
}

TEST(PartitionReporter, EstimatesWhatACacheSaves) {
  PartitionReporter reporter = Reporter();
  // Node 0 is its own although it is cached; 2 is cached; 3 and 4 are not.
  ASSERT_THAT(reporter.AddAccesses(0, {1, 1, 0.5F, 0.25F, 0.25F}, {2, 0}),
              IsOk());
  ASSERT_THAT(reporter.AddAccesses(1, {1, 0, 1, 1, 0}, {}), IsOk());
  const std::vector<PartitionAccesses>& accesses = reporter.report().accesses;
  EXPECT_EQ(accesses[0],
            (PartitionAccesses{.local = 2, .cached = 0.5, .remote = 0.5}));
  EXPECT_DOUBLE_EQ(accesses[0].CacheHitRate(), 0.5);
  EXPECT_DOUBLE_EQ(accesses[0].LocalShare(), 2.5 / 3);
  EXPECT_DOUBLE_EQ(accesses[1].CacheHitRate(), 0);
  EXPECT_EQ(reporter.report().TotalAccesses(),
            (PartitionAccesses{.local = 4, .cached = 0.5, .remote = 1.5}));
}

TEST(PartitionReport, OfNothingIsPerfect) {
  const PartitionReporter reporter = Reporter();
  const PartitionReport& report = reporter.report();
  EXPECT_EQ(report.CutShare(), 0);
  EXPECT_EQ(report.NodeBalance(), 1);
  EXPECT_EQ(report.EdgeBalance(), 1);
  EXPECT_EQ(report.TotalAccesses().CacheHitRate(), 1);
  EXPECT_EQ(report.TotalAccesses().LocalShare(), 1);
}

TEST(PartitionReporter, RefusesWhatHasNoOwner) {
  PartitionReporter reporter = Reporter();
  EXPECT_THAT(reporter.AddNodes(4, 6),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("node 5")));
  EXPECT_THAT(reporter.AddEdges({0}, {-1}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("node -1")));
  const std::vector<uint32_t> beyond = {0, 2};
  PartitionReporter two(2, EdgeOwner::kSource, LookUpIn(beyond));
  EXPECT_THAT(two.AddEdges({0}, {1}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("node 1"), HasSubstr("is 2"))));
}

TEST(PartitionReporter, RefusesWhatDoesNotAgree) {
  PartitionReporter reporter = Reporter();
  EXPECT_THAT(reporter.AddEdges({0, 1}, {0}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("2 sources and 1 destinations")));
  EXPECT_THAT(reporter.AddAccesses(2, {1, 1, 1, 1, 1}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("partition 2 of 2")));
  EXPECT_THAT(
      reporter.AddAccesses(0, {1, 1}, {2}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("caches node 2")));
}

}  // namespace
}  // namespace fairlead
