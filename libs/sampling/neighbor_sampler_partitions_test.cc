#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_draw.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/sampling/subgraph_equality.h"
#include "libs/status/status_matchers.h"

// A batch is the same wherever its nodes are.

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::ExpectSame;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Kind {
  std::string name;
  NeighborSamplerOptions options;
};

std::vector<Kind> AllKinds() {
  std::vector<Kind> kinds;
  for (const EdgeDir direction : {EdgeDir::kOut, EdgeDir::kIn}) {
    for (const TemporalStrategy temporal :
         {TemporalStrategy::kNone, TemporalStrategy::kUniform,
          TemporalStrategy::kLast}) {
      for (const bool weighted : {false, true}) {
        for (const bool replace : {false, true}) {
          kinds.push_back(
              {absl::StrCat(direction == EdgeDir::kIn ? "in" : "out",
                            " temporal ", static_cast<int>(temporal),
                            weighted ? " weighted" : "",
                            replace ? " replace" : ""),
               {.replace = replace,
                .direction = direction,
                .weighted = weighted,
                .temporal = temporal,
                .with_edge_ids = true,
                .seed = kinds.size()}});
        }
      }
    }
  }
  return kinds;
}

class PartitionsTest : public ::testing::TestWithParam<bool> {};

TEST_P(PartitionsTest, BatchesAreTheSameInOneToFourPartitions) {
  for (uint64_t round = 0; round < 4; ++round) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto whole,
        WriteWhole(RandomContents(
            {.seed = round, .heterogeneous = GetParam(), .max_edges = 600})));
    std::vector<PartitionedDataset> graphs;
    for (const uint32_t partitions : {1, 2, 3, 4}) {
      for (const BookKind book :
           {BookKind::kRange, BookKind::kTable, BookKind::kHash}) {
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(
            graphs.emplace_back(),
            PartitionedDataset::Create(*whole, partitions, book));
      }
    }
    RandomStream random(round, 1, 0);
    for (const Kind& kind : AllKinds()) {
      SCOPED_TRACE(absl::StrCat("round ", round, ", ", kind.name));
      NeighborSamplerOptions options = kind.options;
      for (size_t e = 0; e < whole->edge_types().size(); ++e) {
        std::vector<int32_t>& fanout = options.fanouts.emplace_back();
        for (int hop = 0; hop < 3; ++hop) {
          fanout.push_back(static_cast<int32_t>(random.Below(6)) - 1);
        }
      }
      ASSERT_THAT(ValidateNeighborSamplerOptions(*whole, options), IsOk());
      std::vector<int64_t> seeds;
      std::vector<int64_t> more;
      std::vector<int64_t> times;
      const int last_type = static_cast<int>(whole->node_types().size()) - 1;
      for (int i = 0; i < 5; ++i) {
        seeds.push_back(static_cast<int64_t>(random.Below(
            static_cast<uint64_t>(whole->node_types()[0].num_nodes))));
        more.push_back(static_cast<int64_t>(random.Below(static_cast<uint64_t>(
            whole->node_types()[static_cast<size_t>(last_type)].num_nodes))));
        times.push_back(static_cast<int64_t>(random.Below(20)));
      }
      const std::vector<SeedGroup> groups = {
          {.type = last_type, .ids = more, .times = times}};
      const NeighborSampleRequest request{.seeds = seeds,
                                          .epoch = 3,
                                          .batch_index = round,
                                          .times = times,
                                          .more_seeds = groups};
      SampledSubgraph expected;
      NeighborSampler sampler(*whole);
      ASSERT_THAT(sampler.Sample(options, request, &expected), IsOk());
      for (const PartitionedDataset& graph : graphs) {
        for (uint32_t p = 0; p < graph.num_partitions(); ++p) {
          SCOPED_TRACE(
              absl::StrCat("partition ", p, " of ", graph.num_partitions()));
          NeighborSampler part(graph.partition(p));
          SampledSubgraph out;
          ASSERT_THAT(graph.Run(part, options, request, &out), IsOk());
          ExpectSame(out, expected);
          if (HasFailure()) return;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(HomogeneousAndHeterogeneous, PartitionsTest,
                         ::testing::Bool());

// Node i has an edge to i + 1 and to i + 2, all modulo ten; five nodes each.
class TwoPartitions : public ::testing::Test {
 protected:
  void SetUp() override {
    DatasetContents contents;
    contents.name = "ring";
    contents.nodes.push_back({.name = "node", .num_nodes = 10});
    auto& edges = contents.edges.emplace_back();
    edges.name = {"node", "to", "node"};
    for (int64_t i = 0; i < 10; ++i) {
      edges.edges.emplace_back(i, (i + 1) % 10);
      edges.edges.emplace_back(i, (i + 2) % 10);
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(whole_, WriteWhole(std::move(contents)));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        parts_, PartitionedDataset::Create(*whole_, 2, BookKind::kRange));
  }

  std::unique_ptr<const Dataset> whole_;
  PartitionedDataset parts_;
};

TEST_F(TwoPartitions, OnlyTheNodesOfOthersAreAskedForOncePerHopAndType) {
  NeighborSampler sampler(parts_.partition(0));
  SampledSubgraph out;
  const NeighborSamplerOptions options{.fanouts = {{-1, -1}}};
  const std::vector<int64_t> seeds = {3, 9, 4, 7};
  ASSERT_THAT(sampler.Begin(options, {.seeds = seeds}, &out),
              ::fairlead::testing::IsOkAndHolds(false));
  ASSERT_THAT(sampler.fetches(), SizeIs(1));
  EXPECT_EQ(sampler.fetches()[0].partition, 1u);
  EXPECT_THAT(sampler.fetches()[0].nodes, ::testing::ElementsAre(9, 7));
}

TEST_F(TwoPartitions, WhatIsAllHereAsksNobody) {
  NeighborSampler sampler(parts_.partition(0));
  SampledSubgraph out;
  const NeighborSamplerOptions options{.fanouts = {{-1}}};
  const std::vector<int64_t> seeds = {0, 2, 4};
  EXPECT_THAT(sampler.Sample(options, {.seeds = seeds}, &out), IsOk());
  EXPECT_THAT(sampler.fetches(), IsEmpty());
}

TEST_F(TwoPartitions, AnswersThatAreNoneAreRefusedByThePartitionsName) {
  const NeighborSamplerOptions options{.fanouts = {{-1}}};
  const std::vector<int64_t> seeds = {9, 7};
  using Spoil = void (*)(DrawnNeighbors&);
  for (const Spoil spoil :
       {Spoil([](DrawnNeighbors& answer) { answer.counts.pop_back(); }),
        Spoil([](DrawnNeighbors& answer) { answer.counts[0] = -1; }),
        Spoil([](DrawnNeighbors& answer) { answer.counts[0] += 1; }),
        Spoil([](DrawnNeighbors& answer) { answer.neighbors.pop_back(); }),
        Spoil([](DrawnNeighbors& answer) { answer.edge_ids = {1}; })}) {
    NeighborSampler sampler(parts_.partition(0));
    SampledSubgraph out;
    ASSERT_THAT(sampler.Begin(options, {.seeds = seeds}, &out),
                ::fairlead::testing::IsOkAndHolds(false));
    ASSERT_THAT(parts_.Answer(sampler.fetches()), IsOk());
    spoil(sampler.fetches()[0].answer);
    EXPECT_THAT(sampler.Resume(), StatusIs(absl::StatusCode::kInternal,
                                           HasSubstr("partition 1")));
    // And the sampler is as good as new.
    ASSERT_THAT(parts_.Run(sampler, options,
                           NeighborSampleRequest{.seeds = seeds}, &out),
                IsOk());
    EXPECT_THAT(out.nodes[0].ids, ::testing::ElementsAre(9, 7, 0, 1, 8));
  }
}

TEST_F(TwoPartitions, SampleRefusesWhatItWouldHaveToAskFor) {
  NeighborSampler sampler(parts_.partition(0));
  SampledSubgraph out;
  const std::vector<int64_t> seeds = {9};
  EXPECT_THAT(sampler.Sample({.fanouts = {{-1}}}, {.seeds = seeds}, &out),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace fairlead
