// What the loop itself costs: `bazel run --config=opt
// //libs/event_loop:event_loop_benchmark`.

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "libs/event_loop/event_loop.h"

namespace fairlead {
namespace {

void CheckOk(const absl::Status& status) {
  if (!status.ok()) std::abort();
}

// Tasks that do nothing, through a loop of so many threads.
void BM_AddTask(benchmark::State& state) {
  EventLoop loop({.max_concurrency = static_cast<int>(state.range(0)),
                  .max_queued = 1000});
  CheckOk(loop.Start());
  for (auto _ : state) {
    CheckOk(loop.AddTask([] { return absl::OkStatus(); }, CheckOk,
                         absl::InfiniteFuture()));
  }
  CheckOk(loop.WaitAll(absl::InfiniteFuture()));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_AddTask)
    ->ArgName("threads")
    ->Arg(1)
    ->Arg(2)
    ->Arg(32)
    ->UseRealTime();

// To the loop and back.
void BM_RunTask(benchmark::State& state) {
  EventLoop loop({.max_concurrency = static_cast<int>(state.range(0))});
  CheckOk(loop.Start());
  for (auto _ : state) {
    CheckOk(
        loop.RunTask([] { return absl::OkStatus(); }, absl::InfiniteFuture()));
  }
}
BENCHMARK(BM_RunTask)->ArgName("threads")->Arg(1)->Arg(32)->UseRealTime();

// Of an idle loop (parity GL-113: below 10 ms).
void BM_Shutdown(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    EventLoop loop({.max_concurrency = static_cast<int>(state.range(0))});
    CheckOk(loop.Start());
    CheckOk(
        loop.RunTask([] { return absl::OkStatus(); }, absl::InfiniteFuture()));
    state.ResumeTiming();
    CheckOk(loop.Shutdown(EventLoop::ShutdownMode::kDrain));
  }
}
BENCHMARK(BM_Shutdown)
    ->ArgName("threads")
    ->Arg(1)
    ->Arg(32)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace fairlead
