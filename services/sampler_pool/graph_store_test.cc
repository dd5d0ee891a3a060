#include "services/sampler_pool/graph_store.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/partition_book.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/graph_store.pb.h"
#include "services/sampler_pool/graph_store_fixture.h"

// What there is, and who has it (parity DS-20 to DS-23, DS-29 to DS-33).
namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::Buys;
using ::fairlead::testing::Chain;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::Nodes;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kNotFound = absl::StatusCode::kNotFound;
constexpr auto kFailedPrecondition = absl::StatusCode::kFailedPrecondition;

using GraphStoreTest = ::fairlead::testing::GraphStoreFixture;

// --- DS-20, 25, 29 to 33, 35 ------------------------------------------------

TEST_F(GraphStoreTest, MetaDescribesEveryTypeInTheOrderOfNames) {
  const v1::GetDatasetMetaResponse meta = GraphStore(*shop_).Meta();
  EXPECT_EQ(meta.dataset_name(), "shop");
  EXPECT_EQ(meta.num_partitions(), 1u);
  EXPECT_TRUE(meta.is_heterogeneous());
  ASSERT_EQ(meta.node_types_size(), 2);
  const v1::NodeTypeMeta& item = meta.node_types(0);
  EXPECT_EQ(item.name(), "item");
  EXPECT_EQ(item.nodes(), 3u);
  EXPECT_EQ(item.features().dtype(), v1::DTYPE_FLOAT32);
  EXPECT_EQ(item.features().rows(), 3u);
  EXPECT_EQ(item.features().columns(), 1u);
  EXPECT_THAT(item.features().scale(), IsEmpty());
  EXPECT_EQ(item.labels().dtype(), v1::DTYPE_INT64);
  EXPECT_EQ(item.classes(), 3u);
  EXPECT_FALSE(item.has_timestamps());
  EXPECT_THAT(item.splits(), IsEmpty());
  const v1::NodeTypeMeta& user = meta.node_types(1);
  EXPECT_EQ(user.id_end(), 5u);
  EXPECT_EQ(user.features().dtype(), v1::DTYPE_INT8);
  EXPECT_THAT(user.features().scale(), ElementsAre(0.5F, 2));
  EXPECT_FALSE(user.has_labels());
  EXPECT_TRUE(user.has_timestamps());
  ASSERT_EQ(user.splits_size(), 2);
  EXPECT_EQ(user.splits(0).split(), v1::SPLIT_TRAIN);
  EXPECT_EQ(user.splits(0).nodes(), 3u);
  ASSERT_EQ(meta.edge_types_size(), 2);
  const v1::EdgeTypeMeta& buys = meta.edge_types(0);
  EXPECT_EQ(buys.edge_type().relation(), "buys");
  EXPECT_EQ(buys.edges(), 4u);
  EXPECT_TRUE(buys.has_weights() && buys.has_features() && buys.has_out());
  EXPECT_FALSE(buys.has_in() || buys.has_timestamps());
  const v1::EdgeTypeMeta& likes = meta.edge_types(1);
  EXPECT_EQ(likes.edge_type().src(), "user");
  EXPECT_TRUE(likes.has_in());
  EXPECT_FALSE(likes.has_out() || likes.has_weights() || likes.has_features());
}

TEST_F(GraphStoreTest, MetaOfAHomogeneousDatasetHasOneTypeOfEach) {
  const v1::GetDatasetMetaResponse meta = GraphStore(*chain_).Meta();
  EXPECT_FALSE(meta.is_heterogeneous());
  EXPECT_EQ(meta.node_types_size(), 1);
  EXPECT_EQ(meta.edge_types_size(), 1);
  EXPECT_EQ(meta.edge_dir(), v1::EDGE_DIR_OUT);
  DatasetContents inward = Chain();
  inward.edges[0].by_src = false;
  inward.edges[0].by_dst = true;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto in, WriteWhole(std::move(inward)));
  EXPECT_EQ(GraphStore(*in).Meta().edge_dir(), v1::EDGE_DIR_IN);
}

TEST_F(GraphStoreTest, MetaOfPartitionsIsAlikeButForWhatIsTheirs) {
  const v1::GetDatasetMetaResponse whole = GraphStore(*shop_).Meta();
  uint64_t users = 0;
  uint64_t bought = 0;
  uint64_t train = 0;
  for (uint32_t p = 0; p < 2; ++p) {
    const v1::GetDatasetMetaResponse meta =
        GraphStore(parts_.partition(p)).Meta();
    EXPECT_EQ(meta.partition(), p);
    EXPECT_EQ(meta.num_partitions(), 2u);
    ASSERT_EQ(meta.node_types_size(), 2);
    EXPECT_EQ(meta.node_types(1).name(), "user");
    EXPECT_EQ(meta.node_types(1).id_end(), 5u);
    EXPECT_EQ(meta.node_types(1).features().rows(), meta.node_types(1).nodes());
    EXPECT_EQ(meta.edge_types(0).edge_type().SerializeAsString(),
              whole.edge_types(0).edge_type().SerializeAsString());
    users += meta.node_types(1).nodes();
    bought += meta.edge_types(0).edges();
    train += meta.node_types(1).splits(0).nodes();
  }
  EXPECT_EQ(users, 5u);
  EXPECT_EQ(bought, 4u);
  EXPECT_EQ(train, 3u);
}

// --- DS-21 to 23 ------------------------------------------------------------

TEST_F(GraphStoreTest, OwnersAreThosePartitionsThatHaveTheIds) {
  for (const bool of_features : {false, true}) {
    for (uint32_t p = 0; p < 2; ++p) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const std::vector<uint32_t> owners,
          PartitionIds(parts_.partition(p), Nodes("user"), {4, 0, 1, 2, 3, 0},
                       of_features));
      ASSERT_EQ(owners.size(), 6u);
      EXPECT_EQ(owners[1], owners[5]);
      for (const auto& [i, id] : {std::pair{0, 4}, {1, 0}, {2, 1}, {3, 2}}) {
        const NodeType& there =
            parts_.partition(owners[static_cast<size_t>(i)]).node_types()[1];
        EXPECT_GE(there.ids.Row(id), 0);
      }
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const std::vector<uint32_t> edges,
          PartitionIds(parts_.partition(p), Buys(), {4}, of_features));
      // By the source, which is user 4.
      EXPECT_EQ(edges[0], owners[0]);
    }
  }
}

TEST_F(GraphStoreTest, OwnersAreAskedForByATypeThatThereIs) {
  const Dataset& part = parts_.partition(0);
  EXPECT_THAT(PartitionIds(part, Nodes(""), {0}), StatusIs(kInvalid));
  EXPECT_THAT(PartitionIds(part, Nodes("shop"), {0}), StatusIs(kNotFound));
  EXPECT_EQ(PartitionIds(part, Nodes("user"), {})->size(), 0u);
  EXPECT_THAT(PartitionIds(part, Nodes("user"), {0, 5}),
              StatusIs(kNotFound, HasSubstr("5")));
  EXPECT_THAT(PartitionIds(part, Nodes("user"), {-1}), StatusIs(kNotFound));
  EXPECT_THAT(PartitionIds(*shop_, Nodes("user"), {0}),
              StatusIs(kFailedPrecondition, HasSubstr("one partition")));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PartitionedDataset chain,
      PartitionedDataset::Create(*chain_, 2, BookKind::kRange));
  EXPECT_THAT(*PartitionIds(chain.partition(1), Nodes(""), {5, 0, 3, 2}),
              ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(*PartitionIds(chain.partition(1), Nodes("n"), {5}),
              ElementsAre(1));
}

TEST_F(GraphStoreTest, BooksOfEveryKindComeWhole) {
  constexpr int64_t kNodes = 70'000;  // more than a chunk has
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, WriteWhole(Chain(kNodes)));
  for (const BookKind kind :
       {BookKind::kRange, BookKind::kTable, BookKind::kHash}) {
    SCOPED_TRACE(static_cast<int>(kind));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PartitionedDataset parts,
                                  PartitionedDataset::Create(*whole, 3, kind));
    v1::PartitionBookChunk book;
    ASSERT_THAT(GraphStore(parts.partition(0))
                    .Book({},
                          [&book](const v1::PartitionBookChunk& chunk) {
                            EXPECT_LE(chunk.owners_size(), 65'536);
                            book.MergeFrom(chunk);
                            return true;
                          }),
                IsOk());
    EXPECT_EQ(book.num_partitions(), 3u);
    EXPECT_EQ(book.num_ids(), static_cast<uint64_t>(kNodes));
    EXPECT_EQ(book.bounds_size(), kind == BookKind::kRange ? 4 : 0);
    EXPECT_EQ(book.is_hashed(), kind == BookKind::kHash);
    EXPECT_EQ(book.owners_size(), kind == BookKind::kTable ? kNodes : 0);
    for (const int64_t id : {int64_t{0}, kNodes / 3, int64_t{65'536}}) {
      uint32_t owner = 0;
      if (kind == BookKind::kRange) {
        while (book.bounds(static_cast<int>(owner) + 1) <= id) ++owner;
      } else if (kind == BookKind::kTable) {
        owner = book.owners(static_cast<int>(id));
      } else {
        owner = HashOwner(id, 3);
      }
      EXPECT_THAT(*PartitionIds(parts.partition(0), Nodes(""), {id}),
                  ElementsAre(owner));
    }
  }
  EXPECT_THAT(GraphStore(*chain_).Book({}, [](const auto&) { return true; }),
              StatusIs(kFailedPrecondition));
}

// --- between pools ----------------------------------------------------------

TEST_F(GraphStoreTest, FetchForAnotherPartitionOrDatasetIsRefused) {
  const GraphStore store(parts_.partition(1));
  v1::PeerFetchRequest request;
  request.set_dataset_name("shop");
  request.set_num_partitions(2);
  request.set_partition(1);
  EXPECT_THAT(store.Fetch(request), IsOk());
  request.set_partition(0);
  EXPECT_THAT(store.Fetch(request),
              StatusIs(kFailedPrecondition,
                       HasSubstr("partition 1 of 2 of dataset shop")));
  request.set_partition(1);
  request.set_num_partitions(3);
  EXPECT_THAT(store.Fetch(request), StatusIs(kFailedPrecondition));
  request.set_num_partitions(2);
  request.set_dataset_name("chain");
  EXPECT_THAT(store.Fetch(request), StatusIs(kFailedPrecondition));
}

}  // namespace
}  // namespace fairlead
