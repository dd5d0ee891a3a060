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
#include "libs/sampling/ablp_labels.h"
#include "libs/sampling/ablp_sampler.h"
#include "libs/sampling/batch_equality.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/sampling/subgraph_equality.h"
#include "libs/status/status_matchers.h"

// Any graph, any labels, any partitions: what the slow way gives.

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

using EdgeList = std::vector<std::pair<int64_t, int64_t>>;

std::vector<int64_t> Values(const MetaTensor& tensor) {
  return std::get<std::vector<int64_t>>(tensor.values);
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

}  // namespace
}  // namespace fairlead
