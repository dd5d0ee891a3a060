// What kernels do, thread by thread on the CPU, against libs/sampling: the same
// batches, to the last number, in whatever order threads run.

#include "libs/cuda/k_hop_sampler.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/cuda/dataset_view.h"
#include "libs/cuda/emulated_executor.h"
#include "libs/cuda/fake_memory.h"
#include "libs/cuda/graph_view.h"
#include "libs/cuda/k_hop_request.h"
#include "libs/cuda/placed_graph.h"
#include "libs/cuda/read_batch.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/id_space.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/sampling/subgraph_equality.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"

namespace fairlead::cuda {
namespace {

using ::fairlead::cuda::testing::EmulatedExecutor;
using ::fairlead::cuda::testing::FakeMemory;
using ::fairlead::testing::BookKind;
using ::fairlead::testing::ExpectSame;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::HasSubstr;
using Order = EmulatedExecutor::Order;
using Sampler = KHopSampler<EmulatedExecutor>;

constexpr Order kOrders[] = {Order::kForward, Order::kBackward,
                             Order::kShuffled, Order::kThreads};

// Everything a batch is made of, drawn from one number.
struct Trial {
  NeighborSamplerOptions options;
  std::vector<std::vector<int64_t>> seeds;
  std::vector<int> seed_types;
  uint64_t epoch = 0;
  uint64_t batch_index = 0;

  Trial(const Dataset& dataset, uint64_t number) {
    RandomStream random(number, 1, 0);
    const auto below = [&random](size_t bound) { return random.Below(bound); };
    constexpr int32_t kFanouts[] = {0, -1, 1, 2, 3, 7, 70, 1000};
    const size_t hops = below(4);
    for (size_t e = 0; e < dataset.edge_types().size(); ++e) {
      auto& fanouts = options.fanouts.emplace_back();
      for (size_t h = 0; h < hops; ++h) {
        fanouts.push_back(kFanouts[below(std::size(kFanouts))]);
      }
      // Lists may differ in length.
      if (hops > 0 && below(4) == 0) fanouts.pop_back();
    }
    options.replace = below(3) == 0;
    options.with_edge_ids = below(2) == 0;
    options.seed = random.Next64();
    epoch = below(3);
    batch_index = below(1000);
    const size_t groups = 1 + below(3);
    for (size_t g = 0; g < groups; ++g) {
      const auto type = below(dataset.node_types().size());
      seed_types.push_back(static_cast<int>(type));
      auto& ids = seeds.emplace_back();
      const IdSpace& nodes = dataset.node_types()[type].ids;
      // More than there are nodes, at times: repeats.
      for (size_t i = below(50); i > 0; --i) {
        ids.push_back(nodes.Id(
            static_cast<int64_t>(below(static_cast<size_t>(nodes.size())))));
      }
    }
  }

  absl::StatusOr<SampledSubgraph> OnCpu(const Dataset& dataset) const {
    NeighborSampler sampler(dataset);
    NeighborSampleRequest request{.seeds = seeds[0],
                                  .seed_type = seed_types[0],
                                  .epoch = epoch,
                                  .batch_index = batch_index};
    std::vector<SeedGroup> more;
    for (size_t g = 1; g < seeds.size(); ++g) {
      more.push_back({.type = seed_types[g], .ids = seeds[g]});
    }
    request.more_seeds = more;
    SampledSubgraph out;
    FAIRLEAD_RETURN_IF_ERROR(sampler.Sample(options, request, &out));
    return out;
  }

  KHopOptions kernel_options() const {
    return {.fanouts = options.fanouts,
            .replace = options.replace,
            .with_edge_ids = options.with_edge_ids,
            .seed = options.seed};
  }

  KHopRequest kernel_request() const {
    KHopRequest request{.epoch = epoch, .batch_index = batch_index};
    for (size_t g = 0; g < seeds.size(); ++g) {
      request.seeds.push_back({.type = seed_types[g], .ids = seeds[g]});
    }
    return request;
  }

  absl::StatusOr<SampledSubgraph> OnKernels(EmulatedExecutor& executor,
                                            Sampler& sampler) const {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const KHopBatch batch,
        sampler.Sample(kernel_options(), kernel_request()));
    SampledSubgraph out;
    FAIRLEAD_RETURN_IF_ERROR(
        ReadBatch(executor, batch, kernel_request(), &out));
    return out;
  }
};

// Batches of many shapes, one after another, of one graph.
void ExpectSameBatches(const Dataset& dataset, uint64_t number, size_t trials) {
  for (const EdgeDir direction : {EdgeDir::kOut, EdgeDir::kIn}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const GraphView view,
                                  ViewOf(dataset, direction));
    for (const Order order : kOrders) {
      EmulatedExecutor executor(order, number);
      Sampler sampler(&executor, view);
      for (size_t i = 0; i < trials; ++i) {
        SCOPED_TRACE(absl::StrCat("graph ", number, ", trial ", i, ", order ",
                                  static_cast<int>(order)));
        Trial trial(dataset, number * 1000 + i);
        trial.options.direction = direction;
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(const SampledSubgraph expected,
                                      trial.OnCpu(dataset));
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(const SampledSubgraph actual,
                                      trial.OnKernels(executor, sampler));
        ExpectSame(actual, expected);
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
}

TEST(KHopSampler, BatchesOfHomogeneousGraphsAreTheCpusOwn) {
  for (uint64_t number = 0; number < 25; ++number) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                  WriteWhole(RandomContents({.seed = number})));
    ExpectSameBatches(*dataset, number, 8);
    if (HasFailure()) return;
  }
}

TEST(KHopSampler, BatchesOfTypedGraphsAreTheCpusOwn) {
  for (uint64_t number = 100; number < 125; ++number) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto dataset,
        WriteWhole(RandomContents({.seed = number, .heterogeneous = true})));
    ExpectSameBatches(*dataset, number, 8);
    if (HasFailure()) return;
  }
}

TEST(KHopSampler, BatchesOfALargerGraphAreTheCpusOwn) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto dataset,
      WriteWhole(
          RandomContents({.seed = 7, .max_nodes = 5000, .max_edges = 60000})));
  ExpectSameBatches(*dataset, 7, 6);
}

TEST(KHopSampler, IdsThatAreAListAreFound) {
  DatasetContents contents = RandomContents({.seed = 3});
  std::vector<int64_t>& ids = contents.nodes[0].ids;
  for (int64_t i = 0; i < contents.nodes[0].num_nodes; ++i) {
    ids.push_back(7 * i + 1000);
  }
  for (auto& [src, dst] : contents.edges[0].edges) {
    src = ids[static_cast<size_t>(src)];
    dst = ids[static_cast<size_t>(dst)];
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(std::move(contents)));
  ASSERT_FALSE(dataset->node_types()[0].ids.is_range());
  ExpectSameBatches(*dataset, 3, 20);
}

TEST(PlacedGraph, BatchesAreTheSameWhereverTheGraphLies) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto dataset,
      WriteWhole(RandomContents({.seed = 5, .heterogeneous = true})));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const GraphView view,
                                ViewOf(*dataset, EdgeDir::kOut));
  FakeMemory memory;
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PlacedGraph graph,
                                  PlacedGraph::Create(view, memory.memory()));
    EXPECT_EQ(graph.bytes(), memory.bytes());
    for (const GraphView::EdgeType& type : graph.view().edge_types) {
      const Numbers& indptr = type.edges.indptr;
      EXPECT_TRUE(memory.Has(indptr.narrow != nullptr
                                 ? static_cast<const void*>(indptr.narrow)
                                 : indptr.wide,
                             1));
    }
    EmulatedExecutor executor(Order::kShuffled);
    Sampler sampler(&executor, graph.view());
    for (uint64_t i = 0; i < 10; ++i) {
      const Trial trial(*dataset, i);
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const SampledSubgraph expected,
                                    trial.OnCpu(*dataset));
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const SampledSubgraph actual,
                                    trial.OnKernels(executor, sampler));
      ExpectSame(actual, expected);
    }
  }
  EXPECT_EQ(memory.bytes(), 0u);
  FakeMemory small(16);
  EXPECT_THAT(PlacedGraph::Create(view, small.memory()),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

// A graph in this test's own memory, which may be wrong.
struct SmallGraph {
  std::vector<int64_t> indptr = {0, 2, 3, 3};
  std::vector<uint32_t> indices = {1, 2, 0};
  std::vector<int64_t> wide_indices;

  GraphView view() const {
    const Numbers all = wide_indices.empty()
                            ? Numbers{.narrow = indices.data(), .size = 3}
                            : Numbers{.wide = wide_indices.data(), .size = 3};
    return {
        .node_types = {{.size = 3}},
        .edge_types = {{.edges = {.indptr = {.wide = indptr.data(), .size = 4},
                                  .indices = all}}}};
  }
};

absl::Status SampleAll(const SmallGraph& graph, std::vector<int64_t> seeds,
                       std::vector<std::vector<int32_t>> fanouts,
                       size_t budget = SIZE_MAX) {
  EmulatedExecutor executor(Order::kShuffled);
  executor.budget = budget;
  Sampler sampler(&executor, graph.view());
  return sampler
      .Sample({.fanouts = std::move(fanouts)}, {.seeds = {{.ids = seeds}}})
      .status();
}

TEST(KHopSampler, GraphThatIsWrongIsAnErrorThatNamesTheNode) {
  EXPECT_THAT(SampleAll({}, {0, 1, 2}, {{-1, -1}}), IsOk());
  EXPECT_THAT(SampleAll({}, {0, 3}, {{-1}}),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("3")));
  EXPECT_THAT(SampleAll({}, {-1}, {{-1}}),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("-1")));
  EXPECT_THAT(SampleAll({.indices = {1, 9, 0}}, {0}, {{-1, -1}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("id 9")));
  EXPECT_THAT(SampleAll({.indptr = {0, 2, 1, 3}}, {0, 1}, {{-1}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("id 1")));
  EXPECT_THAT(SampleAll({.indptr = {0, 2, 3, 4}}, {2}, {{2}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("id 2")));
  EXPECT_THAT(SampleAll({.wide_indices = {1, -1, 0}}, {0}, {{-1}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("below 0")));
}

TEST(KHopSampler, OptionsThatDoNotFitTheGraphAreRefused) {
  EXPECT_THAT(SampleAll({}, {0}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("lists")));
  EXPECT_THAT(SampleAll({}, {0}, {{-2}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("-2")));
  EXPECT_THAT(SampleAll({}, {0}, {std::vector<int32_t>(256, 1)}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("256")));
  EmulatedExecutor executor(Order::kForward);
  Sampler sampler(&executor, {.node_types = {{.size = 1}},
                              .edge_types = {GraphView::EdgeType()}});
  EXPECT_THAT(
      sampler.Sample({.fanouts = {{1}}}, {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("direction")));
  EXPECT_THAT(
      sampler.Sample({.fanouts = {{}}}, {.seeds = {{.type = 1}}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("node type 1")));
}

TEST(KHopSampler, DeviceThatIsFullIsAnErrorAndTheNextBatchIsWhole) {
  const SmallGraph graph;
  EmulatedExecutor executor(Order::kShuffled);
  Sampler sampler(&executor, graph.view());
  const std::vector<int64_t> seeds = {0, 1};
  const KHopOptions options{.fanouts = {{-1, -1}}};
  const KHopRequest request{.seeds = {{.ids = seeds}}};
  bool was_made = false;
  for (size_t budget = 0; !was_made; budget += 8) {
    executor.budget = budget;
    const auto batch = sampler.Sample(options, request);
    was_made = batch.ok();
    if (was_made) {
      SampledSubgraph out;
      ASSERT_THAT(ReadBatch(executor, *batch, request, &out), IsOk());
      EXPECT_EQ(out.nodes[0].ids, std::vector<int64_t>({0, 1, 2}));
      EXPECT_EQ(out.edges[0].rows, std::vector<int64_t>({0, 0, 1}));
      EXPECT_EQ(out.edges[0].cols, std::vector<int64_t>({1, 2, 0}));
    } else {
      ASSERT_THAT(batch, StatusIs(absl::StatusCode::kResourceExhausted));
    }
  }
}

TEST(ViewOf, OnePartitionOfSeveralIsRefused) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole,
                                WriteWhole(RandomContents({.seed = 1})));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto parts,
      PartitionedDataset::Create(*whole, 2, BookKind::kRange));
  EXPECT_THAT(ViewOf(parts.partition(0), EdgeDir::kOut),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("2 partitions")));
}

}  // namespace
}  // namespace fairlead::cuda
