#include <cstdint>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/graph_store.pb.h"
#include "services/sampler_pool/graph_store.h"
#include "services/sampler_pool/graph_store_fixture.h"

// Rows, edges and nodes (parity DS-24 to DS-28, DS-34).
namespace fairlead {
namespace {

using ::fairlead::testing::Buys;
using ::fairlead::testing::Chain;
using ::fairlead::testing::EdgeTypeOf;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::Nodes;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kNotFound = absl::StatusCode::kNotFound;

using Edge = std::tuple<int64_t, int64_t, int64_t>;  // src, dst, id

class GraphStoreRowsTest : public ::fairlead::testing::GraphStoreFixture {
 protected:
  static absl::StatusOr<v1::GetRowsResponse> Rows(
      const Dataset& dataset, const v1::TypeRef& type, v1::RowKind kind,
      const std::vector<int64_t>& ids) {
    v1::GetRowsRequest request;
    *request.mutable_type() = type;
    request.set_kind(kind);
    request.mutable_ids()->Add(ids.begin(), ids.end());
    return GraphStore(dataset).Rows(request);
  }

  static absl::StatusOr<std::vector<v1::EdgeIndexChunk>> EdgeIndex(
      const Dataset& dataset, const v1::GetEdgeIndexRequest& request) {
    std::vector<v1::EdgeIndexChunk> chunks;
    const absl::Status status = GraphStore(dataset).EdgeIndex(
        request, [&chunks](const v1::EdgeIndexChunk& chunk) {
          chunks.push_back(chunk);
          return true;
        });
    if (!status.ok()) return status;
    return chunks;
  }

  static std::vector<Edge> Edges(
      const std::vector<v1::EdgeIndexChunk>& chunks) {
    std::vector<Edge> edges;
    for (const v1::EdgeIndexChunk& chunk : chunks) {
      for (int i = 0; i < chunk.rows_size(); ++i) {
        edges.emplace_back(chunk.rows(i), chunk.cols(i), chunk.edge_ids(i));
      }
    }
    return edges;
  }

  static absl::StatusOr<std::vector<int64_t>> NodeIds(
      const Dataset& dataset, const v1::GetNodeIdsRequest& request) {
    std::vector<int64_t> ids;
    const absl::Status status = GraphStore(dataset).NodeIds(
        request, [&ids](const v1::NodeIdsChunk& chunk) {
          ids.insert(ids.end(), chunk.ids().begin(), chunk.ids().end());
          return true;
        });
    if (!status.ok()) return status;
    return ids;
  }
  static v1::GetNodeIdsRequest NodesOf(const char* type, v1::Split split) {
    v1::GetNodeIdsRequest request;
    request.set_node_type(type);
    request.set_split(split);
    return request;
  }
};

// --- DS-24, 26 --------------------------------------------------------------

TEST_F(GraphStoreRowsTest, RowsAreThoseOfTheIdsWithTheirDescription) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const v1::GetRowsResponse users,
      Rows(*shop_, Nodes("user"), v1::ROW_KIND_FEATURES, {3, 0, 3}));
  EXPECT_THAT(users.rows(), ElementsAre(30, 31, 0, 1, 30, 31));
  EXPECT_EQ(users.meta().dtype(), v1::DTYPE_INT8);
  EXPECT_EQ(users.meta().columns(), 2u);
  EXPECT_THAT(users.meta().scale(), ElementsAre(0.5F, 2));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const v1::GetRowsResponse labels,
      Rows(*shop_, Nodes("item"), v1::ROW_KIND_LABELS, {2, 0}));
  std::vector<int64_t> values(2);
  ASSERT_EQ(labels.rows().size(), 16u);
  std::memcpy(values.data(), labels.rows().data(), 16);
  EXPECT_THAT(values, ElementsAre(1, 2));
  EXPECT_EQ(labels.meta().dtype(), v1::DTYPE_INT64);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const v1::GetRowsResponse edges,
      Rows(*shop_, Buys(), v1::ROW_KIND_FEATURES, {5}));
  float value = 0;
  ASSERT_EQ(edges.rows().size(), sizeof(value));
  std::memcpy(&value, edges.rows().data(), sizeof(value));
  EXPECT_EQ(value, 50);
}

TEST_F(GraphStoreRowsTest, RowsOfOtherPartitionsAreNotFoundByName) {
  for (int64_t id = 0; id < 5; ++id) {
    const uint32_t owner =
        (*PartitionIds(parts_.partition(0), Nodes("user"), {id}))[0];
    EXPECT_THAT(Rows(parts_.partition(owner), Nodes("user"),
                     v1::ROW_KIND_FEATURES, {id}),
                IsOk());
    EXPECT_THAT(Rows(parts_.partition(1 - owner), Nodes("user"),
                     v1::ROW_KIND_FEATURES, {id}),
                StatusIs(kNotFound, HasSubstr(absl::StrCat(id))));
  }
}

TEST_F(GraphStoreRowsTest, RowsThatThereAreNoneOfAreRefused) {
  EXPECT_THAT(Rows(*shop_, Nodes("user"), v1::ROW_KIND_LABELS, {0}),
              StatusIs(kInvalid, HasSubstr("ROW_KIND_LABELS")));
  EXPECT_THAT(Rows(*shop_, Nodes("user"), v1::ROW_KIND_UNSPECIFIED, {0}),
              StatusIs(kInvalid));
  EXPECT_THAT(Rows(*shop_, Buys(), v1::ROW_KIND_LABELS, {5}),
              StatusIs(kInvalid));
  EXPECT_THAT(Rows(*shop_, Nodes("shop"), v1::ROW_KIND_FEATURES, {0}),
              StatusIs(kNotFound));
}

// --- DS-27, 28 --------------------------------------------------------------

TEST_F(GraphStoreRowsTest, EdgesAreSourcesAndDestinationsHoweverListed) {
  v1::GetEdgeIndexRequest request;
  request.set_layout("coo");
  request.set_with_ids(true);
  *request.mutable_edge_type() = EdgeTypeOf("user", "buys", "item");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto buys, EdgeIndex(*shop_, request));
  EXPECT_THAT(Edges(buys), ElementsAre(Edge{0, 1, 5}, Edge{0, 2, 7},
                                       Edge{3, 0, 6}, Edge{4, 2, 4}));
  EXPECT_EQ(buys[0].row_count(), 5u);
  EXPECT_EQ(buys[0].col_count(), 3u);
  EXPECT_EQ(buys[0].edges(), 4u);
  *request.mutable_edge_type() = EdgeTypeOf("user", "likes", "item");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto likes, EdgeIndex(*shop_, request));
  EXPECT_THAT(Edges(likes),
              ElementsAre(Edge{2, 0, 1}, Edge{0, 1, 0}, Edge{3, 1, 2}));
  EXPECT_EQ(likes[0].row_count(), 5u);
  EXPECT_EQ(likes[0].col_count(), 3u);
}

TEST_F(GraphStoreRowsTest, EdgesComeInChunksOfTheSizeThatIsAskedFor) {
  v1::GetEdgeIndexRequest request;  // the chain's only type, without ids
  for (const auto& [size, chunks] :
       {std::pair{1u, 5u}, {3u, 2u}, {5u, 1u}, {0u, 1u}}) {
    request.set_chunk_edges(size);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto got, EdgeIndex(*chain_, request));
    ASSERT_EQ(got.size(), chunks);
    EXPECT_EQ(got[0].edges(), 5u);
    std::vector<int64_t> rows;
    for (const v1::EdgeIndexChunk& chunk : got) {
      EXPECT_THAT(chunk.edge_ids(), IsEmpty());
      EXPECT_EQ(chunk.cols_size(), chunk.rows_size());
      rows.insert(rows.end(), chunk.rows().begin(), chunk.rows().end());
    }
    EXPECT_THAT(rows, ElementsAre(0, 1, 2, 3, 4));
  }
  // Of no edges there is a chunk that says so.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto lone, WriteWhole(Chain(1)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto got, EdgeIndex(*lone, request));
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].row_count(), 1u);
}

TEST_F(GraphStoreRowsTest, PartitionsTogetherHaveEveryEdgeOnce) {
  v1::GetEdgeIndexRequest request;
  request.set_with_ids(true);
  for (const char* relation : {"buys", "likes"}) {
    *request.mutable_edge_type() = EdgeTypeOf("user", relation, "item");
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, EdgeIndex(*shop_, request));
    std::vector<Edge> edges;
    for (uint32_t p = 0; p < 2; ++p) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto part,
                                    EdgeIndex(parts_.partition(p), request));
      EXPECT_EQ(part[0].row_count(), 5u);
      for (const Edge& edge : Edges(part)) edges.push_back(edge);
    }
    EXPECT_THAT(edges, UnorderedElementsAreArray(Edges(whole)));
  }
}

TEST_F(GraphStoreRowsTest, EdgesInAnotherLayoutOrOfNoTypeAreRefused) {
  v1::GetEdgeIndexRequest request;
  request.set_layout("csr");
  EXPECT_THAT(EdgeIndex(*chain_, request),
              StatusIs(kInvalid, AllOf(HasSubstr("csr"), HasSubstr("coo"))));
  request.set_layout("");
  request.set_chunk_edges(UINT32_MAX);
  EXPECT_THAT(EdgeIndex(*chain_, request),
              StatusIs(kInvalid, HasSubstr("chunk_edges")));
  request.clear_chunk_edges();
  EXPECT_THAT(EdgeIndex(*shop_, request), StatusIs(kInvalid));
  *request.mutable_edge_type() = EdgeTypeOf("user", "sells", "item");
  EXPECT_THAT(EdgeIndex(*shop_, request), StatusIs(kNotFound));
}

// --- DS-34, 54 --------------------------------------------------------------

TEST_F(GraphStoreRowsTest, NodesAreThoseOfASplitOrAll) {
  EXPECT_THAT(*NodeIds(*shop_, NodesOf("user", v1::SPLIT_TRAIN)),
              ElementsAre(4, 0, 2));
  EXPECT_THAT(*NodeIds(*shop_, NodesOf("user", v1::SPLIT_VAL)), ElementsAre(1));
  EXPECT_THAT(NodeIds(*shop_, NodesOf("user", v1::SPLIT_TEST)),
              StatusIs(kNotFound, HasSubstr("SPLIT_TEST")));
  for (const v1::Split all : {v1::SPLIT_ALL, v1::SPLIT_UNSPECIFIED}) {
    EXPECT_THAT(*NodeIds(*shop_, NodesOf("user", all)),
                ElementsAre(0, 1, 2, 3, 4));
    EXPECT_THAT(*NodeIds(*chain_, NodesOf("", all)),
                ElementsAre(0, 1, 2, 3, 4, 5));
  }
  EXPECT_THAT(NodeIds(*shop_, NodesOf("user", static_cast<v1::Split>(9))),
              StatusIs(kInvalid, HasSubstr("split")));
  EXPECT_THAT(NodeIds(*shop_, NodesOf("", v1::SPLIT_ALL)), StatusIs(kInvalid));
  EXPECT_THAT(NodeIds(*shop_, NodesOf("shop", v1::SPLIT_ALL)),
              StatusIs(kNotFound));
}

TEST_F(GraphStoreRowsTest, SlicesOfNodesTileThemInEveryPartition) {
  for (const char* type : {"user", "item"}) {
    for (const v1::Split split : {v1::SPLIT_ALL, v1::SPLIT_TRAIN}) {
      std::vector<int64_t> together;
      for (uint32_t p = 0; p < 2; ++p) {
        v1::GetNodeIdsRequest request = NodesOf(type, split);
        const auto all = NodeIds(parts_.partition(p), request);
        if (!all.ok()) continue;  // items have no splits
        std::vector<int64_t> tiles;
        for (uint32_t i = 0; i < 3; ++i) {
          request.mutable_slice()->set_start_numerator(i);
          request.mutable_slice()->set_end_numerator(i + 1);
          request.mutable_slice()->set_denominator(3);
          FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> tile,
                                        NodeIds(parts_.partition(p), request));
          tiles.insert(tiles.end(), tile.begin(), tile.end());
        }
        EXPECT_THAT(tiles, ElementsAreArray(*all));
        together.insert(together.end(), tiles.begin(), tiles.end());
      }
      const auto whole = NodeIds(*shop_, NodesOf(type, split));
      if (!whole.ok()) continue;
      EXPECT_THAT(together, UnorderedElementsAreArray(*whole));
    }
  }
  v1::GetNodeIdsRequest bad = NodesOf("user", v1::SPLIT_ALL);
  bad.mutable_slice()->set_denominator(0);
  EXPECT_THAT(NodeIds(*shop_, bad), StatusIs(kInvalid));
}

TEST_F(GraphStoreRowsTest, WhoWantsNoMoreChunksGetsNoMore) {
  v1::GetEdgeIndexRequest request;
  request.set_chunk_edges(1);
  int chunks = 0;
  ASSERT_THAT(GraphStore(*chain_).EdgeIndex(
                  request, [&chunks](const auto&) { return ++chunks < 2; }),
              IsOk());
  EXPECT_EQ(chunks, 2);
}

}  // namespace
}  // namespace fairlead
