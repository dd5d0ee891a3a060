// What a batch of links and an induced subgraph cost: `bazel run --config=opt
// //libs/sampling:link_sampler_benchmark`. A power-law graph of a million nodes
// and 20 million edges; positives are edges of it, so their ends are hubs.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "libs/graph/dataset.h"
#include "libs/random/philox.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/link_sampler.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sampling/power_law_graph.h"
#include "libs/sampling/subgraph_sampler.h"

namespace fairlead {
namespace {

using ::fairlead::testing::PowerLawGraph;
using Mode = LinkSamplerOptions::NegativeMode;

constexpr int64_t kNodes = 1'000'000;
constexpr int64_t kEdges = 20'000'000;
constexpr int64_t kBatchSize = 1024;

const Dataset& Graph() {
  static const std::unique_ptr<const Dataset> graph =
      PowerLawGraph(kNodes, kEdges);
  return *graph;
}

// Edges of the graph, each as likely as any other.
void DrawEdges(uint64_t batch, std::vector<int64_t>* src,
               std::vector<int64_t>* dst) {
  const Topology& out = *Graph().edge_types()[0].out;
  RandomStream random(2, batch, 0);
  src->clear();
  dst->clear();
  for (int64_t i = 0; i < kBatchSize; ++i) {
    const auto edge = static_cast<int64_t>(random.Below(kEdges));
    int64_t low = 0;
    int64_t high = kNodes;
    while (high - low > 1) {
      const int64_t middle = (low + high) / 2;
      (out.indptr[static_cast<size_t>(middle)] <= edge ? low : high) = middle;
    }
    src->push_back(low);
    dst->push_back(out.indices[static_cast<size_t>(edge)]);
  }
}

void BM_Links(benchmark::State& state, Mode mode, bool strict,
              std::vector<int32_t> fanout) {
  auto sampler = LinkSampler::Create(
      Graph(), {.neighbors = {.fanouts = {std::move(fanout)}},
                .mode = mode,
                .negatives = {.strict = strict}});
  SampledBatch out;
  std::vector<int64_t> src;
  std::vector<int64_t> dst;
  uint64_t batch = 0;
  for (auto _ : state) {
    state.PauseTiming();
    DrawEdges(batch, &src, &dst);
    state.ResumeTiming();
    if (!(*sampler)
             ->Begin(
                 {.batch_index = batch++, .seeds = src, .destinations = dst},
                 &out)
             .ok()) {
      state.SkipWithError("sampling failed");
    }
  }
}
BENCHMARK_CAPTURE(BM_Links, none, Mode::kNone, false, {})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Links, binary, Mode::kBinary, false, {})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Links, binary_strict, Mode::kBinary, true, {})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Links, triplet_strict, Mode::kTriplet, true, {})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Links, binary_strict_10_5, Mode::kBinary, true, {10, 5})
    ->Unit(benchmark::kMicrosecond);

void BM_Subgraph(benchmark::State& state, std::vector<int32_t> fanout) {
  auto sampler = SubgraphSampler::Create(
      Graph(), {.neighbors = {.fanouts = {std::move(fanout)}}});
  SampledBatch out;
  std::vector<int64_t> inputs(kBatchSize);
  uint64_t batch = 0;
  int64_t nodes = 0;
  int64_t edges = 0;
  for (auto _ : state) {
    RandomStream random(3, batch, 0);
    for (int64_t& id : inputs) id = static_cast<int64_t>(random.Below(kNodes));
    if (!(*sampler)
             ->Begin({.batch_index = batch++, .seeds = inputs}, &out)
             .ok()) {
      state.SkipWithError("sampling failed");
    }
    nodes += static_cast<int64_t>(out.subgraph.nodes[0].ids.size());
    edges += out.subgraph.TotalEdges();
  }
  const auto batches = static_cast<double>(batch);
  state.counters["nodes"] = static_cast<double>(nodes) / batches;
  state.counters["edges"] = static_cast<double>(edges) / batches;
}
BENCHMARK_CAPTURE(BM_Subgraph, inputs, {})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Subgraph, 10_5, {10, 5})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fairlead
