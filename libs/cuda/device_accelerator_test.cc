// What a pool asks of a GPU, of a device that the CPU stands in for: the bytes
// that the CPU's own way gives.

#include "libs/cuda/device_accelerator.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/cuda/device_options.h"
#include "libs/cuda/emulated_device.h"
#include "libs/cuda/unified_table.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/id_space.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/sampling/subgraph_equality.h"
#include "libs/status/status_matchers.h"

namespace fairlead::cuda {
namespace {

using ::fairlead::cuda::testing::EmulatedDevice;
using ::fairlead::testing::BookKind;
using ::fairlead::testing::ExpectSame;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint64_t kPlenty = uint64_t{1} << 30;

absl::StatusOr<std::unique_ptr<const Dataset>> RandomDataset(
    uint64_t seed, bool heterogeneous) {
  DatasetContents contents =
      RandomContents({.seed = seed, .heterogeneous = heterogeneous});
  for (DatasetContents::Nodes& nodes : contents.nodes) {
    nodes.feature_dim = nodes.name == "a" ? 5 : 8;
    for (int64_t i = 0; i < nodes.num_nodes * nodes.feature_dim; ++i) {
      nodes.features.push_back(static_cast<float>(i));
    }
  }
  return WriteWhole(contents);
}

NeighborSamplerOptions Options(const Dataset& dataset, EdgeDir direction,
                               bool replace) {
  return {.fanouts = std::vector<std::vector<int32_t>>(
              dataset.edge_types().size(), {4, 3, -1}),
          .replace = replace,
          .direction = direction,
          .with_edge_ids = replace,
          .seed = 7};
}

std::vector<int64_t> SomeIds(const IdSpace& ids, uint64_t seed, size_t count) {
  RandomStream random(seed, 0, 0);
  std::vector<int64_t> some(count);
  for (int64_t& id : some) {
    id = ids.Id(
        static_cast<int64_t>(random.Below(static_cast<uint64_t>(ids.size()))));
  }
  return some;
}

TEST(DeviceAccelerator, BatchesAreTheCpus) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                  RandomDataset(seed, seed % 2 == 1));
    for (const GraphMode mode : {GraphMode::kCuda, GraphMode::kZeroCopy}) {
      EmulatedDevice device;
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const auto accelerator,
          DeviceAccelerator::Create(
              *dataset, {.graph_mode = mode, .memory_budget_bytes = kPlenty},
              device.device()));
      EXPECT_EQ(device.memory().bytes() > 0, mode == GraphMode::kCuda);
      EXPECT_EQ(device.host().bytes() > 0, mode == GraphMode::kZeroCopy);
      for (const EdgeDir direction : {EdgeDir::kOut, EdgeDir::kIn}) {
        const NeighborSamplerOptions options =
            Options(*dataset, direction, /*replace=*/seed > 3);
        const int type = static_cast<int>(dataset->node_types().size()) - 1;
        const auto sampler = accelerator->NewSampler(options);
        ASSERT_NE(sampler, nullptr);
        NeighborSampler cpu(*dataset);
        SampledSubgraph actual;  // used again
        SampledSubgraph expected;
        for (uint64_t i = 0; i < 4; ++i) {
          const std::vector<int64_t> seeds = SomeIds(
              dataset->node_types()[static_cast<size_t>(type)].ids, i, 10 * i);
          const std::vector<int64_t> others =
              SomeIds(dataset->node_types()[0].ids, i, 5);
          std::vector<SeedGroup> more;
          if (i % 2 == 1) more.push_back({.type = 0, .ids = others});
          const NeighborSampleRequest request{.seeds = seeds,
                                              .seed_type = type,
                                              .epoch = seed,
                                              .batch_index = i,
                                              .more_seeds = more};
          ASSERT_THAT(cpu.Sample(options, request, &expected), IsOk());
          FAIRLEAD_ASSERT_OK_AND_ASSIGN(
              const bool done, sampler->Begin(options, request, &actual));
          EXPECT_TRUE(done);
          ExpectSame(actual, expected);
        }
      }
      EXPECT_EQ(device.sessions(), 1U);
    }
  }
}

TEST(DeviceAccelerator, LeavesToTheCpuWhatItDoesNotSample) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, RandomDataset(1, false));
  EmulatedDevice device;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto accelerator,
      DeviceAccelerator::Create(
          *dataset,
          {.graph_mode = GraphMode::kCuda, .memory_budget_bytes = kPlenty},
          device.device()));
  const NeighborSamplerOptions good =
      Options(*dataset, EdgeDir::kOut, /*replace=*/false);
  EXPECT_NE(accelerator->NewSampler(good), nullptr);
  NeighborSamplerOptions options = good;
  options.weighted = true;
  EXPECT_EQ(accelerator->NewSampler(options), nullptr);
  options = good;
  options.temporal = TemporalStrategy::kUniform;
  EXPECT_EQ(accelerator->NewSampler(options), nullptr);
  options = good;
  options.fanouts[0][1] = DeviceAccelerator::kMaxFanout + 1;
  EXPECT_EQ(accelerator->NewSampler(options), nullptr);
  options.replace = true;  // nobody looks through the draws before
  EXPECT_NE(accelerator->NewSampler(options), nullptr);

  EmulatedDevice for_features;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto gathers,
      DeviceAccelerator::Create(
          *dataset, {.features = true, .memory_budget_bytes = kPlenty},
          for_features.device()));
  EXPECT_EQ(gathers->NewSampler(good), nullptr);
  EXPECT_FALSE(accelerator->Has(*dataset->node_types()[0].features));
  EXPECT_TRUE(gathers->Has(*dataset->node_types()[0].features));
}

TEST(DeviceAccelerator, RowsAreTheDatasetsHoweverManyAreHot) {  // GL-023
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, RandomDataset(3, true));
  uint64_t slots = 0;  // what is on the device though no row is
  uint64_t all = 0;
  for (const NodeType& type : dataset->node_types()) {
    const auto rows = static_cast<uint64_t>(type.num_nodes);
    slots += 4 * rows;
    all += rows * (4 + UnifiedTable::Stride(type.features->table.row_bytes()));
  }
  for (const uint64_t budget : {slots, (slots + all) / 2, all, kPlenty}) {
    SCOPED_TRACE(budget);
    EmulatedDevice device;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto accelerator,
        DeviceAccelerator::Create(
            *dataset, {.features = true, .memory_budget_bytes = budget},
            device.device()));
    EXPECT_LE(device.memory().bytes(), budget);
    EXPECT_EQ(device.memory().bytes() > slots, budget > slots);
    EXPECT_EQ(device.host().bytes() == 0, budget >= all);
    for (const NodeType& type : dataset->node_types()) {
      const RowStore& rows = *type.features;
      ASSERT_TRUE(accelerator->Has(rows));
      for (const size_t count : {size_t{0}, size_t{1}, size_t{200}}) {
        const std::vector<int64_t> ids = SomeIds(type.ids, count, count);
        const size_t size = count * static_cast<size_t>(rows.table.row_bytes());
        std::vector<uint8_t> expected(size);
        std::vector<uint8_t> actual(size, 0x5A);
        ASSERT_THAT(rows.Gather(ids, absl::MakeSpan(expected)), IsOk());
        ASSERT_THAT(accelerator->Gather(rows, ids, absl::MakeSpan(actual)),
                    IsOk());
        EXPECT_EQ(actual, expected);
      }
    }
  }
}

TEST(DeviceAccelerator, IdWithoutARowIsNamed) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, RandomDataset(3, false));
  EmulatedDevice device;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto accelerator,
      DeviceAccelerator::Create(
          *dataset, {.features = true, .memory_budget_bytes = kPlenty},
          device.device()));
  const RowStore& rows = *dataset->node_types()[0].features;
  std::vector<uint8_t> out(static_cast<size_t>(rows.table.row_bytes()));
  EXPECT_THAT(accelerator->Gather(rows, {987'654}, absl::MakeSpan(out)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("id 987654")));
}

TEST(DeviceAccelerator, TooSmallABudgetSaysWhatIsWantedAndWhatElseThereIs) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, RandomDataset(3, false));
  EmulatedDevice device;
  const auto create = [&](DeviceUse use) {
    return DeviceAccelerator::Create(*dataset, use, device.device()).status();
  };
  EXPECT_THAT(
      create({.graph_mode = GraphMode::kCuda, .memory_budget_bytes = 100}),
      StatusIs(absl::StatusCode::kResourceExhausted,
               AllOf(HasSubstr("memory_budget"), HasSubstr("zero_copy"))));
  EXPECT_THAT(create({.features = true, .memory_budget_bytes = 10}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(create({.graph_mode = GraphMode::kZeroCopy}), IsOk());
  EXPECT_EQ(device.memory().bytes(), 0U);
}

TEST(DeviceAccelerator, PartitionIsRefusedBeforeAnythingIsPlaced) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, RandomDataset(3, false));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PartitionedDataset parts,
      PartitionedDataset::Create(*whole, 2, BookKind::kTable));
  EmulatedDevice device;
  EXPECT_THAT(
      DeviceAccelerator::Create(
          parts.partition(0),
          {.features = true, .memory_budget_bytes = kPlenty}, device.device()),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("2 partitions"), HasSubstr("cpu"))));
  EXPECT_EQ(device.memory().bytes() + device.host().bytes(), 0U);
}

TEST(DeviceAccelerator, ThreadsShareItAndItsSessions) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, RandomDataset(5, true));
  EmulatedDevice device;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto accelerator,
      DeviceAccelerator::Create(*dataset,
                                {.graph_mode = GraphMode::kCuda,
                                 .features = true,
                                 .memory_budget_bytes = kPlenty},
                                device.device()));
  const NeighborSamplerOptions options =
      Options(*dataset, EdgeDir::kOut, /*replace=*/false);
  constexpr uint64_t kThreads = 4;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const auto sampler = accelerator->NewSampler(options);
      NeighborSampler cpu(*dataset);
      SampledSubgraph actual;
      SampledSubgraph expected;
      for (uint64_t i = 0; i < 10; ++i) {
        const std::vector<int64_t> ids =
            SomeIds(dataset->node_types()[0].ids, t, 20);
        const NeighborSampleRequest request{.seeds = ids, .batch_index = i};
        ASSERT_THAT(cpu.Sample(options, request, &expected), IsOk());
        ASSERT_THAT(sampler->Begin(options, request, &actual), IsOk());
        ExpectSame(actual, expected);
        const RowStore& rows = *dataset->node_types()[0].features;
        std::vector<uint8_t> out(ids.size() *
                                 static_cast<size_t>(rows.table.row_bytes()));
        EXPECT_THAT(accelerator->Gather(rows, ids, absl::MakeSpan(out)),
                    IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(device.sessions(), kThreads);
}

}  // namespace
}  // namespace fairlead::cuda
