#include "libs/sampling/link_sampler.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/sampling/alias_table.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/negative_draw.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_gather.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Mode = LinkSamplerOptions::NegativeMode;
using OnShortfall = NegativeSamplerOptions::OnShortfall;

const std::vector<int64_t>& Int64s(const MetaTensor& tensor) {
  return std::get<std::vector<int64_t>>(tensor.values);
}

// Users 0 to 3 and items 0 to 5: user u has bought items u and u + 1.
DatasetContents Shop() {
  DatasetContents contents;
  contents.name = "shop";
  contents.nodes.push_back({.name = "item", .num_nodes = 6});
  contents.nodes.push_back({.name = "user", .num_nodes = 4});
  auto& edges = contents.edges.emplace_back();
  edges.name = {"user", "bought", "item"};
  for (int64_t u = 0; u < 4; ++u) {
    edges.edges.emplace_back(u, u);
    edges.edges.emplace_back(u, u + 1);
  }
  return contents;
}

// The undirected graph of parity G11.
DatasetContents Homogeneous() {
  DatasetContents contents;
  contents.name = "golden";
  contents.nodes.push_back({.name = "node", .num_nodes = 5});
  auto& edges = contents.edges.emplace_back();
  edges.name = {"node", "to", "node"};
  edges.edges = {{0, 1}, {0, 2}, {1, 0}, {1, 2}, {1, 3},
                 {2, 0}, {2, 1}, {2, 4}, {3, 1}, {4, 2}};
  return contents;
}

class LinkSamplerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(shop_, WriteWhole(Shop()));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(graph_, WriteWhole(Homogeneous()));
  }

  static SampledBatch Sample(const Dataset& dataset,
                             const LinkSamplerOptions& options,
                             const BatchRequest& request) {
    SampledBatch out;
    auto sampler = LinkSampler::Create(dataset, options);
    EXPECT_THAT(sampler.status(), IsOk());
    if (sampler.ok()) {
      EXPECT_THAT((*sampler)->Begin(request, &out), IsOkAndHolds(true));
    }
    return out;
  }

  std::unique_ptr<const Dataset> shop_;
  std::unique_ptr<const Dataset> graph_;
};

TEST_F(LinkSamplerTest, EdgesAloneHaveLabelsOfOnes) {
  const std::vector<int64_t> src = {3, 1, 3};
  const std::vector<int64_t> dst = {1, 2, 1};
  const SampledBatch out = Sample(*graph_, {.neighbors = {.fanouts = {{-1}}}},
                                  {.seeds = src, .destinations = dst});
  // Both columns share their nodes; 0 comes as a neighbour of 1, 4 of 2.
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(3, 1, 2, 0, 4));
  EXPECT_THAT(out.subgraph.nodes[0].num_sampled_nodes, ElementsAre(3, 2));
  ASSERT_THAT(out.meta, SizeIs(2));
  EXPECT_EQ(out.meta[0].name, "#META.edge_label_index");
  EXPECT_THAT(out.meta[0].shape, ElementsAre(2, 3));
  EXPECT_THAT(Int64s(out.meta[0]), ElementsAre(0, 1, 0, 1, 2, 1));
  EXPECT_EQ(out.meta[1].name, "#META.edge_label");
  EXPECT_THAT(out.meta[1].shape, ElementsAre(3));
  EXPECT_THAT(Int64s(out.meta[1]), ElementsAre(1, 1, 1));
}

TEST_F(LinkSamplerTest, LabelsAreKeptOrShiftedAndNegativesAreZeros) {  // C-25
  const std::vector<int64_t> src = {0, 1, 2};
  const std::vector<int64_t> dst = {0, 1, 2};
  const std::vector<int64_t> labels = {0, 5, 0};
  const BatchRequest request{
      .seeds = src, .destinations = dst, .edge_labels = labels};
  LinkSamplerOptions options{
      .neighbors = {.fanouts = {{}}}, .mode = Mode::kBinary, .amount = 0.5};
  EXPECT_THAT(Int64s(Sample(*shop_, options, request).meta[1]),
              ElementsAre(0, 5, 0, 0, 0));
  options.label_shift = CompatLabelShift(labels);
  EXPECT_THAT(Int64s(Sample(*shop_, options, request).meta[1]),
              ElementsAre(1, 6, 1, 0, 0));
  EXPECT_EQ(CompatLabelShift({1, 2}), 0);
  EXPECT_EQ(CompatLabelShift({-1, 0}), 0);
  EXPECT_EQ(CompatLabelShift({}), 0);
}

// What is drawn must stay the same in every version. (Made by another program,
// from the contract in README.md.)
TEST_F(LinkSamplerTest, GoldenBinaryBatch) {
  const std::vector<int64_t> src = {0, 2};
  const std::vector<int64_t> dst = {1, 2};
  const SampledBatch out =
      Sample(*shop_,
             {.neighbors = {.fanouts = {{1}}, .seed = 42},
              .mode = Mode::kBinary,
              .amount = 1.5},
             {.epoch = 1, .batch_index = 2, .seeds = src, .destinations = dst});
  EXPECT_THAT(out.subgraph.nodes[1].ids, ElementsAre(0, 2, 3));
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(1, 2, 0, 5, 3, 4));
  EXPECT_THAT(out.meta[0].shape, ElementsAre(2, 5));
  EXPECT_THAT(Int64s(out.meta[0]), ElementsAre(0, 1, 1, 1, 2, 0, 1, 2, 3, 2));
  EXPECT_THAT(Int64s(out.meta[1]), ElementsAre(1, 1, 0, 0, 0));
  EXPECT_THAT(out.subgraph.edges[0].rows, ElementsAre(0, 1, 2));
  EXPECT_THAT(out.subgraph.edges[0].cols, ElementsAre(0, 4, 5));
}

TEST_F(LinkSamplerTest, GoldenTripletBatch) {
  const std::vector<int64_t> src = {3, 0, 3};
  const std::vector<int64_t> dst = {4, 0, 3};
  const LinkSamplerOptions options{.neighbors = {.fanouts = {{}}, .seed = 42},
                                   .mode = Mode::kTriplet,
                                   .amount = 2};
  const BatchRequest request{
      .epoch = 1, .batch_index = 2, .seeds = src, .destinations = dst};
  const SampledBatch out = Sample(*shop_, options, request);
  EXPECT_THAT(out.subgraph.nodes[1].ids, ElementsAre(3, 0));
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(4, 0, 3, 1, 2));
  ASSERT_THAT(out.meta, SizeIs(3));
  EXPECT_EQ(out.meta[0].name, "#META.src_index");
  EXPECT_THAT(Int64s(out.meta[0]), ElementsAre(0, 1, 0));
  EXPECT_EQ(out.meta[1].name, "#META.dst_pos_index");
  EXPECT_THAT(Int64s(out.meta[1]), ElementsAre(0, 1, 2));
  EXPECT_EQ(out.meta[2].name, "#META.dst_neg_index");
  EXPECT_THAT(out.meta[2].shape, ElementsAre(3, 2));
  EXPECT_THAT(Int64s(out.meta[2]), ElementsAre(3, 4, 0, 4, 3, 3));
}

TEST_F(LinkSamplerTest, OneNegativeAnEdgeIsAVector) {
  const std::vector<int64_t> src = {3, 0};
  const std::vector<int64_t> dst = {4, 0};
  const SampledBatch out =
      Sample(*shop_, {.neighbors = {.fanouts = {{}}}, .mode = Mode::kTriplet},
             {.seeds = src, .destinations = dst});
  EXPECT_THAT(out.meta[2].shape, ElementsAre(2));
}

TEST_F(LinkSamplerTest, NoEdgesAreAnEmptyBatch) {
  for (const Mode mode : {Mode::kNone, Mode::kBinary, Mode::kTriplet}) {
    const SampledBatch out = Sample(
        *shop_, {.neighbors = {.fanouts = {{2}}}, .mode = mode, .amount = 2},
        {});
    EXPECT_THAT(out.subgraph.nodes[0].ids, IsEmpty());
    EXPECT_EQ(out.meta[0].shape.back(), 0);
  }
}

TEST_F(LinkSamplerTest, DestinationsByDegreeAreThoseThatEdgesReach) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto weights, DegreeWeights(*shop_, 0));
  EXPECT_EQ(weights->Chances()[5], 0);  // nobody has bought item 5
  EXPECT_GT(weights->Chances()[1], weights->Chances()[0]);
  const std::vector<int64_t> src(200, 0);
  const std::vector<int64_t> dst(200, 0);
  const SampledBatch out = Sample(*shop_,
                                  {.neighbors = {.fanouts = {{}}},
                                   .mode = Mode::kTriplet,
                                   .destination_weights = weights},
                                  {.seeds = src, .destinations = dst});
  // User 0 has 0 and 1; 5 weighs nothing.
  EXPECT_THAT(out.subgraph.nodes[0].ids,
              ::testing::UnorderedElementsAre(0, 2, 3, 4));
}

TEST_F(LinkSamplerTest, DegreesAreTheSameByEitherListing) {
  DatasetContents contents = Shop();
  contents.edges[0].by_dst = true;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto both,
                                WriteWhole(std::move(contents)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto by_dst, DegreeWeights(*both, 0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto by_src, DegreeWeights(*shop_, 0));
  EXPECT_EQ(by_dst->Chances(), by_src->Chances());
}

TEST_F(LinkSamplerTest, NegativesThatThereAreNoneOfAreAnErrorOrEdges) {
  DatasetContents complete = Shop();
  complete.edges[0].edges.clear();
  for (int64_t u = 0; u < 4; ++u) {
    for (int64_t i = 0; i < 6; ++i) complete.edges[0].edges.emplace_back(u, i);
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(std::move(complete)));
  const std::vector<int64_t> src = {0, 1};
  const std::vector<int64_t> dst = {0, 1};
  const BatchRequest request{.seeds = src, .destinations = dst};
  LinkSamplerOptions options{.neighbors = {.fanouts = {{}}},
                             .mode = Mode::kBinary};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto strict,
                                LinkSampler::Create(*dataset, options));
  SampledBatch out;
  EXPECT_THAT(
      strict->Begin(request, &out),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2 of 2")));
  options.negatives.on_shortfall = OnShortfall::kAcceptFalseNegatives;
  EXPECT_THAT(Sample(*dataset, options, request).meta[1].shape, ElementsAre(4));
  options.negatives = {.strict = false};
  EXPECT_THAT(Sample(*dataset, options, request).meta[1].shape, ElementsAre(4));
}

TEST_F(LinkSamplerTest, OnlyStrictDrawsAskOtherPartitionsAboutEdges) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto parts,
      PartitionedDataset::Create(*shop_, 2, BookKind::kRange));
  const std::vector<int64_t> src(20, 0);
  const std::vector<int64_t> dst(20, 0);
  const BatchRequest request{.seeds = src, .destinations = dst};
  LinkSamplerOptions options{.neighbors = {.fanouts = {{}}},
                             .mode = Mode::kBinary};
  SampledBatch out;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto strict, LinkSampler::Create(parts.partition(0), options));
  ASSERT_THAT(strict->Begin(request, &out), IsOkAndHolds(false));
  ASSERT_THAT(strict->fetches(), SizeIs(1));
  const NeighborFetch& fetch = strict->fetches()[0];
  EXPECT_EQ(fetch.partition, 1u);
  EXPECT_EQ(fetch.spec.fanout, -1);
  EXPECT_THAT(fetch.nodes, ElementsAre(2, 3));  // each source once

  options.negatives.strict = false;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto lax, LinkSampler::Create(parts.partition(0), options));
  EXPECT_THAT(lax->Begin(request, &out), IsOkAndHolds(true));
}

TEST_F(LinkSamplerTest, WhatDoesNotFitIsRefusedByName) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto binary,
      LinkSampler::Create(
          *shop_, {.neighbors = {.fanouts = {{1}}}, .mode = Mode::kBinary}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto triplet,
      LinkSampler::Create(
          *shop_, {.neighbors = {.fanouts = {{1}}}, .mode = Mode::kTriplet}));
  SampledBatch out;
  const std::vector<int64_t> one = {1};
  const std::vector<int64_t> two = {1, 2};
  const std::vector<int64_t> user_4 = {1, 4};
  const std::vector<int64_t> item_6 = {1, 6};
  const auto invalid = [](const char* what) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what));
  };
  EXPECT_THAT(binary->Begin({.seeds = two, .destinations = one}, &out),
              invalid("1 destinations for 2 sources"));
  EXPECT_THAT(
      binary->Begin({.seeds = two, .destinations = two, .edge_labels = one},
                    &out),
      invalid("1 labels"));
  EXPECT_THAT(
      triplet->Begin({.seeds = two, .destinations = two, .edge_labels = two},
                     &out),
      invalid("triplet"));
  for (const auto& sampler : {&binary, &triplet}) {
    EXPECT_THAT(
        (*sampler)->Begin({.seeds = user_4, .destinations = two}, &out),
        StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("seed id 4")));
    EXPECT_THAT(
        (*sampler)->Begin({.seeds = two, .destinations = item_6}, &out),
        StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("seed id 6")));
    // And is as good as new.
    EXPECT_THAT((*sampler)->Begin({.seeds = two, .destinations = two}, &out),
                IsOkAndHolds(true));
  }
}

TEST_F(LinkSamplerTest, BadOptionsAreRefusedByName) {
  const auto refuses = [this](LinkSamplerOptions options, const char* what) {
    if (options.neighbors.fanouts.empty()) options.neighbors.fanouts = {{1}};
    EXPECT_THAT(LinkSampler::Create(*shop_, options).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what)));
  };
  refuses({.edge_type = 1}, "edge type 1");
  refuses({.edge_type = -1}, "edge type -1");
  refuses({.neighbors = {.fanouts = {{-2}}}}, "fanout");
  refuses({.mode = Mode::kBinary, .amount = 0}, "amount");
  refuses({.mode = Mode::kTriplet, .amount = 1.5}, "whole number");
  refuses({.mode = Mode::kTriplet, .amount = 0.5}, "whole number");
  refuses({.mode = Mode::kTriplet, .amount = 1e10}, "whole number");
  refuses({.mode = Mode::kBinary, .negatives = {.max_trials = 0}},
          "max_trials");
  refuses({.mode = Mode::kBinary, .negatives = {.exclude_self = true}},
          "exclude_self");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(AliasTable three,
                                AliasTable::Create({1, 1, 1}));
  refuses({.mode = Mode::kBinary,
           .destination_weights =
               std::make_shared<const AliasTable>(std::move(three))},
          "3 weights for 6 destinations");
  EXPECT_THAT(DegreeWeights(*shop_, 1),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(LinkSamplerTest, PartitionsThatDoNotKnowAllIdsDrawNoNegatives) {
  const LinkSamplerOptions options{.neighbors = {.fanouts = {{}}},
                                   .mode = Mode::kBinary};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto hashed,
      PartitionedDataset::Create(*shop_, 2, BookKind::kHash));
  EXPECT_THAT(LinkSampler::Create(hashed.partition(0), options).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("node type user lies in 2 partitions")));
  EXPECT_THAT(
      LinkSampler::Create(hashed.partition(0), {.neighbors = {.fanouts = {{}}}})
          .status(),
      IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto one, PartitionedDataset::Create(*shop_, 1, BookKind::kHash));
  EXPECT_THAT(LinkSampler::Create(one.partition(0), options).status(), IsOk());

  DatasetContents sparse = Shop();
  sparse.nodes[1].ids = {0, 1, 2, 3};
  sparse.nodes[0].ids = {0, 1, 2, 3, 4, 9};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole,
                                WriteWhole(std::move(sparse)));
  EXPECT_THAT(LinkSampler::Create(*whole, options).status(), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto gaps, PartitionedDataset::Create(*whole, 2, BookKind::kTable));
  EXPECT_THAT(LinkSampler::Create(gaps.partition(0), options).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("node type item")));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto ranges,
      PartitionedDataset::Create(*shop_, 2, BookKind::kRange));
  EXPECT_THAT(DegreeWeights(ranges.partition(0), 0),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("draw uniformly")));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto weights, DegreeWeights(*shop_, 0));
  LinkSamplerOptions weighted = options;
  weighted.destination_weights = weights;
  EXPECT_THAT(LinkSampler::Create(ranges.partition(0), weighted).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("weights of destinations")));
}

}  // namespace
}  // namespace fairlead
