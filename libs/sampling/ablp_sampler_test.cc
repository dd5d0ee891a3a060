#include "libs/sampling/ablp_sampler.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/sampling/ablp_label_types.h"
#include "libs/sampling/batch_equality.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/status/status_matchers.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::ExpectSameBatch;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using EdgeList = std::vector<std::pair<int64_t, int64_t>>;

// Nodes of type `anchor` with labels of type `label`, which may be the same,
// and no other edges; by source, or turned round and by destination.
std::unique_ptr<const Dataset> Labelled(const std::string& anchor,
                                        const std::string& label,
                                        const EdgeList& positive,
                                        const EdgeList& negative,
                                        EdgeDir direction = EdgeDir::kOut) {
  DatasetContents contents;
  contents.name = "labelled";
  contents.nodes.push_back({.name = anchor, .num_nodes = 30});
  if (label != anchor) {
    contents.nodes.push_back({.name = label, .num_nodes = 30});
  }
  const bool is_out = direction == EdgeDir::kOut;
  for (const auto& [relation, edges] :
       {std::pair("to_gigl_negative", negative),
        std::pair("to_gigl_positive", positive)}) {
    DatasetContents::Edges& type = contents.edges.emplace_back();
    type.name = is_out ? EdgeTypeName{anchor, relation, label}
                       : EdgeTypeName{label, relation, anchor};
    type.edges = edges;
    if (!is_out) {
      for (auto& [from, to] : type.edges) std::swap(from, to);
    }
    type.by_src = is_out;
    type.by_dst = !is_out;
  }
  return WriteWhole(std::move(contents)).value();
}

// With the labels of Labelled().
AblpSamplerOptions LabelledOptions(const Dataset& dataset,
                                   const std::string& anchor,
                                   const std::string& label) {
  const EdgeTypeName supervision{anchor, "to", label};
  AblpSamplerOptions options;
  options.neighbors.fanouts.resize(dataset.edge_types().size());
  options.seed_type = dataset.FindNodeType(anchor).value();
  options.positive_label_types = {
      FindLabelEdgeType(dataset, supervision, kPositiveLabelSuffix).value()};
  options.negative_label_types = {
      FindLabelEdgeType(dataset, supervision, kNegativeLabelSuffix).value()};
  return options;
}

SampledBatch Sample(const Dataset& dataset, const AblpSamplerOptions& options,
                    const std::vector<int64_t>& anchors) {
  EXPECT_THAT(ValidateAblpSamplerOptions(dataset, options), IsOk());
  AblpSampler sampler(dataset, options);
  SampledBatch out;
  EXPECT_THAT(sampler.Begin({.seeds = anchors}, &out), IsOkAndHolds(true));
  return out;
}

std::vector<int64_t> Values(const MetaTensor& tensor) {
  return std::get<std::vector<int64_t>>(tensor.values);
}

TEST(AblpSamplerTest, SeedsOfOneTypeAreAnchorsThenLabelsOnceEach) {  // G5
  const auto dataset = Labelled("user", "user", {{10, 11}, {10, 12}, {11, 13}},
                                {{10, 13}, {10, 14}, {11, 10}});
  const SampledBatch out =
      Sample(*dataset, LabelledOptions(*dataset, "user", "user"), {10, 11, 10});
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(10, 11, 12, 13, 14));
  EXPECT_THAT(out.subgraph.seed_locals, ElementsAre(0, 1, 0));
  EXPECT_THAT(out.subgraph.nodes[0].num_sampled_nodes, ElementsAre(5));
}

TEST(AblpSamplerTest, SeedsOfAnotherTypeAreLabelsOnceEach) {  // G5
  const auto dataset = Labelled("a", "b", {{0, 20}, {0, 21}, {1, 20}},
                                {{0, 21}, {0, 22}, {1, 20}});
  const SampledBatch out =
      Sample(*dataset, LabelledOptions(*dataset, "a", "b"), {0, 1});
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(0, 1));
  EXPECT_THAT(out.subgraph.nodes[1].ids, ElementsAre(20, 21, 22));
}

// G10, C-16: wherever rows are listed, and whatever types they join.
TEST(AblpSamplerTest, LabelsAreTheSameForEdgesByDestination) {
  const EdgeList positive = {{0, 0}, {0, 1}, {1, 1}, {1, 2}, {2, 2},
                             {2, 3}, {3, 3}, {3, 4}, {4, 4}, {4, 0}};
  const EdgeList negative = {{0, 2}, {1, 3}, {2, 4}, {3, 0}, {4, 1}};
  for (const char* label : {"user", "item"}) {
    SCOPED_TRACE(label);
    const auto by_source = Labelled("user", label, positive, negative);
    const auto by_destination =
        Labelled("user", label, positive, negative, EdgeDir::kIn);
    const SampledBatch out =
        Sample(*by_source, LabelledOptions(*by_source, "user", label),
               {0, 1, 2, 3, 4});
    ASSERT_EQ(out.meta.size(), 2u);
    EXPECT_EQ(
        out.meta[0].name,
        absl::StrCat("#META.gigl_positive_labels.user__to_gigl_positive__",
                     label));
    EXPECT_THAT(out.meta[0].shape, ElementsAre(5, 2));
    EXPECT_THAT(Values(out.meta[0]), ElementsAre(0, 1, 1, 2, 2, 3, 3, 4, 0, 4));
    EXPECT_EQ(
        out.meta[1].name,
        absl::StrCat("#META.gigl_negative_labels.user__to_gigl_negative__",
                     label));
    EXPECT_THAT(out.meta[1].shape, ElementsAre(5, 1));
    EXPECT_THAT(Values(out.meta[1]), ElementsAre(2, 3, 4, 0, 1));
    const SampledBatch turned =
        Sample(*by_destination, LabelledOptions(*by_destination, "user", label),
               {0, 1, 2, 3, 4});
    ExpectSameBatch(turned, out);
  }
}

TEST(AblpSamplerTest, AnchorsWithoutLabelsHaveRowsOfPadding) {  // W-38
  const auto dataset = Labelled("user", "user", {{1, 7}, {1, 8}, {3, 9}}, {});
  const SampledBatch out = Sample(
      *dataset, LabelledOptions(*dataset, "user", "user"), {0, 1, 2, 3, 4});
  EXPECT_THAT(out.meta[0].shape, ElementsAre(5, 2));
  EXPECT_THAT(Values(out.meta[0]),
              ElementsAre(-1, -1, 7, 8, -1, -1, 9, -1, -1, -1));
  EXPECT_THAT(out.meta[1].shape, ElementsAre(5, 0));
  EXPECT_THAT(Values(out.meta[1]), IsEmpty());
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(0, 1, 2, 3, 4, 7, 8, 9));
}

TEST(AblpSamplerTest, NoAnchorsMakeTensorsOfNoRows) {  // W-38
  const auto dataset = Labelled("user", "user", {{1, 7}}, {{1, 8}});
  const SampledBatch out =
      Sample(*dataset, LabelledOptions(*dataset, "user", "user"), {});
  EXPECT_THAT(out.meta[0].shape, ElementsAre(0, 0));
  EXPECT_THAT(out.meta[1].shape, ElementsAre(0, 0));
  EXPECT_THAT(out.subgraph.nodes[0].ids, IsEmpty());
}

TEST(AblpSamplerTest, LabelsBeyondTheCapAreNeitherTensorsNorSeeds) {
  const auto dataset =
      Labelled("user", "user", {{0, 5}, {0, 6}, {0, 7}, {1, 8}}, {});
  AblpSamplerOptions options = LabelledOptions(*dataset, "user", "user");
  options.max_labels_per_anchor_node = 2;
  const SampledBatch out = Sample(*dataset, options, {0, 1});
  EXPECT_THAT(Values(out.meta[0]), ElementsAre(5, 6, 8, -1));
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(0, 1, 5, 6, 8));
}

TEST(AblpSamplerTest, AnchorThatIsNoNodeIsNamed) {
  const auto dataset = Labelled("user", "user", {}, {});
  AblpSampler sampler(*dataset, LabelledOptions(*dataset, "user", "user"));
  SampledBatch out;
  const std::vector<int64_t> anchors = {3, 30};
  EXPECT_THAT(sampler.Begin({.seeds = anchors}, &out),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("seed id 30")));
}

TEST(AblpSamplerTest, AnswerThatIsNoneIsRefusedAndTheSamplerIsAsGoodAsNew) {
  const auto whole = Labelled("user", "user", {{0, 29}, {29, 1}}, {{29, 3}});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto parts,
      PartitionedDataset::Create(*whole, 2, BookKind::kRange));
  AblpSampler sampler(parts.partition(0),
                      LabelledOptions(*whole, "user", "user"));
  SampledBatch out;
  const std::vector<int64_t> anchors = {29, 0};
  ASSERT_THAT(sampler.Begin({.seeds = anchors}, &out), IsOkAndHolds(false));
  // All labels are asked for at once.
  ASSERT_EQ(sampler.fetches().size(), 2u);
  ASSERT_THAT(parts.Answer(sampler.fetches()), IsOk());
  sampler.fetches()[0].answer.counts.pop_back();
  EXPECT_THAT(sampler.Resume(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("partition 1")));
  ASSERT_THAT(parts.Run(sampler, BatchRequest{.seeds = anchors}, &out), IsOk());
  EXPECT_THAT(Values(out.meta[0]), ElementsAre(1, 29));
  EXPECT_THAT(Values(out.meta[1]), ElementsAre(3, -1));
  EXPECT_THAT(out.subgraph.nodes[0].ids, ElementsAre(29, 0, 1, 3));
}

TEST(AblpLabelTypesTest, LabelsListedByTheLabelAloneAreRefused) {
  const auto dataset = Labelled("user", "item", {{0, 1}}, {}, EdgeDir::kIn);
  // item -> user by user: the labels of an item would be in rows by item.
  const int item = dataset->FindNodeType("item").value();
  EXPECT_THAT(FindLabelSide(*dataset, 0, item),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("is listed by user alone")));
}

TEST(AblpLabelTypesTest, SupervisionWithoutLabelsIsNotFound) {
  const auto dataset = Labelled("user", "item", {{0, 1}}, {});
  EXPECT_THAT(FindLabelEdgeType(*dataset, {"user", "buys", "item"},
                                kPositiveLabelSuffix),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("user__buys_gigl_positive__item")));
  EXPECT_THAT(
      FindLabelEdgeType(*dataset, {"shop", "to", "item"}, kPositiveLabelSuffix),
      StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace fairlead
