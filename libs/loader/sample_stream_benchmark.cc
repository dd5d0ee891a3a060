// Batches a second of the three kinds of workers. Needs a dataset, a sampler
// pool's program, and for remote workers a cluster that serves the same:
//
//   DATASET=/tmp/big REGISTRY=127.0.0.1:7100 FAIRLEAD_SAMPLER_POOL=... bazel
//   run --config=opt //libs/loader:sample_stream_benchmark

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

std::string Environment(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

// A batch for each iteration, however many epochs that takes.
absl::Status Load(benchmark::State& state, const WorkerOptions& workers) {
  std::optional<DistDataset> dataset;
  NeighborLoaderOptions options;
  options.registry = Environment("REGISTRY");
  options.input_nodes.split = "all";
  options.fanout = {10, 5};
  options.batch_size = 1024;
  options.shuffle = true;
  options.worker_options = workers;
  if (!std::holds_alternative<RemoteWorkerOptions>(workers)) {
    FAIRLEAD_ASSIGN_OR_RETURN(dataset,
                              DistDataset::Load(Environment("DATASET"), 0));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<SampleStream> stream,
      SampleStream::Create(dataset.has_value() ? &*dataset : nullptr, options));
  FAIRLEAD_RETURN_IF_ERROR(stream->StartEpoch());
  for ([[maybe_unused]] auto _ : state) {
    while (true) {
      FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ReceivedBatch> batch,
                                stream->Next());
      if (batch.has_value()) break;
      FAIRLEAD_RETURN_IF_ERROR(stream->StartEpoch());
    }
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(static_cast<int64_t>(stream->stats().bytes));
  return absl::OkStatus();
}

void Run(benchmark::State& state, const WorkerOptions& workers) {
  const absl::Status status = Load(state, workers);
  if (!status.ok()) state.SkipWithError(status.ToString().c_str());
}

void BM_Collocated(benchmark::State& state) {
  Run(state, CollocatedWorkerOptions{
                 .prefetch_size = static_cast<uint64_t>(state.range(0))});
}
BENCHMARK(BM_Collocated)->Arg(0)->Arg(4)->UseRealTime();

void BM_Mp(benchmark::State& state) {
  Run(state,
      MpWorkerOptions{.num_workers = static_cast<uint32_t>(state.range(0))});
}
BENCHMARK(BM_Mp)->Arg(1)->Arg(2)->UseRealTime();

void BM_Remote(benchmark::State& state) { Run(state, RemoteWorkerOptions()); }
BENCHMARK(BM_Remote)->UseRealTime();

}  // namespace
}  // namespace fairlead
