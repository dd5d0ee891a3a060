// What a step of a walk and a negative cost: `bazel run --config=opt
// //libs/sampling:random_walk_benchmark`. The graph is power-law, each edge
// there in both directions, lists sorted.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "libs/random/philox.h"
#include "libs/sampling/alias_table.h"
#include "libs/sampling/negative_sampler.h"
#include "libs/sampling/random_walk.h"

namespace fairlead {
namespace {

struct Graph {
  std::vector<int64_t> indptr = {0};
  std::vector<int64_t> indices;

  int64_t nodes() const { return static_cast<int64_t>(indptr.size()) - 1; }
  absl::Span<const int64_t> ListOf(int64_t node) const {
    const auto i = static_cast<size_t>(node);
    return absl::MakeConstSpan(indices).subspan(
        static_cast<size_t>(indptr[i]),
        static_cast<size_t>(indptr[i + 1] - indptr[i]));
  }
};

// An end of an edge has rank r with a density that falls as 1 / sqrt(r); ranks
// are scattered over ids.
Graph PowerLawGraph(int64_t nodes, int64_t edges) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  const auto end = [nodes](RandomStream& random) {
    const double u = static_cast<double>(random.Next32()) * 0x1p-32;
    const auto rank = static_cast<uint64_t>(u * u * static_cast<double>(nodes));
    return static_cast<int64_t>(SplitMix64(rank) %
                                static_cast<uint64_t>(nodes));
  };
  for (int64_t i = 0; i < edges / 2; ++i) {
    RandomStream random(1, static_cast<uint64_t>(i), 0);
    const int64_t src = end(random);
    const int64_t dst = end(random);
    pairs.emplace_back(src, dst);
    pairs.emplace_back(dst, src);
  }
  std::sort(pairs.begin(), pairs.end());
  Graph graph;
  for (const auto& [src, dst] : pairs) {
    while (graph.nodes() < src) {
      graph.indptr.push_back(static_cast<int64_t>(graph.indices.size()));
    }
    graph.indices.push_back(dst);
  }
  while (graph.nodes() < nodes) {
    graph.indptr.push_back(static_cast<int64_t>(graph.indices.size()));
  }
  return graph;
}

const Graph& SharedGraph() {
  static const Graph& graph = *new Graph(PowerLawGraph(1'000'000, 20'000'000));
  return graph;
}

std::vector<int64_t> Starts(const Graph& graph, uint64_t batch) {
  std::vector<int64_t> starts(1024);
  RandomStream random(2, batch, 0);
  for (int64_t& start : starts) {
    start = static_cast<int64_t>(
        random.Below(static_cast<uint64_t>(graph.nodes())));
  }
  return starts;
}

void CountSteps(benchmark::State& state, int64_t steps) {
  state.SetItemsProcessed(steps);
  state.counters["s_per_step"] = benchmark::Counter(
      static_cast<double>(steps),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// 1024 walks of 40 steps over the graph in memory.
void BM_WalkCsr(benchmark::State& state, double p, double q) {
  const Graph& graph = SharedGraph();
  uint64_t batch = 0;
  for (auto _ : state) {
    const std::vector<int64_t> starts = Starts(graph, batch);
    const auto walks = RandomWalks::WalkCsr(
        graph.indptr, graph.indices, {.length = 40, .p = p, .q = q},
        {.starts = starts, .batch_index = batch++});
    if (!walks.ok()) state.SkipWithError("walking failed");
  }
  CountSteps(state, static_cast<int64_t>(batch) * 1024 * 40);
}
BENCHMARK_CAPTURE(BM_WalkCsr, uniform, 1, 1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_WalkCsr, p_0_25_q_4, 0.25, 4)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_WalkCsr, p_4_q_0_25, 4, 0.25)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_WalkCsr, p_0_001_q_1, 0.001, 1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_WalkCsr, p_100_q_100, 100, 100)
    ->Unit(benchmark::kMillisecond);

// The same, being given lists as a partition would answer.
void BM_WalkInSteps(benchmark::State& state, double p, double q) {
  const Graph& graph = SharedGraph();
  uint64_t batch = 0;
  int64_t lists = 0;
  for (auto _ : state) {
    const std::vector<int64_t> starts = Starts(graph, batch);
    auto walks =
        RandomWalks::Create({.length = 40, .p = p, .q = q},
                            {.starts = starts, .batch_index = batch++});
    absl::Status status = walks.status();
    while (status.ok() && !walks->done()) {
      std::vector<int64_t> counts;
      std::vector<int64_t> neighbors;
      for (const int64_t id : walks->Needs()) {
        const absl::Span<const int64_t> list = graph.ListOf(id);
        counts.push_back(static_cast<int64_t>(list.size()));
        neighbors.insert(neighbors.end(), list.begin(), list.end());
      }
      lists += static_cast<int64_t>(counts.size());
      status = walks->Provide(walks->Needs(), counts, neighbors);
      if (status.ok()) status = walks->Step();
    }
    if (!status.ok()) state.SkipWithError("walking failed");
  }
  CountSteps(state, static_cast<int64_t>(batch) * 1024 * 40);
  state.counters["lists_per_step"] =
      static_cast<double>(lists) / (static_cast<double>(batch) * 1024 * 40);
}
BENCHMARK_CAPTURE(BM_WalkInSteps, uniform, 1, 1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_WalkInSteps, p_0_25_q_4, 0.25, 4)
    ->Unit(benchmark::kMillisecond);

// 10240 strict negatives, edges looked up in the sorted lists.
void BM_Negatives(benchmark::State& state, bool by_degree) {
  const Graph& graph = SharedGraph();
  const DenseIds ids(graph.nodes());
  std::vector<int64_t> degrees;
  for (int64_t node = 0; node < graph.nodes(); ++node) {
    degrees.push_back(static_cast<int64_t>(graph.ListOf(node).size()));
  }
  const auto weights = AliasTable::FromDegrees(degrees);
  const auto sampler =
      NegativeSampler::Create(ids, ids, by_degree ? &*weights : nullptr, {});
  const auto find_edges = [&](absl::Span<const int64_t> src,
                              absl::Span<const int64_t> dst,
                              absl::Span<bool> exists) {
    for (size_t i = 0; i < src.size(); ++i) {
      const absl::Span<const int64_t> list = graph.ListOf(src[i]);
      exists[i] = std::binary_search(list.begin(), list.end(), dst[i]);
    }
    return absl::OkStatus();
  };
  uint64_t batch = 0;
  for (auto _ : state) {
    if (!sampler->SamplePairs({.batch_index = batch++}, 10240, find_edges)
             .ok()) {
      state.SkipWithError("sampling failed");
    }
  }
  CountSteps(state, static_cast<int64_t>(batch) * 10240);
}
BENCHMARK_CAPTURE(BM_Negatives, uniform, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Negatives, by_degree, true)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fairlead
