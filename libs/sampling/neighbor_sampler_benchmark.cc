// What a sampled edge costs: `bazel run --config=opt
// //libs/sampling:neighbor_sampler_benchmark`. Graphs are power-law: node i is
// an edge's end with a probability that falls with its rank.

#include <stdlib.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_sampler.h"

namespace fairlead {
namespace {

std::unique_ptr<const Dataset> PowerLawGraph(int64_t nodes, int64_t edges) {
  DatasetContents contents;
  contents.name = "power-law";
  contents.nodes.push_back({.name = "node", .num_nodes = nodes});
  DatasetContents::Edges& type = contents.edges.emplace_back();
  type.name = {"node", "to", "node"};
  const auto end = [nodes](RandomStream& random) {
    // Density of rank r falls as 1 / sqrt(r); ranks are scattered over ids.
    const double u = static_cast<double>(random.Next32()) * 0x1p-32;
    const auto rank = static_cast<uint64_t>(u * u * static_cast<double>(nodes));
    return static_cast<int64_t>(SplitMix64(rank) %
                                static_cast<uint64_t>(nodes));
  };
  for (int64_t i = 0; i < edges; ++i) {
    RandomStream random(1, static_cast<uint64_t>(i), 0);
    const int64_t src = end(random);
    type.edges.emplace_back(src, end(random));
  }
  std::string folder = "/tmp/neighbor_sampler_benchmark-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr ||
      !WriteDataset(folder, std::move(contents)).ok()) {
    return nullptr;
  }
  auto dataset = Dataset::Load(folder);
  std::filesystem::remove_all(folder);  // it stays mapped
  return dataset.ok() ? *std::move(dataset) : nullptr;
}

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
