#include "libs/sampling/ppr_degrees.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<int32_t> LookUp(const PprDegrees& degrees, int node_type,
                            const std::vector<int64_t>& ids) {
  std::vector<int32_t> out(ids.size(), -7);
  degrees.LookUp(node_type, ids, absl::MakeSpan(out));
  return out;
}

TEST(PprDegreesTest, NeighboursCountAlongTheEdgeTypesThatAreNamedAlone) {
  DatasetContents contents;
  contents.name = "test";
  contents.nodes.push_back({.name = "a", .num_nodes = 3});
  contents.nodes.push_back({.name = "b", .num_nodes = 2});
  contents.edges.push_back({.name = {"a", "x", "a"},
                            .edges = {{0, 1}, {0, 2}, {0, 2}, {2, 0}},
                            .by_dst = true});
  contents.edges.push_back(
      {.name = {"a", "x", "b"}, .edges = {{0, 1}, {1, 0}}, .by_dst = true});
  contents.edges.push_back(
      {.name = {"a", "y", "a"}, .edges = {{1, 1}}, .by_dst = true});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(std::move(contents)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PprDegrees out,
      PprDegrees::OfWholeDataset(*dataset, {0, 1}, EdgeDir::kOut));
  EXPECT_THAT(LookUp(out, 0, {2, 1, 0, 0}), ElementsAre(1, 1, 4, 4));
  EXPECT_THAT(LookUp(out, 1, {0, 1}), ElementsAre(0, 0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PprDegrees in,
      PprDegrees::OfWholeDataset(*dataset, {0, 1}, EdgeDir::kIn));
  EXPECT_THAT(LookUp(in, 0, {0, 1, 2}), ElementsAre(1, 1, 2));
  EXPECT_THAT(LookUp(in, 1, {0, 1}), ElementsAre(1, 1));
  EXPECT_THAT(LookUp(in, 0, {-1, 3, std::numeric_limits<int64_t>::max(), 2}),
              ElementsAre(0, 0, 0, 2));
}

TEST(PprDegreesTest, IdsThatAreSparseTakeNoRoomInBetween) {
  DatasetContents contents;
  contents.name = "test";
  const int64_t far = int64_t{1} << 40;
  contents.nodes.push_back({.name = "a", .num_nodes = 3, .ids = {5, 9, far}});
  contents.edges.push_back(
      {.name = {"a", "x", "a"}, .edges = {{9, 5}, {9, far}, {far, 5}}});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(std::move(contents)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PprDegrees degrees,
      PprDegrees::OfWholeDataset(*dataset, {0}, EdgeDir::kOut));
  EXPECT_THAT(LookUp(degrees, 0, {far, 9, 5, 6}), ElementsAre(1, 2, 0, 0));
}

TEST(PprDegreesTest, RowsOfPartitionsMakeTheWholeGraphsArrays) {
  for (const BookKind book :
       {BookKind::kRange, BookKind::kTable, BookKind::kHash}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto whole,
        WriteWhole(RandomContents({.seed = 5, .heterogeneous = true})));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto parts,
                                  PartitionedDataset::Create(*whole, 3, book));
    const std::vector<int> edge_types = {0, 2, 3};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto expected,
        TotalDegreesOfRows(*whole, edge_types, EdgeDir::kIn));
    std::vector<std::vector<uint32_t>> by_id(expected.size());
    for (uint32_t p = 0; p < 3; ++p) {
      const Dataset& part = parts.partition(p);
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const auto of_rows,
          TotalDegreesOfRows(part, edge_types, EdgeDir::kIn));
      for (size_t t = 0; t < by_id.size(); ++t) {
        const NodeType& type = part.node_types()[t];
        by_id[t].resize(static_cast<size_t>(type.id_end()));
        ASSERT_EQ(of_rows[t].size(), static_cast<size_t>(type.num_nodes));
        for (size_t row = 0; row < of_rows[t].size(); ++row) {
          by_id[t]
               [static_cast<size_t>(type.ids.Id(static_cast<int64_t>(row)))] =
                   of_rows[t][row];
        }
      }
    }
    EXPECT_EQ(by_id, expected);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const PprDegrees degrees,
        PprDegrees::OfArrays(parts.partition(1), {by_id[0], by_id[1]}));
    EXPECT_THAT(LookUp(degrees, 1, {0, 1'000'000}),
                ElementsAre(by_id[1][0], 0));
  }
}

TEST(PprDegreesTest, LargeDegreesAreCutToWhatAnInt32Holds) {
  DatasetContents contents;
  contents.name = "test";
  contents.nodes.push_back({.name = "a", .num_nodes = 2});
  contents.edges.push_back({.name = {"a", "x", "a"}});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(std::move(contents)));
  const std::vector<uint32_t> by_id = {0xFFFFFFFF, 0x7FFFFFFF};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PprDegrees degrees,
                                PprDegrees::OfArrays(*dataset, {by_id}));
  EXPECT_THAT(LookUp(degrees, 0, {0, 1}), ElementsAre(0x7FFFFFFF, 0x7FFFFFFF));
}

TEST(PprDegreesTest, ArraysOfPartsOfTheGraphAreRefused) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole,
                                WriteWhole(RandomContents({.seed = 5})));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto parts, PartitionedDataset::Create(*whole, 2, BookKind::kHash));
  EXPECT_THAT(PprDegrees::OfWholeDataset(parts.partition(1), {0}, EdgeDir::kOut)
                  .status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("partition 1 of 2")));
  const std::vector<uint32_t> too_few(
      static_cast<size_t>(whole->node_types()[0].num_nodes) - 1);
  EXPECT_THAT(PprDegrees::OfArrays(parts.partition(1), {too_few}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(absl::StrCat(too_few.size(), " entries"))));
  EXPECT_THAT(PprDegrees::OfArrays(parts.partition(1), {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("0 arrays for 1 node types")));
}

TEST(PprDegreesTest, EdgeTypesThatCannotBeAreRefused) {
  DatasetContents contents;
  contents.name = "test";
  contents.nodes.push_back({.name = "a", .num_nodes = 2});
  contents.edges.push_back({.name = {"a", "x", "a"}});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(std::move(contents)));
  EXPECT_THAT(CheckPprEdgeTypes(*dataset, {0}, EdgeDir::kOut), IsOk());
  EXPECT_THAT(CheckPprEdgeTypes(*dataset, {0}, EdgeDir::kIn),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("not listed by destination")));
  const std::vector<std::vector<int>> bad = {{}, {1}, {-1}, {0, 0}};
  for (const std::vector<int>& edge_types : bad) {
    EXPECT_THAT(CheckPprEdgeTypes(*dataset, edge_types, EdgeDir::kOut),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("PPR edge_types")));
    EXPECT_THAT(
        TotalDegreesOfRows(*dataset, edge_types, EdgeDir::kOut).status(),
        StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace fairlead
