#include "libs/sampling/ablp_sampler.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
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
#include "libs/random/philox.h"
#include "libs/sampling/ablp_label_types.h"
#include "libs/sampling/ablp_labels.h"
#include "libs/sampling/batch_equality.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/sampling/subgraph_equality.h"
#include "libs/status/status_matchers.h"
#include "libs/type_names/type_names.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::ExpectSame;
using ::fairlead::testing::ExpectSameBatch;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::RandomContents;
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
                    std::vector<int64_t> anchors) {
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

// Graphs of all that there is: labels out of the anchors' type and into it, to
// it and to another, and one edge type to sample along.
struct Everything {
  std::unique_ptr<const Dataset> dataset;
  AblpSamplerOptions options;
  std::vector<EdgeList> labels;  // (anchor, label), positive types first
};

Everything MakeEverything(uint64_t seed) {
  DatasetContents contents =
      RandomContents({.seed = seed, .heterogeneous = true});
  const auto edges = [&contents](size_t e, bool turn) {
    EdgeList list = contents.edges[e].edges;
    if (turn) {
      for (auto& [from, to] : list) std::swap(from, to);
    }
    std::sort(list.begin(), list.end());
    return list;
  };
  Everything made;
  made.labels = {edges(2, false), edges(3, false), edges(0, true)};
  made.options = {.neighbors = {.fanouts = {{0}, {3, -1}, {}, {0, 0, 0}},
                                .direction = EdgeDir::kIn,
                                .with_edge_ids = true,
                                .seed = seed},
                  .seed_type = 1,
                  .positive_label_types = {2, 3},
                  .negative_label_types = {0},
                  .max_labels_per_anchor_node = static_cast<int64_t>(seed % 4)};
  made.dataset = WriteWhole(std::move(contents)).value();
  return made;
}

std::vector<int64_t> SomeAnchors(const Dataset& dataset, RandomStream& random) {
  std::vector<int64_t> anchors;
  for (uint64_t i = random.Below(12); i > 0; --i) {
    anchors.push_back(static_cast<int64_t>(random.Below(
        static_cast<uint64_t>(dataset.node_types()[1].num_nodes))));
  }
  return anchors;
}

TEST(AblpSamplerTest, LabelsAndNeighbourhoodsAgreeWithTheSlowWay) {
  const std::vector<int> label_node_types = {0, 1, 0};
  const std::vector<std::string> names = {
      "#META.gigl_positive_labels.b__ba__a",
      "#META.gigl_positive_labels.b__bb__b",
      "#META.gigl_negative_labels.b__ab__a"};
  for (uint64_t round = 0; round < 30; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    const Everything graph = MakeEverything(round);
    ASSERT_THAT(ValidateAblpSamplerOptions(*graph.dataset, graph.options),
                IsOk());
    AblpSampler sampler(*graph.dataset, graph.options);
    NeighborSampler neighbor_sampler(*graph.dataset);
    NeighborSamplerOptions along = graph.options.neighbors;
    for (const size_t e : {0, 2, 3}) along.fanouts[e].clear();
    RandomStream random(round, 2, 0);
    SampledBatch out;  // the same for all batches, as a worker has it
    for (uint64_t batch = 0; batch < 10; ++batch) {
      const std::vector<int64_t> anchors = SomeAnchors(*graph.dataset, random);
      ASSERT_THAT(
          sampler.Begin({.epoch = 2, .batch_index = batch, .seeds = anchors},
                        &out),
          IsOkAndHolds(true));
      std::vector<std::vector<int64_t>> seeds(names.size());
      ASSERT_EQ(out.meta.size(), names.size());
      for (size_t i = 0; i < names.size(); ++i) {
        SCOPED_TRACE(names[i]);
        std::vector<std::vector<int64_t>> rows;
        size_t columns = 0;
        for (const int64_t anchor : anchors) {
          std::vector<int64_t>& row = rows.emplace_back();
          for (const auto& [from, to] : graph.labels[i]) {
            const auto cap =
                static_cast<size_t>(graph.options.max_labels_per_anchor_node);
            if (from != anchor || (cap > 0 && row.size() == cap)) continue;
            row.push_back(to);
            seeds[i].push_back(to);
          }
          columns = std::max(columns, row.size());
        }
        std::vector<int64_t> expected;
        for (std::vector<int64_t>& row : rows) {
          row.resize(columns, kNoLabel);
          expected.insert(expected.end(), row.begin(), row.end());
        }
        EXPECT_EQ(out.meta[i].name, names[i]);
        EXPECT_THAT(out.meta[i].shape, ElementsAre(anchors.size(), columns));
        EXPECT_EQ(Values(out.meta[i]), expected);
      }
      std::vector<SeedGroup> groups;
      for (size_t i = 0; i < names.size(); ++i) {
        groups.push_back({.type = label_node_types[i], .ids = seeds[i]});
      }
      SampledSubgraph expected;
      ASSERT_THAT(neighbor_sampler.Sample(along,
                                          {.seeds = anchors,
                                           .seed_type = 1,
                                           .epoch = 2,
                                           .batch_index = batch,
                                           .more_seeds = groups},
                                          &expected),
                  IsOk());
      ExpectSame(out.subgraph, expected);
      if (HasFailure()) return;
    }
  }
}

TEST(AblpSamplerTest, BatchesAreTheSameInOneToFourPartitions) {
  for (uint64_t round = 0; round < 6; ++round) {
    const Everything graph = MakeEverything(round);
    AblpSampler sampler(*graph.dataset, graph.options);
    for (const uint32_t partitions : {1, 2, 3, 4}) {
      for (const BookKind book :
           {BookKind::kRange, BookKind::kTable, BookKind::kHash}) {
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(
            const auto parts,
            PartitionedDataset::Create(*graph.dataset, partitions, book));
        const uint32_t p = static_cast<uint32_t>(round) % partitions;
        SCOPED_TRACE(absl::StrCat("round ", round, ", ", p, " of ", partitions,
                                  ", book ", static_cast<int>(book)));
        AblpSampler part(parts.partition(p), graph.options);
        RandomStream random(round, 3, 0);
        for (uint64_t batch = 0; batch < 5; ++batch) {
          const std::vector<int64_t> anchors =
              SomeAnchors(*graph.dataset, random);
          const BatchRequest request{
              .epoch = 1, .batch_index = batch, .seeds = anchors};
          SampledBatch expected;
          ASSERT_THAT(sampler.Begin(request, &expected), IsOkAndHolds(true));
          SampledBatch out;
          ASSERT_THAT(parts.Run(part, request, &out), IsOk());
          ExpectSameBatch(out, expected);
          if (HasFailure()) return;
        }
      }
    }
  }
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

TEST(AblpSamplerTest, OptionsThatCannotBeAreRefusedByName) {
  const Everything graph = MakeEverything(0);
  using Spoil = std::function<void(AblpSamplerOptions&)>;
  const std::vector<std::pair<std::string, Spoil>> cases = {
      {"fanout of b__ba__a: 2",
       [](auto& options) {
         options.neighbors.fanouts[2] = {0, 2};
       }},
      {"temporal",
       [](auto& options) {
         options.neighbors.temporal = TemporalStrategy::kLast;
       }},
      {"seed_type: 2", [](auto& options) { options.seed_type = 2; }},
      {"seed_type: -1", [](auto& options) { options.seed_type = -1; }},
      {"max_labels_per_anchor_node: -1",
       [](auto& options) { options.max_labels_per_anchor_node = -1; }},
      {"positive_label_types: none",
       [](auto& options) { options.positive_label_types.clear(); }},
      {"positive_label_types: 4",
       [](auto& options) { options.positive_label_types = {4}; }},
      {"negative_label_types: -1",
       [](auto& options) { options.negative_label_types = {-1}; }},
      {"named already",
       [](auto& options) { options.negative_label_types = {2}; }},
      {"fanouts: 3 lists",
       [](auto& options) { options.neighbors.fanouts.pop_back(); }},
      // No label of an a: both ends are bs.
      {"b__bb__b: has no end of the anchors' type a",
       [](auto& options) {
         options.seed_type = 0;
         options.positive_label_types = {3};
       }},
  };
  for (const auto& [message, spoil] : cases) {
    AblpSamplerOptions options = graph.options;
    spoil(options);
    EXPECT_THAT(
        ValidateAblpSamplerOptions(*graph.dataset, options),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  }
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
