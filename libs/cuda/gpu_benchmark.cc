// What a GPU does with a graph, beside what it could do at most; see README.md.
// Succeeds where there is no device, with a line that says so.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "cuda_runtime_api.h"
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
#include "libs/cuda/placed_graph.h"
#include "libs/cuda/row_plan.h"
#include "libs/cuda/unified_table.h"
#include "libs/graph/dataset.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/power_law_graph.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {
namespace {

constexpr int kRuns = 7;

class Streams {
 public:
  static absl::StatusOr<std::unique_ptr<Streams>> Create() {
    auto streams = std::unique_ptr<Streams>(new Streams);
    for (cudaStream_t* stream : {&streams->compute, &streams->copy}) {
      FAIRLEAD_RETURN_IF_ERROR(
          ToStatus(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking),
                   "a stream"));
    }
    return streams;
  }
  ~Streams() {
    (void)cudaStreamDestroy(compute);
    (void)cudaStreamDestroy(copy);
  }

  cudaStream_t compute = nullptr;
  cudaStream_t copy = nullptr;

 private:
  Streams() = default;
};

// The median of the seconds that `work` takes, until the device has done it.
absl::StatusOr<double> Seconds(const std::function<absl::Status()>& work) {
  std::vector<double> seconds;
  for (int run = 0; run <= kRuns; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    FAIRLEAD_RETURN_IF_ERROR(work());
    FAIRLEAD_RETURN_IF_ERROR(ToStatus(cudaDeviceSynchronize(), "a kernel"));
    const std::chrono::duration<double> took =
        std::chrono::steady_clock::now() - begin;
    if (run > 0) seconds.push_back(took.count());  // the first warms up
  }
  std::nth_element(seconds.begin(), seconds.begin() + kRuns / 2, seconds.end());
  return seconds[kRuns / 2];
}

void Print(const std::string& what, double value, const std::string& unit) {
  std::cout << absl::StrFormat("%-58s %10.2f %s\n", what, value, unit)
            << std::flush;
}

absl::Status CopyAsync(void* to, const void* from, size_t bytes,
                       cudaStream_t stream) {
  return ToStatus(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream),
                  "a copy");
}

absl::Status MeasureCopies(const Streams& streams) {
  constexpr size_t kBytes = size_t{1} << 30;
  FAIRLEAD_ASSIGN_OR_RETURN(const SharedMemory a,
                            DeviceMemory().allocate(kBytes));
  FAIRLEAD_ASSIGN_OR_RETURN(const SharedMemory b,
                            DeviceMemory().allocate(kBytes));
  FAIRLEAD_ASSIGN_OR_RETURN(const SharedMemory host,
                            PinnedMemory().allocate(kBytes));
  for (const auto& [name, from] :
       {std::pair("copy, device to device", a.get()),
        std::pair("copy, page-locked host to device", host.get())}) {
    FAIRLEAD_ASSIGN_OR_RETURN(const double seconds, Seconds([&] {
                                return CopyAsync(b.get(), from, kBytes,
                                                 streams.compute);
                              }));
    Print(name, kBytes / seconds * 1e-9, "GB/s of what is copied");
  }
  return absl::OkStatus();
}

absl::Status MeasureGather(const Streams& streams) {
  constexpr int64_t kTableBytes = int64_t{4} << 30;
  constexpr int64_t kOutBytes = int64_t{512} << 20;
  // Rows of 16 bytes are the floor: a random access each, and nothing else.
  for (const int64_t row_bytes : {16, 256, 512, 1024}) {
    const int64_t rows = kTableBytes / row_bytes / (row_bytes == 16 ? 4 : 1);
    const int64_t count = kOutBytes / row_bytes;
    const std::vector<uint8_t> data(static_cast<size_t>(rows * row_bytes), 1);
    std::vector<int64_t> ids(static_cast<size_t>(count));
    RandomStream random(1, 0, 0);
    for (int64_t& id : ids) {
      id = static_cast<int64_t>(random.Below(static_cast<uint64_t>(rows)));
    }
    const Memory device = DeviceMemory();
    FAIRLEAD_ASSIGN_OR_RETURN(const SharedMemory there,
                              device.allocate(ids.size() * sizeof(int64_t)));
    FAIRLEAD_RETURN_IF_ERROR(
        device.copy(there.get(), ids.data(), ids.size() * sizeof(int64_t)));
    FAIRLEAD_ASSIGN_OR_RETURN(const SharedMemory out,
                              device.allocate(size_t{kOutBytes}));
    for (const int percent : {100, 50, 0}) {
      // Ids are drawn evenly, so any rows will do.
      const std::vector<uint64_t> heat(static_cast<size_t>(rows));
      FAIRLEAD_ASSIGN_OR_RETURN(
          const RowPlan plan,
          PlanRows(heat, UnifiedTable::Stride(row_bytes),
                   static_cast<uint64_t>(rows * row_bytes / 100 * percent)));
      FAIRLEAD_ASSIGN_OR_RETURN(
          const UnifiedTable table,
          UnifiedTable::Create({.data = data.data(),
                                .row_bytes = row_bytes,
                                .ids = {.size = rows}},
                               plan, device, PinnedMemory()));
      CudaGatherer gatherer(table.view(), streams.compute);
      FAIRLEAD_ASSIGN_OR_RETURN(
          const double seconds, Seconds([&]() -> absl::Status {
            FAIRLEAD_RETURN_IF_ERROR(
                gatherer.Start(reinterpret_cast<const int64_t*>(there.get()),
                               count, out.get()));
            return gatherer.Finish();
          }));
      Print(absl::StrFormat("gather, rows of %d bytes, %d %% on the device",
                            row_bytes, percent),
            kOutBytes / seconds * 1e-9, "GB/s of rows");
      if (row_bytes == 16) {
        Print("  which is", static_cast<double>(count) / seconds * 1e-6,
              "M random accesses/s");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status MeasureSampling(const Streams& streams) {
  constexpr int64_t kNodes = 1'000'000;
  const auto dataset = fairlead::testing::PowerLawGraph(kNodes, 20 * kNodes);
  if (dataset == nullptr) return absl::InternalError("no graph in /tmp");
  const NeighborSamplerOptions options{.fanouts = {{15, 10, 5}}};
  std::vector<std::vector<int64_t>> batches(kRuns + 1,
                                            std::vector<int64_t>(1024));
  RandomStream random(2, 0, 0);
  for (std::vector<int64_t>& seeds : batches) {
    for (int64_t& seed : seeds) {
      seed = static_cast<int64_t>(random.Below(uint64_t{kNodes}));
    }
  }
  size_t next = 0;
  int64_t edges = 0;
  NeighborSampler cpu(*dataset);
  SampledSubgraph out;
  FAIRLEAD_ASSIGN_OR_RETURN(
      double seconds, Seconds([&]() -> absl::Status {
        FAIRLEAD_RETURN_IF_ERROR(cpu.Sample(
            options, {.seeds = batches[next++ % batches.size()]}, &out));
        edges = out.TotalEdges();
        return absl::OkStatus();
      }));
  Print("sampling 15,10,5 from 1 M nodes, one CPU thread",
        static_cast<double>(edges) / seconds * 1e-6, "M edges/s");
  FAIRLEAD_ASSIGN_OR_RETURN(const GraphView host,
                            ViewOf(*dataset, EdgeDir::kOut));
  for (const auto& [name, memory] :
       {std::pair("... device, graph in device memory", DeviceMemory()),
        std::pair("... device, graph in page-locked memory", PinnedMemory())}) {
    FAIRLEAD_ASSIGN_OR_RETURN(const PlacedGraph graph,
                              PlacedGraph::Create(host, memory));
    CudaSampler sampler(graph.view(), streams.compute);
    FAIRLEAD_ASSIGN_OR_RETURN(
        seconds, Seconds([&]() -> absl::Status {
          FAIRLEAD_ASSIGN_OR_RETURN(
              const KHopBatch batch,
              sampler.Sample(
                  {.fanouts = options.fanouts},
                  {.seeds = {{.ids = batches[next++ % batches.size()]}}}));
          edges = batch.edges[0].size;
          return absl::OkStatus();
        }));
    Print(name, static_cast<double>(edges) / seconds * 1e-6, "M edges/s");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(Device device, OpenCudaDevice(0));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const auto accelerator,
      DeviceAccelerator::Create(
          *dataset,
          {.graph_mode = GraphMode::kCuda,
           .memory_budget_bytes = DeviceOptions::kDefaultMemoryBudget},
          std::move(device)));
  const auto sampler = accelerator->NewSampler(options);
  SampledSubgraph read;
  FAIRLEAD_ASSIGN_OR_RETURN(
      seconds, Seconds([&] {
        return sampler
            ->Begin(options, {.seeds = batches[next++ % batches.size()]}, &read)
            .status();
      }));
  Print("... device, and read back, as a pool has it",
        static_cast<double>(read.TotalEdges()) / seconds * 1e-6, "M edges/s");
  return absl::OkStatus();
}

// Batches of 64 MiB are copied to the device, and "trained on": copies within
// the device that take about as long. In turn, and the one beside the other.
absl::Status MeasureOverlap(const Streams& streams) {
  constexpr size_t kBytes = size_t{64} << 20;
  constexpr int kBatches = 20;
  FAIRLEAD_ASSIGN_OR_RETURN(const SharedMemory host,
                            PinnedMemory().allocate(2 * kBytes));
  FAIRLEAD_ASSIGN_OR_RETURN(const SharedMemory batches,
                            DeviceMemory().allocate(2 * kBytes));
  FAIRLEAD_ASSIGN_OR_RETURN(const SharedMemory model,
                            DeviceMemory().allocate(kBytes));
  const auto at = [](const SharedMemory& memory, int i) {
    return memory.get() + (i % 2) * kBytes;
  };
  const auto copy = [&](int i, cudaStream_t stream) {
    return CopyAsync(at(batches, i), at(host, i), kBytes, stream);
  };
  FAIRLEAD_ASSIGN_OR_RETURN(const double one_copy,
                            Seconds([&] { return copy(0, streams.compute); }));
  FAIRLEAD_ASSIGN_OR_RETURN(const double one_pass, Seconds([&] {
                              return CopyAsync(model.get(), at(batches, 0),
                                               kBytes, streams.compute);
                            }));
  const int passes = std::max(1, static_cast<int>(one_copy / one_pass));
  const auto train = [&](int i) -> absl::Status {
    for (int pass = 0; pass < passes; ++pass) {
      FAIRLEAD_RETURN_IF_ERROR(
          CopyAsync(model.get(), at(batches, i), kBytes, streams.compute));
    }
    return absl::OkStatus();
  };
  FAIRLEAD_ASSIGN_OR_RETURN(
      const double in_turn, Seconds([&]() -> absl::Status {
        for (int i = 0; i < kBatches; ++i) {
          FAIRLEAD_RETURN_IF_ERROR(copy(i, streams.compute));
          FAIRLEAD_RETURN_IF_ERROR(train(i));
        }
        return absl::OkStatus();
      }));
  FAIRLEAD_ASSIGN_OR_RETURN(const double train_alone,
                            Seconds([&]() -> absl::Status {
                              for (int i = 0; i < kBatches; ++i) {
                                FAIRLEAD_RETURN_IF_ERROR(train(i));
                              }
                              return absl::OkStatus();
                            }));
  cudaEvent_t copied[2];
  cudaEvent_t trained[2];
  for (cudaEvent_t* event :
       {&copied[0], &copied[1], &trained[0], &trained[1]}) {
    FAIRLEAD_RETURN_IF_ERROR(ToStatus(
        cudaEventCreateWithFlags(event, cudaEventDisableTiming), "an event"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const double beside, Seconds([&]() -> absl::Status {
        for (int i = 0; i < kBatches; ++i) {
          if (i >= 2) {
            FAIRLEAD_RETURN_IF_ERROR(ToStatus(
                cudaStreamWaitEvent(streams.copy, trained[i % 2]), "waiting"));
          }
          FAIRLEAD_RETURN_IF_ERROR(copy(i, streams.copy));
          FAIRLEAD_RETURN_IF_ERROR(
              ToStatus(cudaEventRecord(copied[i % 2], streams.copy), "noting"));
          FAIRLEAD_RETURN_IF_ERROR(ToStatus(
              cudaStreamWaitEvent(streams.compute, copied[i % 2]), "waiting"));
          FAIRLEAD_RETURN_IF_ERROR(train(i));
          FAIRLEAD_RETURN_IF_ERROR(ToStatus(
              cudaEventRecord(trained[i % 2], streams.compute), "noting"));
        }
        return absl::OkStatus();
      }));
  for (cudaEvent_t event : {copied[0], copied[1], trained[0], trained[1]}) {
    (void)cudaEventDestroy(event);
  }
  const double copies = in_turn - train_alone;
  Print("a batch: copied, then trained on", in_turn / kBatches * 1e3, "ms");
  Print("... copied while the one before is trained on",
        beside / kBatches * 1e3, "ms");
  Print("... of the copy's time, hidden",
        100 * (in_turn - beside) / std::min(copies, train_alone), "%");
  return absl::OkStatus();
}

absl::Status Measure() {
  cudaDeviceProp device;
  FAIRLEAD_RETURN_IF_ERROR(
      ToStatus(cudaGetDeviceProperties(&device, 0), "asking for its name"));
  std::cout << device.name << ", medians of " << kRuns << " runs\n";
  FAIRLEAD_ASSIGN_OR_RETURN(const auto streams, Streams::Create());
  FAIRLEAD_RETURN_IF_ERROR(MeasureCopies(*streams));
  FAIRLEAD_RETURN_IF_ERROR(MeasureGather(*streams));
  FAIRLEAD_RETURN_IF_ERROR(MeasureSampling(*streams));
  return MeasureOverlap(*streams);
}

}  // namespace
}  // namespace fairlead::cuda

int main() {
  if (!fairlead::cuda::CountDevices().ok()) {
    std::cout << "gpu_benchmark: there is no CUDA device here (or no driver); "
                 "nothing was measured\n";
    return 0;
  }
  const absl::Status status = fairlead::cuda::Measure();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
