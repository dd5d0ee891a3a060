#include "libs/dist_graph/dist_graph.h"

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/dist_graph/fake_partitions.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::PapersAndAuthors;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kWrites[] = "author__writes__paper";

// Ids of nodes and edges are given, or count from 0.
DatasetContents OneType(bool with_ids) {
  DatasetContents contents;
  contents.name = "one";
  contents.nodes = {{.name = "n", .num_nodes = 3}};
  contents.edges = {{.name = {"n", "to", "n"}, .edges = {{0, 1}, {1, 2}}}};
  if (with_ids) {
    contents.nodes[0].ids = {5, 70, int64_t{1} << 40};
    contents.edges[0].edges = {{5, 70}, {70, 5}};
    contents.edges[0].ids = {int64_t{1} << 41, 8};
  }
  return contents;
}

// Parity GL-040, GL-041.
TEST(DistGraph, OfOneTypeNeedsNoNameOfIt) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, WriteWhole(OneType(false)));
  const DistGraph graph(*dataset);
  EXPECT_EQ(graph.num_partitions(), 1U);
  EXPECT_EQ(graph.partition_idx(), 0U);
  EXPECT_THAT(graph.GetLocalGraph(), IsOkAndHolds(&dataset->edge_types()[0]));
  EXPECT_THAT(graph.GetLocalGraph("n__to__n"),
              IsOkAndHolds(&dataset->edge_types()[0]));
  EXPECT_THAT(graph.GetLocalGraph("n__fro__n"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("n__to__n")));
  EXPECT_THAT(graph.GetLocalGraph("to"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(DistGraph, OfSeveralTypesNeedsTheName) {
  DatasetContents contents = OneType(false);
  contents.edges.push_back({.name = {"n", "fro", "n"}});
  contents.nodes.push_back({.name = "m", .num_nodes = 1});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, WriteWhole(contents));
  const DistGraph graph(*dataset);
  EXPECT_THAT(graph.GetLocalGraph(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("n__to__n"), HasSubstr("n__fro__n"))));
  EXPECT_THAT(graph.GetLocalGraph("n__to__n"),
              IsOkAndHolds(&dataset->edge_types()[1]));
  EXPECT_THAT(graph.GetNodePartitions({0}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("m, n")));
  EXPECT_THAT(graph.GetNodePartitions({0}, "m"), IsOkAndHolds(ElementsAre(0)));
  EXPECT_THAT(graph.GetNodePartitions({0}, "k"),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(graph.GetEdgePartitions({0}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(graph.GetEdgePartitions({0}, "n__fro__n"),  // which has no edges
              StatusIs(absl::StatusCode::kNotFound));
}

// Parity GL-042, GL-043: the one partition has all there is, and no more.
TEST(DistGraph, OfOnePartitionOwnsWhatThereIs) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, WriteWhole(OneType(false)));
  const DistGraph graph(*dataset);
  EXPECT_THAT(graph.GetNodePartitions({2, 0, 2}),
              IsOkAndHolds(ElementsAre(0, 0, 0)));
  EXPECT_THAT(graph.GetNodePartitions({}), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(graph.GetEdgePartitions({1, 0}), IsOkAndHolds(ElementsAre(0, 0)));
  for (const int64_t wrong : {int64_t{-1}, int64_t{3}, INT64_MAX, INT64_MIN}) {
    EXPECT_THAT(graph.GetNodePartitions({0, wrong}),
                StatusIs(absl::StatusCode::kNotFound,
                         HasSubstr(absl::StrCat("1 id, ", wrong))));
    EXPECT_THAT(graph.GetEdgePartitions({0, wrong}),
                StatusIs(absl::StatusCode::kNotFound,
                         HasSubstr(absl::StrCat("1 id, ", wrong))));
  }
}

TEST(DistGraph, IdsBetweenThoseThatThereAreAreNobodys) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, WriteWhole(OneType(true)));
  const DistGraph graph(*dataset);
  EXPECT_THAT(graph.GetNodePartitions({70, int64_t{1} << 40, 5}),
              IsOkAndHolds(ElementsAre(0, 0, 0)));
  EXPECT_THAT(graph.GetNodePartitions({5, 6}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("1 id, 6")));
  EXPECT_THAT(graph.GetEdgePartitions({8, int64_t{1} << 41, 8}),
              IsOkAndHolds(ElementsAre(0, 0, 0)));
  EXPECT_THAT(graph.GetEdgePartitions({8, 9}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("1 id, 9")));
}

class DistGraphOfPartitions : public ::testing::TestWithParam<BookKind> {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(whole_, WriteWhole(PapersAndAuthors()));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        parts_, PartitionedDataset::Create(*whole_, 3, GetParam()));
  }

  std::unique_ptr<const Dataset> whole_;
  PartitionedDataset parts_;
};

INSTANTIATE_TEST_SUITE_P(Books, DistGraphOfPartitions,
                         ::testing::Values(BookKind::kTable, BookKind::kHash));

TEST_P(DistGraphOfPartitions, OwnersAreThePartitionsThatHaveTheNodes) {
  for (uint32_t p = 0; p < 3; ++p) {
    const DistGraph graph(parts_.partition(p));
    EXPECT_EQ(graph.num_partitions(), 3U);
    EXPECT_EQ(graph.partition_idx(), p);
    for (const NodeType& type : whole_->node_types()) {
      std::vector<int64_t> ids;
      for (int64_t row = type.num_nodes; row > 0; --row) {
        ids.push_back(type.ids.Id(row - 1));
      }
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint32_t> owners,
                                    graph.GetNodePartitions(ids, type.name));
      for (size_t i = 0; i < ids.size(); ++i) {
        const Dataset& owner = parts_.partition(owners[i]);
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(const int index,
                                      owner.FindNodeType(type.name));
        ASSERT_GE(
            owner.node_types()[static_cast<size_t>(index)].ids.Row(ids[i]), 0);
      }
    }
    EXPECT_THAT(graph.GetNodePartitions({0, 300}, "paper"),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("300")));
  }
}

TEST_P(DistGraphOfPartitions, OwnersAreThePartitionsThatHaveTheEdges) {
  const DistGraph graph(parts_.partition(0));
  for (uint32_t p = 0; p < 3; ++p) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const EdgeType* edges,
        DistGraph(parts_.partition(p)).GetLocalGraph(kWrites));
    ASSERT_GT(edges->num_edges(), 0);
    std::vector<int64_t> ids;
    for (int64_t i = 0; i < edges->num_edges(); ++i) {
      ids.push_back(edges->out->EdgeId(i));
    }
    const std::vector<uint32_t> expected(ids.size(), p);
    EXPECT_THAT(graph.GetEdgePartitions(ids, kWrites), IsOkAndHolds(expected));
    EXPECT_THAT(graph.GetEdgePartitions(ids), IsOkAndHolds(expected));
  }
  EXPECT_THAT(graph.GetEdgePartitions({3, 4}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("4")));
}

}  // namespace
}  // namespace fairlead
