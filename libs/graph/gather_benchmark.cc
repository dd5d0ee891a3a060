// Gathers rows of a table too large for any cache, beside two loops written by
// hand: what Table::Gather could be at best, and what it would be without
// knowing which rows come next.

#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "libs/graph/dataset.h"
#include "libs/random/philox.h"

namespace fairlead {
namespace {

constexpr int64_t kTableBytes = int64_t{1} << 30;
constexpr size_t kGathered = 200000;

struct Work {
  explicit Work(int64_t row_bytes)
      : bytes(static_cast<size_t>(kTableBytes), 1),
        out(kGathered * static_cast<size_t>(row_bytes), 1) {
    table.columns = row_bytes / 4;
    table.rows = kTableBytes / row_bytes;
    table.data = bytes.data();
    RandomStream random(/*key=*/1, /*place=*/0, /*lane=*/0);
    for (size_t i = 0; i < kGathered; ++i) {
      ids.push_back(static_cast<int64_t>(
          random.Below(static_cast<uint64_t>(table.rows))));
    }
  }

  std::vector<uint8_t> bytes;
  std::vector<uint8_t> out;
  std::vector<int64_t> ids;
  Table table;
};

void Report(benchmark::State& state, const Work& work) {
  benchmark::DoNotOptimize(work.out.data());
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(work.out.size()));
}

void BM_Gather(benchmark::State& state) {
  Work work(state.range(0));
  for (auto _ : state) {
    if (!work.table.Gather(work.ids, 0, absl::MakeSpan(work.out)).ok()) {
      state.SkipWithError("an id is no row");
    }
  }
  Report(state, work);
}

// No check of ids, a width known to be whole cache lines.
void BM_PrefetchingLoop(benchmark::State& state) {
  Work work(state.range(0));
  const auto row_bytes = static_cast<size_t>(state.range(0));
  constexpr size_t kAhead = 16;
  for (auto _ : state) {
    for (size_t i = 0; i < kGathered; ++i) {
      if (i + kAhead < kGathered) {
        const uint8_t* ahead =
            work.table.data +
            static_cast<size_t>(work.ids[i + kAhead]) * row_bytes;
        for (size_t line = 0; line < row_bytes; line += 64) {
          __builtin_prefetch(ahead + line);
        }
      }
      std::memcpy(
          work.out.data() + i * row_bytes,
          work.table.data + static_cast<size_t>(work.ids[i]) * row_bytes,
          row_bytes);
    }
  }
  Report(state, work);
}

void BM_PlainLoop(benchmark::State& state) {
  Work work(state.range(0));
  const auto row_bytes = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    for (size_t i = 0; i < kGathered; ++i) {
      std::memcpy(
          work.out.data() + i * row_bytes,
          work.table.data + static_cast<size_t>(work.ids[i]) * row_bytes,
          row_bytes);
    }
  }
  Report(state, work);
}

// 132 columns are WordNet's: rows that do not start where cache lines do.
#define ROW_WIDTHS ArgName("row_bytes")->Arg(64)->Arg(512)->Arg(528)->Arg(2048)
BENCHMARK(BM_Gather)->ROW_WIDTHS->Unit(benchmark::kMillisecond);
BENCHMARK(BM_PrefetchingLoop)->ROW_WIDTHS->Unit(benchmark::kMillisecond);
BENCHMARK(BM_PlainLoop)->ROW_WIDTHS->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fairlead
