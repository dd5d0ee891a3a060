// What metrics cost a pool: each batch, and each scrape. `bazel run
// --config=opt //services/sampler_pool:metrics_benchmark`.

#include <stdlib.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "libs/clock/clock.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/telemetry/channel_samples.h"
#include "libs/telemetry/state_times.h"
#include "libs/telemetry/telemetry.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"
#include "services/sampler_pool/channel_table.h"
#include "services/sampler_pool/pool.h"
#include "services/sampler_pool/pool_metrics.h"

namespace fairlead {
namespace {

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    fprintf(stderr, "%s\n", value.status().ToString().c_str());
    abort();
  }
  return *std::move(value);
}

std::string NewFolder(std::string pattern) {
  if (mkdtemp(pattern.data()) == nullptr) abort();
  return pattern;
}

// A pool whose channels have begun an epoch and filled their buffers.
class BusyPool {
 public:
  explicit BusyPool(uint64_t channels) {
    DatasetContents contents;
    contents.name = "small";
    contents.nodes.push_back({.name = "node", .num_nodes = 10'000});
    const std::string folder = NewFolder("/tmp/fairlead-bench-XXXXXX");
    if (!WriteDataset(folder, std::move(contents)).ok()) abort();
    dataset_ = OrDie(Dataset::Load(folder));
    std::filesystem::remove_all(folder);  // it is mapped
    pool_ = OrDie(Pool::Start(*dataset_,
                              {.shm_dir = shm_dir_,
                               .shm_budget_bytes = uint64_t{1} << 40,
                               .workers = 2,
                               .max_channels = channels},
                              clock_, metrics_));
    for (uint64_t id = 1; id <= channels; ++id) {
      v1::ChannelSpec spec;
      spec.set_channel_id(id);
      spec.set_worker_key("dist_neighbor_loader_0_compute_rank_0");
      spec.mutable_input()->set_split(v1::SPLIT_ALL);
      spec.mutable_config()->set_type(v1::SAMPLING_TYPE_NODE);
      spec.mutable_config()->set_batch_size(1);
      spec.mutable_options()->set_buffer_bytes(65536);
      OrDie(pool_->RegisterInput(spec));
      v1::StartEpochRequest start;
      start.set_channel_id(id);
      OrDie(pool_->StartEpoch(start));
    }
  }
  ~BusyPool() {
    pool_.reset();
    std::filesystem::remove_all(shm_dir_);
  }

  Pool& pool() { return *pool_; }
  Telemetry& telemetry() { return telemetry_; }

 private:
  const std::string shm_dir_ = NewFolder("/dev/shm/fairlead-bench-XXXXXX");
  const RealClock clock_;
  Telemetry telemetry_;
  PoolMetrics metrics_{telemetry_};
  std::unique_ptr<const Dataset> dataset_;
  std::unique_ptr<Pool> pool_;
};

// Channels, and how many of them have series of their own: from the question to
// the whole text.
void BM_Scrape(benchmark::State& state) {
  BusyPool busy(static_cast<uint64_t>(state.range(0)));
  ChannelSamples channels(static_cast<size_t>(state.range(1)));
  const auto sampled = busy.telemetry().OnScrape([&](MetricSamples& samples) {
    SamplePool(busy.pool().TakeSnapshot(), channels, samples);
  });
  size_t bytes = 0;
  for ([[maybe_unused]] auto _ : state) {
    bytes = busy.telemetry().Expose().size();
  }
  state.counters["text_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_Scrape)
    ->Args({1'000, 1'000})
    ->Args({1'000, 128})
    ->Args({10, 128})
    ->Unit(benchmark::kMillisecond);

// The part of a scrape that holds the lock which workers take.
void BM_Snapshot(benchmark::State& state) {
  BusyPool busy(static_cast<uint64_t>(state.range(0)));
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(busy.pool().TakeSnapshot());
  }
}
BENCHMARK(BM_Snapshot)->Arg(1'000)->Arg(10)->Unit(benchmark::kMicrosecond);

// All that a worker does about one batch for metrics alone: counters and
// histograms, one more reading of the clock, its channel's state four times.
void BM_CountBatch(benchmark::State& state) {
  const RealClock clock;
  Telemetry telemetry;
  PoolMetrics metrics(telemetry);
  prometheus::Counter& busy_seconds = metrics.WorkerBusySeconds(0);
  ChannelTable::Times times;
  const BatchStages stages = {.queued = absl::Microseconds(70),
                              .sample = absl::Milliseconds(3),
                              .features = absl::Milliseconds(2),
                              .commit = absl::Microseconds(1)};
  for ([[maybe_unused]] auto _ : state) {
    metrics.CountBatch(1'000'000, 50'000, stages);
    metrics.batches_ok.Increment();
    busy_seconds.Increment(0.005);
    const absl::Duration now = clock.MonotonicNow();
    for (int i = 0; i < 2; ++i) {
      times.Enter(ChannelTable::TimedState::kRunnable, now);
      times.Enter(ChannelTable::TimedState::kParked, now);
    }
    benchmark::DoNotOptimize(times);
  }
}
BENCHMARK(BM_CountBatch);

}  // namespace
}  // namespace fairlead
