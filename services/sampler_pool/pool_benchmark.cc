// What channels cost a pool: `bazel run --config=opt
// //services/sampler_pool:pool_benchmark`.

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/clock/clock.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/shm_channel/doorbell.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/telemetry/telemetry.h"
#include "libs/tensor_message/message_tag.h"
#include "services/sampler_pool/channel_table.h"
#include "services/sampler_pool/epoch_run.h"
#include "services/sampler_pool/pool.h"
#include "services/sampler_pool/pool_metrics.h"

namespace fairlead {
namespace {

constexpr int64_t kNodes = 10'000;

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    fprintf(stderr, "%s\n", value.status().ToString().c_str());
    abort();
  }
  return *std::move(value);
}

const Dataset& SmallDataset() {
  static const auto* const dataset = [] {
    DatasetContents contents;
    contents.name = "small";
    DatasetContents::Nodes& nodes = contents.nodes.emplace_back();
    nodes.name = "node";
    nodes.num_nodes = kNodes;
    DatasetContents::Edges& edges = contents.edges.emplace_back();
    edges.name = {"node", "to", "node"};
    for (int64_t i = 0; i < kNodes; ++i) {
      edges.edges.emplace_back(i, (i * 7) % kNodes);
    }
    std::string folder = "/tmp/fairlead-bench-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr ||
        !WriteDataset(folder, std::move(contents)).ok()) {
      abort();
    }
    auto loaded = OrDie(Dataset::Load(folder));
    std::filesystem::remove_all(folder);  // it is mapped
    return loaded.release();
  }();
  return *dataset;
}

std::string NewShmDir() {
  std::string directory = "/dev/shm/fairlead-bench-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) abort();
  return directory;
}

v1::ChannelSpec Spec(uint64_t id) {
  v1::ChannelSpec spec;
  spec.set_channel_id(id);
  spec.set_worker_key("trainer");
  spec.mutable_input()->set_split(v1::SPLIT_ALL);
  spec.mutable_config()->set_type(v1::SAMPLING_TYPE_NODE);
  spec.mutable_config()->set_batch_size(1);
  spec.mutable_options()->set_buffer_bytes(65536);
  return spec;
}

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0;
  double resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// So many idle channels, registered one after another.
void BM_RegisterIdleChannels(benchmark::State& state) {
  const std::string directory = NewShmDir();
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    const RealClock clock;
    Telemetry telemetry;
    PoolMetrics metrics(telemetry);
    {
      auto pool = OrDie(Pool::Start(SmallDataset(),
                                    {.shm_dir = directory,
                                     .shm_budget_bytes = uint64_t{1} << 40,
                                     .workers = 2,
                                     .max_channels = 100'000},
                                    clock, metrics));
      const double before = ResidentBytes();
      state.ResumeTiming();
      for (int64_t id = 1; id <= state.range(0); ++id) {
        OrDie(pool->RegisterInput(Spec(static_cast<uint64_t>(id))));
      }
      state.PauseTiming();
      state.counters["resident_bytes_each"] =
          (ResidentBytes() - before) / static_cast<double>(state.range(0));
    }
    state.ResumeTiming();
  }
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_RegisterIdleChannels)
    ->Arg(10'000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// One batch through the table and its channel's buffer, from the decision to
// the room that its consumer frees, without any sampling.
void BM_BatchThroughTheTable(benchmark::State& state) {
  const std::string directory = NewShmDir();
  const auto channels = static_cast<uint64_t>(state.range(0));
  {
    ChannelTable table({.shm_dir = directory,
                        .shm_budget_bytes = uint64_t{1} << 40,
                        .max_channels = channels});
    std::vector<std::unique_ptr<ShmConsumer>> consumers(channels + 1);
    for (uint64_t id = 1; id <= channels; ++id) {
      const v1::ChannelSpec spec = Spec(id);
      OrDie(table.BeginRegister(spec));
      OrDie(table.EndRegister(
          id, ChannelPlan::Create(SmallDataset(), spec.input(), spec.config()),
          absl::ZeroDuration()));
      const ChannelTable::ChannelPtr channel = OrDie(table.Find(id));
      table.SetBuffer(
          *channel, OrDie(ShmProducer::Create(table.BufferOptions(*channel))));
      consumers[id] = OrDie(ShmConsumer::OpenInProcess(*channel->producer));
      v1::StartEpochRequest request;
      request.set_channel_id(id);
      table.StartEpoch(*channel,
                       OrDie(EpochRun::Create(*channel->plan, request)),
                       absl::ZeroDuration());
    }
    absl::Duration now;
    for ([[maybe_unused]] auto _ : state) {
      std::optional<ChannelTable::Work> work = table.NextWork(now);
      if (!work.has_value()) {
        state.SkipWithError("all epochs are over");
        break;
      }
      now += absl::Microseconds(100);
      const uint64_t id = work->channel->id();
      work->message_bytes = 512;
      auto room = OrDie(work->producer->ReserveFrom(work->credit->credit, 512));
      const bool committed =
          room.Commit(ChannelMessageTag{.kind = ChannelMessageTag::Kind::kBatch,
                                        .epoch = 0,
                                        .attempt = 0,
                                        .batch_index = work->batch_index}
                          .Encode())
              .ok();
      if (!committed) abort();
      table.Finish(*std::move(work), ChannelTable::Outcome::kCommitted,
                   absl::OkStatus(), absl::Microseconds(100), now);
      OrDie(consumers[id]->Receive(absl::ZeroDuration()));
      table.Rung({static_cast<uint32_t>(id % Doorbell::kSlots)}, now);
    }
    table.UnregisterAll(now);
  }
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_BatchThroughTheTable)
    ->Arg(10)
    ->Arg(100)
    ->Arg(1'000)
    ->Iterations(5 * kNodes);  // of ten epochs of kNodes batches, at least

// Control calls while both workers are busy all the time.
void BM_ControlUnderLoad(benchmark::State& state) {
  const std::string directory = NewShmDir();
  const RealClock clock;
  Telemetry telemetry;
  PoolMetrics metrics(telemetry);
  {
    auto pool = OrDie(Pool::Start(SmallDataset(),
                                  {.shm_dir = directory,
                                   .shm_budget_bytes = uint64_t{1} << 40,
                                   .workers = 2},
                                  clock, metrics));
    std::atomic<bool> stop = false;
    std::vector<std::thread> trainers;
    for (uint64_t id = 1; id <= 8; ++id) {
      v1::ChannelSpec spec = Spec(id);
      spec.mutable_config()->set_batch_size(512);
      spec.mutable_config()->add_fanout(10);
      spec.mutable_options()->set_buffer_bytes(1 << 20);
      OrDie(pool->RegisterInput(spec));
      trainers.emplace_back([&, id] {
        const auto bell = OrDie(Doorbell::Create(directory));
        v1::AttachConsumerRequest attach;
        attach.set_channel_id(id);
        attach.mutable_wake_consumer()->set_name(bell->name());
        const auto attached = OrDie(pool->AttachConsumer(attach));
        const auto consumer =
            OrDie(ShmConsumer::Open(directory, attached.segment()));
        const auto ringer = OrDie(
            DoorbellRinger::Open(directory, attached.wake_producer().name()));
        for (uint64_t epoch = 0; !stop; ++epoch) {
          v1::StartEpochRequest start;
          start.set_channel_id(id);
          start.set_epoch(epoch);
          OrDie(pool->StartEpoch(start));
          for (bool ended = false; !ended && !stop;) {
            const auto message = consumer->Receive(absl::Milliseconds(100));
            ended = message.ok() &&
                    ChannelMessageTag::Decode(message->tag())->kind ==
                        ChannelMessageTag::Kind::kEpochEnd;
            if (message.ok()) ringer->Ring(attached.wake_producer().slot());
          }
        }
      });
    }
    std::vector<double> seconds;
    for ([[maybe_unused]] auto _ : state) {
      const absl::Duration start = clock.MonotonicNow();
      OrDie(pool->DescribeInput(1 + seconds.size() % 8));
      if (!pool->UpdateInput(1 + seconds.size() % 8, {}).ok()) abort();
      seconds.push_back(absl::ToDoubleSeconds(clock.MonotonicNow() - start));
      state.PauseTiming();
      absl::SleepFor(absl::Milliseconds(1));
      state.ResumeTiming();
    }
    stop = true;
    for (std::thread& trainer : trainers) trainer.join();
    std::sort(seconds.begin(), seconds.end());
    state.counters["p50_s"] = seconds[seconds.size() / 2];
    state.counters["p99_s"] = seconds[seconds.size() * 99 / 100];
  }
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_ControlUnderLoad)->Iterations(3000)->UseRealTime();

}  // namespace
}  // namespace fairlead
