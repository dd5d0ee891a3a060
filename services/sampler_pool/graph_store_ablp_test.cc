#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/graph_store.pb.h"
#include "services/sampler_pool/graph_store.h"

// GetAblpInput (parity DS-36).
namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Pairs = std::vector<std::pair<int64_t, int64_t>>;

// Which way the edges are stored.
enum class Stored { kOutward, kTurnedRound };

// Golden vector G10, of users and items: user i likes items i and i + 1, modulo
// 5, and dislikes i + 2.
DatasetContents Contents(Stored stored, bool with_negatives = true) {
  DatasetContents contents;
  contents.name = "golden";
  contents.nodes = {{.name = "item", .num_nodes = 5},
                    {.name = "user",
                     .num_nodes = 5,
                     .train = {{0, 1, 2}},
                     .val = {{3}},
                     .test = {{4}}}};
  const auto add = [&](const char* relation, const Pairs& outward) {
    DatasetContents::Edges& edges = contents.edges.emplace_back();
    const bool is_outward = stored == Stored::kOutward;
    edges.name = is_outward ? EdgeTypeName{"user", relation, "item"}
                            : EdgeTypeName{"item", relation, "user"};
    for (const auto& [anchor, label] : outward) {
      edges.edges.push_back(is_outward ? std::pair{anchor, label}
                                       : std::pair{label, anchor});
    }
    edges.by_src = is_outward;
    edges.by_dst = !is_outward;
  };
  add("likes", {{0, 0}});
  add("likes_gigl_positive", {{0, 0},
                              {0, 1},
                              {1, 1},
                              {1, 2},
                              {2, 2},
                              {2, 3},
                              {3, 3},
                              {3, 4},
                              {4, 4},
                              {4, 0}});
  if (with_negatives) {
    add("likes_gigl_negative", {{0, 2}, {1, 3}, {2, 4}, {3, 0}, {4, 1}});
  }
  return contents;
}

v1::GetAblpInputRequest Request(v1::Split split) {
  v1::GetAblpInputRequest request;
  request.set_node_type("user");
  request.set_split(split);
  request.mutable_supervision_edge_type()->set_src("user");
  request.mutable_supervision_edge_type()->set_relation("likes");
  request.mutable_supervision_edge_type()->set_dst("item");
  return request;
}

// All chunks as one.
absl::StatusOr<v1::AblpInputChunk> Ask(const Dataset& dataset,
                                       const v1::GetAblpInputRequest& request) {
  v1::AblpInputChunk all;
  const absl::Status status = GraphStore(dataset).AblpInput(
      request, [&all](const v1::AblpInputChunk& chunk) {
        all.MergeFrom(chunk);
        return true;
      });
  if (!status.ok()) return status;
  return all;
}

class GraphStoreAblpTest : public ::testing::TestWithParam<Stored> {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(dataset_, WriteWhole(Contents(GetParam())));
  }

  std::unique_ptr<const Dataset> dataset_;
};

INSTANTIATE_TEST_SUITE_P(, GraphStoreAblpTest,
                         ::testing::Values(Stored::kOutward,
                                           Stored::kTurnedRound));

// Labels of an anchor ascend, as its edges do.
TEST_P(GraphStoreAblpTest, AnchorsOfASplitComeWithTheirLabels) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::AblpInputChunk train,
                                Ask(*dataset_, Request(v1::SPLIT_TRAIN)));
  EXPECT_THAT(train.anchors(), ElementsAre(0, 1, 2));
  EXPECT_EQ(train.positive_columns(), 2u);
  EXPECT_THAT(train.positives(), ElementsAre(0, 1, 1, 2, 2, 3));
  EXPECT_TRUE(train.has_negatives());
  EXPECT_EQ(train.negative_columns(), 1u);
  EXPECT_THAT(train.negatives(), ElementsAre(2, 3, 4));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::AblpInputChunk val,
                                Ask(*dataset_, Request(v1::SPLIT_VAL)));
  EXPECT_THAT(val.anchors(), ElementsAre(3));
  EXPECT_THAT(val.positives(), ElementsAre(3, 4));
  EXPECT_THAT(val.negatives(), ElementsAre(0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::AblpInputChunk test,
                                Ask(*dataset_, Request(v1::SPLIT_TEST)));
  EXPECT_THAT(test.anchors(), ElementsAre(4));
  EXPECT_THAT(test.positives(), ElementsAre(0, 4));
  EXPECT_THAT(test.negatives(), ElementsAre(1));
}

TEST_P(GraphStoreAblpTest, NoMoreLabelsThanAreAskedFor) {
  v1::GetAblpInputRequest request = Request(v1::SPLIT_TRAIN);
  request.set_max_labels_per_anchor_node(1);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::AblpInputChunk capped,
                                Ask(*dataset_, request));
  EXPECT_EQ(capped.positive_columns(), 1u);
  EXPECT_THAT(capped.positives(), ElementsAre(0, 1, 2));
  request.set_max_labels_per_anchor_node(7);
  EXPECT_EQ(Ask(*dataset_, request)->positive_columns(), 2u);
}

TEST_P(GraphStoreAblpTest, SliceIsAPartAndAnEmptyOneHasNoColumns) {
  v1::GetAblpInputRequest request = Request(v1::SPLIT_TRAIN);
  request.mutable_slice()->set_start_numerator(1);
  request.mutable_slice()->set_end_numerator(3);
  request.mutable_slice()->set_denominator(3);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::AblpInputChunk part,
                                Ask(*dataset_, request));
  EXPECT_THAT(part.anchors(), ElementsAre(1, 2));
  EXPECT_THAT(part.negatives(), ElementsAre(3, 4));
  request.mutable_slice()->set_start_numerator(3);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::AblpInputChunk empty,
                                Ask(*dataset_, request));
  EXPECT_THAT(empty.anchors(), IsEmpty());
  EXPECT_EQ(empty.positive_columns(), 0u);
  EXPECT_EQ(empty.negative_columns(), 0u);
  EXPECT_THAT(empty.positives(), IsEmpty());
}

TEST_P(GraphStoreAblpTest, WithoutNegativesThereAreNone) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto dataset,
      WriteWhole(Contents(GetParam(), /*with_negatives=*/false)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::AblpInputChunk train,
                                Ask(*dataset, Request(v1::SPLIT_TRAIN)));
  EXPECT_FALSE(train.has_negatives());
  EXPECT_EQ(train.negative_columns(), 0u);
  EXPECT_THAT(train.negatives(), IsEmpty());
  EXPECT_THAT(train.positives(), ElementsAre(0, 1, 1, 2, 2, 3));
}

TEST_P(GraphStoreAblpTest, PartitionsTogetherHaveWhatTheWholeHas) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PartitionedDataset parts,
      PartitionedDataset::Create(*dataset_, 2, BookKind::kTable));
  std::vector<int64_t> anchors;
  for (uint32_t p = 0; p < 2; ++p) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const v1::AblpInputChunk part,
        Ask(parts.partition(p), Request(v1::SPLIT_TRAIN)));
    for (int i = 0; i < part.anchors_size(); ++i) {
      const int64_t anchor = part.anchors(i);
      anchors.push_back(anchor);
      EXPECT_EQ(part.positives(2 * i), anchor);
      EXPECT_EQ(part.positives(2 * i + 1), anchor + 1);
      EXPECT_EQ(part.negatives(i), anchor + 2);
    }
  }
  EXPECT_THAT(anchors, ::testing::UnorderedElementsAre(0, 1, 2));
}

TEST_P(GraphStoreAblpTest, WhatIsNotThereIsSaid) {
  v1::GetAblpInputRequest request = Request(v1::SPLIT_TRAIN);
  request.mutable_supervision_edge_type()->set_relation("knows");
  EXPECT_THAT(Ask(*dataset_, request),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("knows")));
  request = Request(v1::SPLIT_TRAIN);
  request.set_node_type("shop");
  EXPECT_THAT(Ask(*dataset_, request), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Ask(*dataset_, Request(v1::SPLIT_UNSPECIFIED)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("split")));
}

// User 3 is no item 3, though both are there.
TEST_P(GraphStoreAblpTest, AnchorsThatTheEdgesDoNotStartAtAreRefused) {
  v1::GetAblpInputRequest request = Request(v1::SPLIT_ALL);
  request.set_node_type("item");
  EXPECT_THAT(Ask(*dataset_, request),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("supervision_edge_type")));
}

TEST(GraphStoreAblpPaddingTest, AnchorsWithFewerLabelsArePadded) {
  DatasetContents contents;
  contents.name = "ragged";
  contents.nodes = {{.name = "n", .num_nodes = 4}};
  DatasetContents::Edges& edges = contents.edges.emplace_back();
  edges.name = {"n", "to_gigl_positive", "n"};
  edges.edges = {{0, 3}, {2, 1}, {2, 2}, {2, 3}};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(std::move(contents)));
  v1::GetAblpInputRequest request;
  request.set_split(v1::SPLIT_ALL);
  request.mutable_supervision_edge_type()->set_src("n");
  request.mutable_supervision_edge_type()->set_relation("to");
  request.mutable_supervision_edge_type()->set_dst("n");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::AblpInputChunk all,
                                Ask(*dataset, request));
  EXPECT_EQ(all.positive_columns(), 3u);
  EXPECT_THAT(all.positives(),
              ElementsAre(3, -1, -1, -1, -1, -1, 1, 2, 3, -1, -1, -1));
}

}  // namespace
}  // namespace fairlead
