// What a decision costs: `bazel run --config=opt
// //libs/fair_scheduler:fair_scheduler_benchmark`.

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "libs/fair_scheduler/fair_scheduler.h"

namespace fairlead {
namespace {

using ChannelId = FairScheduler::ChannelId;

// Adds channels 0 to `channels` - 1.
void AddChannels(ChannelId channels, uint64_t credit, FairScheduler& scheduler,
                 benchmark::State& state) {
  for (ChannelId id = 0; id < channels; ++id) {
    if (!scheduler.Add(id, {.max_in_flight = 2}).ok() ||
        !scheduler.SetBacklog(id, UINT64_MAX).ok() ||
        !scheduler.SetCredit(id, credit).ok()) {
      state.SkipWithError("no channel");
    }
  }
}

// One batch, handed out and done, with so many channels that can run.
void BM_Decision(benchmark::State& state) {
  FairScheduler scheduler(
      {.policy = static_cast<SchedulingPolicy>(state.range(1))});
  AddChannels(static_cast<ChannelId>(state.range(0)), UINT64_MAX, scheduler,
              state);
  for ([[maybe_unused]] auto _ : state) {
    const std::optional<ChannelId> next = scheduler.Next(absl::ZeroDuration());
    scheduler.OnDone(*next, absl::Milliseconds(1), absl::ZeroDuration());
  }
}
BENCHMARK(BM_Decision)
    ->ArgNames({"channels", "deficit"})
    ->ArgsProduct({{1, 1'000, 10'000}, {0, 1}});

// The same for a channel that is woken by credit for one batch each time,
// among so many that have none.
void BM_WakeUpAndDecision(benchmark::State& state) {
  const auto channels = static_cast<ChannelId>(state.range(0));
  FairScheduler scheduler(
      {.policy = static_cast<SchedulingPolicy>(state.range(1))});
  AddChannels(channels, /*credit=*/0, scheduler, state);
  ChannelId waking = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(scheduler.SetCredit(waking, 1).ok());
    const std::optional<ChannelId> next = scheduler.Next(absl::ZeroDuration());
    scheduler.OnDone(*next, absl::Milliseconds(1), absl::ZeroDuration());
    waking = (waking + 1) % channels;
  }
}
BENCHMARK(BM_WakeUpAndDecision)
    ->ArgNames({"channels", "deficit"})
    ->ArgsProduct({{1, 1'000, 10'000}, {0, 1}});

}  // namespace
}  // namespace fairlead
