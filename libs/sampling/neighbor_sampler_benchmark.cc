// What a sampled edge costs: `bazel run --config=opt
// //libs/sampling:neighbor_sampler_benchmark`. Graphs are power-law: node i is
// an edge's end with a probability that falls with its rank.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/power_law_graph.h"

namespace fairlead {
namespace {

using ::fairlead::testing::PowerLawGraph;

void BM_Sample(benchmark::State& state, std::vector<int32_t> fanout) {
  const int64_t nodes = state.range(0);
  const auto dataset = PowerLawGraph(nodes, state.range(1));
  if (dataset == nullptr) {
    state.SkipWithError("no graph");
    return;
  }
  const NeighborSamplerOptions options{.fanouts = {std::move(fanout)}};
  NeighborSampler sampler(*dataset);
  SampledSubgraph out;
  std::vector<int64_t> seeds(1024);
  uint64_t batch = 0;
  int64_t edges = 0;
  int64_t unique = 0;
  for (auto _ : state) {
    RandomStream random(2, batch, 0);
    for (int64_t& seed : seeds) {
      seed = static_cast<int64_t>(random.Below(static_cast<uint64_t>(nodes)));
    }
    if (!sampler.Sample(options, {.seeds = seeds, .batch_index = batch++}, &out)
             .ok()) {
      state.SkipWithError("sampling failed");
    }
    edges += out.TotalEdges();
    unique += static_cast<int64_t>(out.nodes[0].ids.size());
  }
  state.SetItemsProcessed(edges);
  const auto batches = static_cast<double>(batch);
  state.counters["edges_per_batch"] = static_cast<double>(edges) / batches;
  state.counters["nodes_per_batch"] = static_cast<double>(unique) / batches;
  state.counters["s_per_edge"] = benchmark::Counter(
      static_cast<double>(edges),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(BM_Sample, 15_10_5, {15, 10, 5})
    ->Args({100'000, 2'000'000})
    ->Args({1'000'000, 20'000'000})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Sample, 10_5, {10, 5})
    ->Args({100'000, 2'000'000})
    ->Args({1'000'000, 20'000'000})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fairlead
