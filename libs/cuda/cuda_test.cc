// On a GPU: what row_gatherer_test and k_hop_sampler_test have seen on the CPU,
// and what only a device can show. Skipped where there is none.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cuda_runtime_api.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/cuda/cuda_device.h"
#include "libs/cuda/cuda_gatherer.h"
#include "libs/cuda/cuda_memory.h"
#include "libs/cuda/cuda_sampler.h"
#include "libs/cuda/cuda_status.h"
#include "libs/cuda/dataset_view.h"
#include "libs/cuda/device.h"
#include "libs/cuda/device_accelerator.h"
#include "libs/cuda/device_options.h"
#include "libs/cuda/graph_view.h"
#include "libs/cuda/k_hop_request.h"
#include "libs/cuda/memory.h"
#include "libs/cuda/pinned_arena.h"
#include "libs/cuda/placed_graph.h"
#include "libs/cuda/read_batch.h"
#include "libs/cuda/row_plan.h"
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

using ::fairlead::testing::ExpectSame;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;

class OnDevice : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto devices = CountDevices();
    if (!devices.ok()) GTEST_SKIP() << devices.status();
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking),
              cudaSuccess);
  }
  void TearDown() override {
    if (stream_ != nullptr) (void)cudaStreamDestroy(stream_);
  }

  cudaStream_t stream_ = nullptr;
};

using CudaSamplerTest = OnDevice;
using CudaGathererTest = OnDevice;
using CudaDeviceTest = OnDevice;
using PinnedMemoryTest = OnDevice;

// Batches of many fanouts, from a graph in either memory.
void ExpectSameBatches(const Dataset& dataset, cudaStream_t stream) {
  constexpr int32_t kFanouts[] = {0, -1, 1, 3, 10, 70, 1000};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const GraphView host,
                                ViewOf(dataset, EdgeDir::kOut));
  for (const Memory& memory : {DeviceMemory(), PinnedMemory()}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PlacedGraph graph,
                                  PlacedGraph::Create(host, memory));
    CudaSampler sampler(graph.view(), stream);
    NeighborSampler cpu(dataset);
    for (uint64_t trial = 0; trial < 12; ++trial) {
      SCOPED_TRACE(absl::StrCat("trial ", trial));
      RandomStream random(trial, 0, 0);
      NeighborSamplerOptions options{.replace = trial % 3 == 0,
                                     .with_edge_ids = trial % 2 == 0,
                                     .seed = trial};
      for (size_t e = 0; e < dataset.edge_types().size(); ++e) {
        options.fanouts.emplace_back();
        for (int hop = 0; hop < 3; ++hop) {
          options.fanouts.back().push_back(
              kFanouts[random.Below(std::size(kFanouts))]);
        }
      }
      std::vector<int64_t> seeds(random.Below(2000));
      const IdSpace& ids = dataset.node_types()[0].ids;
      for (int64_t& seed : seeds) {
        seed = ids.Id(static_cast<int64_t>(
            random.Below(static_cast<uint64_t>(ids.size()))));
      }
      SampledSubgraph expected;
      ASSERT_THAT(cpu.Sample(options, {.seeds = seeds, .batch_index = trial},
                             &expected),
                  IsOk());
      const KHopRequest request{.seeds = {{.ids = seeds}},
                                .batch_index = trial};
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const KHopBatch batch,
          sampler.Sample({.fanouts = options.fanouts,
                          .replace = options.replace,
                          .with_edge_ids = options.with_edge_ids,
                          .seed = options.seed},
                         request));
      SampledSubgraph actual;
      ASSERT_THAT(ReadBatch(sampler, batch, request, &actual), IsOk());
      ExpectSame(actual, expected);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST_F(CudaSamplerTest, BatchesAreTheCpusOwn) {
  for (const bool heterogeneous : {false, true}) {
    for (const int64_t nodes : {50, 20'000}) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const auto dataset,
          WriteWhole(RandomContents({.seed = 11,
                                     .heterogeneous = heterogeneous,
                                     .max_nodes = nodes,
                                     .max_edges = 20 * nodes})));
      ExpectSameBatches(*dataset, stream_);
    }
  }
}

TEST_F(CudaGathererTest, RowsAreThoseThatWerePutThere) {
  constexpr int64_t kRows = 10'000;
  for (const int64_t row_bytes : {1, 6, 12, 16, 100, 512, 1024}) {
    for (const uint64_t hot : {0, 3'000, 10'000}) {
      SCOPED_TRACE(absl::StrCat(row_bytes, " bytes a row, ", hot, " hot"));
      RandomStream random(1, 2, 3);
      std::vector<uint8_t> rows(static_cast<size_t>(kRows * row_bytes));
      for (uint8_t& byte : rows) byte = static_cast<uint8_t>(random.Next32());
      std::vector<uint64_t> heat(kRows);
      for (uint64_t& h : heat) h = random.Below(100);
      const uint64_t stride = UnifiedTable::Stride(row_bytes);
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const RowPlan plan,
                                    PlanRows(heat, stride, hot * stride));
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const UnifiedTable table,
          UnifiedTable::Create({.data = rows.data(),
                                .row_bytes = row_bytes,
                                .ids = {.size = kRows}},
                               plan, DeviceMemory(), PinnedMemory()));
      std::vector<int64_t> ids(30'000);
      for (int64_t& id : ids) {
        id = static_cast<int64_t>(random.Below(uint64_t{kRows}));
      }
      const Memory device = DeviceMemory();
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const SharedMemory there,
          device.allocate(ids.size() * sizeof(int64_t)));
      ASSERT_THAT(
          device.copy(there.get(), ids.data(), ids.size() * sizeof(int64_t)),
          IsOk());
      const size_t bytes = ids.size() * static_cast<size_t>(row_bytes);
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const SharedMemory out,
                                    device.allocate(bytes));
      CudaGatherer gatherer(table.view(), stream_);
      ASSERT_THAT(gatherer.Start(reinterpret_cast<const int64_t*>(there.get()),
                                 static_cast<int64_t>(ids.size()), out.get()),
                  IsOk());
      ASSERT_THAT(gatherer.Finish(), IsOk());
      std::vector<uint8_t> actual(bytes);
      ASSERT_EQ(
          cudaMemcpy(actual.data(), out.get(), bytes, cudaMemcpyDeviceToHost),
          cudaSuccess);
      for (size_t i = 0; i < ids.size(); ++i) {
        ASSERT_EQ(std::memcmp(actual.data() + i * row_bytes,
                              rows.data() + ids[i] * row_bytes,
                              static_cast<size_t>(row_bytes)),
                  0)
            << "row " << i;
      }
    }
  }
}

// All that a pool asks of a GPU.
TEST_F(CudaDeviceTest, AcceleratorGivesWhatTheCpuGives) {
  DatasetContents contents = RandomContents({.seed = 5,
                                             .heterogeneous = true,
                                             .max_nodes = 20'000,
                                             .max_edges = 400'000});
  for (DatasetContents::Nodes& nodes : contents.nodes) {
    nodes.feature_dim = 33;
    for (int64_t i = 0; i < nodes.num_nodes * nodes.feature_dim; ++i) {
      nodes.features.push_back(static_cast<float>(i));
    }
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, WriteWhole(contents));
  for (const GraphMode mode : {GraphMode::kCuda, GraphMode::kZeroCopy}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(Device device, OpenCudaDevice(0));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto accelerator,
        DeviceAccelerator::Create(*dataset,
                                  {.graph_mode = mode,
                                   .features = true,
                                   .memory_budget_bytes = uint64_t{16} << 20},
                                  std::move(device)));
    const NeighborSamplerOptions options{
        .fanouts = std::vector<std::vector<int32_t>>(
            dataset->edge_types().size(), {15, 10, 5}),
        .with_edge_ids = true};
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        const auto sampler = accelerator->NewSampler(options);
        ASSERT_NE(sampler, nullptr);
        NeighborSampler cpu(*dataset);
        SampledSubgraph actual;
        SampledSubgraph expected;
        std::vector<int64_t> seeds(512);
        for (uint64_t i = 0; i < 10; ++i) {
          RandomStream random(t, i, 0);
          const IdSpace& ids = dataset->node_types()[0].ids;
          for (int64_t& seed : seeds) {
            seed = ids.Id(static_cast<int64_t>(
                random.Below(static_cast<uint64_t>(ids.size()))));
          }
          const NeighborSampleRequest request{.seeds = seeds, .batch_index = i};
          ASSERT_THAT(cpu.Sample(options, request, &expected), IsOk());
          ASSERT_THAT(sampler->Begin(options, request, &actual), IsOk());
          ExpectSame(actual, expected);
          for (size_t type = 0; type < dataset->node_types().size(); ++type) {
            const RowStore& rows = *dataset->node_types()[type].features;
            const auto& nodes = expected.nodes[type].ids;
            const size_t bytes =
                nodes.size() * static_cast<size_t>(rows.table.row_bytes());
            std::vector<uint8_t> mine(bytes);
            std::vector<uint8_t> its(bytes);
            ASSERT_THAT(rows.Gather(nodes, absl::MakeSpan(its)), IsOk());
            ASSERT_THAT(accelerator->Gather(rows, nodes, absl::MakeSpan(mine)),
                        IsOk());
            ASSERT_EQ(mine, its);
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_F(CudaDeviceTest, DeviceBeyondTheLastIsNamed) {
  EXPECT_THAT(OpenCudaDevice(1000),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::HasSubstr("cuda:1000")));
}

TEST_F(PinnedMemoryTest, BlockIsUsedAgainOnceTheDeviceHasReadIt) {
  constexpr size_t kBytes = size_t{32} << 20;
  PinnedArena arena(PinnedMemory(), kBytes);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const SharedMemory there,
                                DeviceMemory().allocate(8 * kBytes));
  uint8_t* const to = there.get();
  for (int i = 0; i < 8; ++i) {
    // The budget is one block: each Take waits for the copy before it.
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto block, arena.Take(kBytes));
    std::memset(block.get(), i + 1, kBytes);
    ASSERT_EQ(cudaMemcpyAsync(to + i * kBytes, block.get(), kBytes,
                              cudaMemcpyDefault, stream_),
              cudaSuccess);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(PinnedArena::Event event,
                                  RecordEvent(stream_));
    ASSERT_THAT(arena.HoldUntil(block.get(), std::move(event)), IsOk());
  }
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  std::vector<uint8_t> back(8 * kBytes);
  ASSERT_EQ(cudaMemcpy(back.data(), to, back.size(), cudaMemcpyDeviceToHost),
            cudaSuccess);
  for (size_t i = 0; i < 8; ++i) {
    const auto begin = back.begin() + static_cast<std::ptrdiff_t>(i * kBytes);
    EXPECT_EQ(std::count(begin, begin + kBytes, static_cast<uint8_t>(i + 1)),
              static_cast<std::ptrdiff_t>(kBytes));
  }
  EXPECT_EQ(arena.stats().allocations, 1u);
}

TEST(ToStatus, SaysWhatIsWrongAndWhatToDo) {
  EXPECT_THAT(ToStatus(cudaSuccess, "x"), IsOk());
  EXPECT_THAT(ToStatus(cudaErrorMemoryAllocation, "7 bytes"),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       ::testing::HasSubstr("7 bytes")));
  EXPECT_THAT(ToStatus(cudaErrorNoDevice, "x"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       ::testing::HasSubstr("nvidia-smi")));
  EXPECT_THAT(ToStatus(cudaErrorIllegalAddress, "a kernel"),
              StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace fairlead::cuda
