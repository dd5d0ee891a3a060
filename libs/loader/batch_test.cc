// Batches of each kind of sampling, as what PyG and GiGL name their parts.

#include "libs/loader/batch.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/loader/batch_data.h"
#include "libs/loader/buffer_pool.h"
#include "libs/loader/encoded_batch.h"
#include "libs/loader/fake_cluster.h"
#include "libs/status/status_matchers.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;

using Tensors = std::vector<FakeTensor>;

std::vector<int64_t> Values(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.contiguous();
  const auto* const begin = dense.data_ptr<int64_t>();
  return {begin, begin + dense.numel()};
}

// A batch as it is received.
Batch Receive(const Tensors& tensors) {
  const std::string message = EncodeMessage(v1::MessageHeader(), tensors);
  const std::shared_ptr<uint8_t> buffer =
      *BufferPool(/*max_idle=*/0).Take(message.size());
  std::memcpy(buffer.get(), message.data(), message.size());
  auto decoded = DecodeBatch(buffer, message.size());
  EXPECT_TRUE(decoded.ok()) << decoded.status();
  ReceivedBatch received;
  received.message = std::move(decoded->message);
  received.buffer = buffer;
  received.bytes = message.size();
  return Batch(std::move(received));
}

// Four nodes, 10 to 13, of one type; of which 10 and 11 are seeds.
Batch Homogeneous(const Tensors& more) {
  Tensors tensors = {{"#IS_HETERO", {0}},     {"ids", {10, 11, 12, 13}},
                     {"batch", {10, 11, 10}}, {"batch_locals", {0, 1, 0}},
                     {"cols", {2, 3}},        {"rows", {0, 1}}};
  tensors.insert(tensors.end(), more.begin(), more.end());
  return Receive(tensors);
}

// Users 7 and 8, which are seeds, and items 30, 10, 20.
Batch Heterogeneous(const Tensors& more) {
  Tensors tensors = {
      {"#IS_HETERO", {1}},           {"user.ids", {7, 8}},
      {"user.batch", {7, 8, 7}},     {"user.batch_locals", {0, 1, 0}},
      {"item.ids", {30, 10, 20}},    {"user__buys__item.rows", {0}},
      {"user__buys__item.cols", {2}}};
  tensors.insert(tensors.end(), more.begin(), more.end());
  return Receive(tensors);
}

TEST(Batch, OfLinksHasPairsAndTheirLabels) {  // 2.5
  const Batch batch =
      Homogeneous({{"#META.edge_label_index", {0, 1, 0, 2, 3, 1}, 3},
                   {"#META.edge_label", {1, 1, 0}}});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data, batch.ToData());
  EXPECT_THAT(data.edge_label_index.sizes(), ElementsAre(2, 3));
  EXPECT_THAT(Values(data.edge_label_index), ElementsAre(0, 1, 0, 2, 3, 1));
  EXPECT_THAT(Values(data.edge_label), ElementsAre(1, 1, 0));
  EXPECT_FALSE(data.src_index.defined());
  EXPECT_THAT(data.metadata, IsEmpty());
}

TEST(Batch, OfTripletsHasNegativesForEachSource) {  // 2.5
  const Tensors triplets = {{"#META.src_index", {0, 1}},
                            {"#META.dst_pos_index", {2, 1}},
                            {"#META.dst_neg_index", {0, 1, 1, 2}, 2}};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const HeteroData data,
                                Heterogeneous(triplets).ToHeteroData());
  EXPECT_THAT(Values(data.src_index), ElementsAre(0, 1));
  EXPECT_THAT(Values(data.dst_pos_index), ElementsAre(2, 1));
  EXPECT_THAT(data.dst_neg_index.sizes(), ElementsAre(2, 2));
}

TEST(Batch, OfASubgraphHasTheMappingOfItsInputs) {  // 2.10
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Data data, Homogeneous({{"#META.mapping", {0, 1, 0}}}).ToData());
  EXPECT_THAT(Values(data.mapping), ElementsAre(0, 1, 0));
}

TEST(Batch, OfAnchorsHasPairsOfPlaceAndLocalIndex) {  // 2.8, G6
  const Batch batch = Heterogeneous(
      {{"#META.gigl_positive_labels.user__buys_gigl_positive__item",
        {20, -1, 30, 10, -1, -1},
        2},
       {"#META.gigl_negative_labels.user__buys_gigl_negative__item",
        {-1, 10, 30},
        1}});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const HeteroData data, batch.ToHeteroData());
  const EdgeTypeName positive{"user", "buys_gigl_positive", "item"};
  const EdgeTypeName negative{"user", "buys_gigl_negative", "item"};
  ASSERT_THAT(data.y_positive, ElementsAre(Key(positive)));
  EXPECT_THAT(data.y_positive.at(positive).sizes(), ElementsAre(2, 3));
  EXPECT_THAT(Values(data.y_positive.at(positive)),
              ElementsAre(0, 1, 1,    // places of anchors
                          2, 0, 1));  // items 20, 30, 10
  ASSERT_THAT(data.y_negative, ElementsAre(Key(negative)));
  EXPECT_THAT(Values(data.y_negative.at(negative)), ElementsAre(1, 2, 1, 0));
}

TEST(Batch, OfAnchorsWithoutLabelsHasNoPairs) {
  const Batch batch = Heterogeneous(
      {{"#META.gigl_positive_labels.user__buys_gigl_positive__item",
        {-1, -1, -1},
        1}});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const HeteroData data, batch.ToHeteroData());
  EXPECT_THAT(data.y_positive.begin()->second.sizes(), ElementsAre(2, 0));
  EXPECT_THAT(data.y_negative, IsEmpty());
}

TEST(Batch, OfPprHasPairsAndWeights) {  // 2.9
  const std::vector<double> weights = {0.5, 1, 0.25, 0.5};
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const Data data, Homogeneous({{"#META.edge_index", {0, 2, 3, 1}, 2},
                                      {"#META.edge_attr", weights, 2}})
                             .ToData());
    EXPECT_THAT(Values(data.ppr_edge_index), ElementsAre(0, 2, 3, 1));
    EXPECT_THAT(data.ppr_weight.sizes(), ElementsAre(2, 2));
    EXPECT_EQ(data.ppr_weight[1][0].item<double>(), 0.25);
    EXPECT_THAT(data.metadata, IsEmpty());
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const HeteroData data,
      Heterogeneous({{"#META.ppr_edge_index.user__ppr__item", {0, 2, 0, 2}, 2},
                     {"#META.ppr_weight.user__ppr__item", weights, 2}})
          .ToHeteroData());
  const EdgeTypeName type{"user", "ppr", "item"};
  ASSERT_THAT(data.ppr, ElementsAre(Key(type)));
  EXPECT_THAT(Values(data.ppr.at(type).edge_index), ElementsAre(0, 2, 0, 2));
  EXPECT_EQ(data.ppr.at(type).weight[0][1].item<double>(), 1);
}

TEST(Batch, KeepsOtherMetadataByName) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Data data, Homogeneous({{"#META.input_time", {5, 6, 7}}}).ToData());
  ASSERT_THAT(data.metadata, ElementsAre(Key("input_time")));
  EXPECT_THAT(Values(data.metadata.at("input_time")), ElementsAre(5, 6, 7));
}

TEST(Batch, LabelsAreAVectorIfTheyHaveOneColumn) {  // C-08
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Data one, Homogeneous({{"nlabels", {1, 2, 3, 4}}}).ToData());
  EXPECT_THAT(one.y.sizes(), ElementsAre(4));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Data two,
      Homogeneous({{"nlabels", {1, 2, 3, 4, 5, 6, 7, 8}, 2}}).ToData());
  EXPECT_THAT(two.y.sizes(), ElementsAre(4, 2));
}

TEST(Batch, SeedsAreAsAskedForWithTheirLocalIndices) {  // C-07
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data, Homogeneous({}).ToData());
  EXPECT_THAT(Values(data.batch), ElementsAre(10, 11, 10));
  EXPECT_THAT(Values(data.seed_index), ElementsAre(0, 1, 0));
}

TEST(Batch, WhatDoesNotFitIsDataLossThatNamesTheTensor) {
  const auto malformed = [](const Batch& batch, absl::string_view key) {
    EXPECT_THAT(
        batch.is_heterogeneous() ? batch.ToHeteroData().status()
                                 : batch.ToData().status(),
        StatusIs(absl::StatusCode::kDataLoss, HasSubstr(std::string(key))));
  };
  malformed(Homogeneous({{"#META.mapping", {0, 1}}}), "#META.mapping");
  malformed(Homogeneous({{"#META.mapping", {0, 1, 4}}}), "no 4 among 4");
  malformed(Homogeneous({{"#META.mapping", {0, 1, -1}}}), "no -1 among 4");
  malformed(Homogeneous({{"#META.edge_label_index", {0, 1}, 1}}),
            "#META.edge_label");
  malformed(Homogeneous({{"#META.edge_label_index", {0, 1}},
                         {"#META.edge_label", {1, 1}}}),
            "#META.edge_label_index");
  malformed(Homogeneous({{"#META.edge_label_index", {0, 9}, 1},
                         {"#META.edge_label", {1}}}),
            "no 9");
  malformed(Homogeneous({{"#META.src_index", {0}}}), "#META.dst_pos_index");
  malformed(Homogeneous({{"#META.dst_neg_index", {0}}}), "#META.src_index");
  malformed(Homogeneous({{"#META.edge_index", {0, 1}, 1}}), "#META.edge_attr");
  malformed(Homogeneous({{"#META.edge_index", {3, 1}, 1},
                         {"#META.edge_attr", std::vector<double>{1, 1}, 2}}),
            "#META.edge_index");
  const std::string positive = "#META.gigl_positive_labels.";
  malformed(Heterogeneous({{positive + "user__to__item", {20, 30}, 1}}),
            positive + "user__to__item");
  malformed(Heterogeneous({{positive + "user__to__item", {20, 30, 77}, 1}}),
            "77");
  malformed(Heterogeneous({{positive + "user", {20, 30, 10}, 1}}), positive);
  malformed(Heterogeneous({{positive + "shop__to__item", {20, 30, 10}, 1}}),
            positive + "shop__to__item");
  malformed(Receive({{"ids", {1}},
                     {"batch", {1}},
                     {"batch_locals", {1}},
                     {"cols", {}},
                     {"rows", {}}}),
            "batch_locals");
}

}  // namespace
}  // namespace fairlead
