// What partitions cost, and what they are worth: `bazel run --config=opt
// //libs/partitioner:partitioner_benchmark`.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "libs/partitioner/frequency_partitioner.h"
#include "libs/partitioner/hotness.h"
#include "libs/partitioner/id_partitioners.h"
#include "libs/partitioner/metis_partitioner.h"
#include "libs/partitioner/partition_report.h"
#include "libs/random/philox.h"

namespace fairlead {
namespace {

constexpr int64_t kNodes = 1 << 17;
constexpr int64_t kEdges = 2'000'000;
constexpr int64_t kBlocks = 64;

struct Graph {
  std::vector<int64_t> indptr;
  std::vector<int64_t> indices;
};

// Power-law: an edge's end is a node with a probability that falls as
// 1 / sqrt(rank). In one of two graphs `locality` percent of the edges stay
// within one of kBlocks groups of nodes, as friends and topics do; the others
// lead anywhere. Ids tell nothing of rank or group.
Graph PowerLawGraph(uint64_t locality) {
  constexpr uint64_t kGroup = kNodes / kBlocks;
  RandomStream random(1, 0, 0);
  const auto rank = [&random](uint64_t nodes) {
    const double u = static_cast<double>(random.Next32()) * 0x1p-32;
    return static_cast<uint64_t>(u * u * static_cast<double>(nodes));
  };
  std::vector<uint64_t> id(kNodes);
  for (size_t i = 0; i < id.size(); ++i) id[i] = i;
  for (size_t i = id.size(); i > 1; --i) {
    std::swap(id[i - 1], id[random.Below(i)]);
  }
  std::vector<std::pair<uint64_t, uint64_t>> edges(kEdges);
  for (auto& [src, dst] : edges) {
    if (random.Below(100) < locality) {
      const uint64_t first = random.Below(kBlocks) * kGroup;
      src = id[first + rank(kGroup)];
      dst = id[first + rank(kGroup)];
    } else {
      src = id[rank(kNodes) * 9973 % kNodes];
      dst = id[rank(kNodes) * 9973 % kNodes];
    }
  }
  std::sort(edges.begin(), edges.end());
  Graph graph;
  graph.indptr.assign(kNodes + 1, 0);
  for (const auto& [src, dst] : edges) {
    ++graph.indptr[src + 1];
    graph.indices.push_back(static_cast<int64_t>(dst));
  }
  for (size_t i = 1; i < graph.indptr.size(); ++i) {
    graph.indptr[i] += graph.indptr[i - 1];
  }
  return graph;
}

// A line of /proc/self/status, such as "VmHWM:", which is in kB.
double StatusMegabytes(const std::string& line) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word == line) {
      double kilobytes = 0;
      status >> kilobytes;
      return kilobytes / 1024;
    }
  }
  return 0;
}

std::vector<int64_t> Sources(const Graph& graph) {
  std::vector<int64_t> sources;
  sources.reserve(graph.indices.size());
  for (size_t node = 0; node + 1 < graph.indptr.size(); ++node) {
    sources.insert(
        sources.end(),
        static_cast<size_t>(graph.indptr[node + 1] - graph.indptr[node]),
        static_cast<int64_t>(node));
  }
  return sources;
}

void Report(benchmark::State& state, const Graph& graph, uint32_t parts,
            const std::vector<uint32_t>& owners) {
  PartitionReporter reporter(parts, EdgeOwner::kSource, LookUpIn(owners));
  if (!reporter.AddNodes(0, kNodes).ok() ||
      !reporter.AddEdges(Sources(graph), graph.indices).ok()) {
    state.SkipWithError("no report");
  }
  state.counters["cut_share"] = reporter.report().CutShare();
  state.counters["node_balance"] = reporter.report().NodeBalance();
  state.counters["edge_balance"] = reporter.report().EdgeBalance();
}

// Arguments: locality in percent, partitions, whether edges are balanced too.
void BM_Metis(benchmark::State& state) {
  const Graph graph = PowerLawGraph(static_cast<uint64_t>(state.range(0)));
  const auto parts = static_cast<uint32_t>(state.range(1));
  const MetisOptions options = {
      .balance = state.range(2) != 0 ? MetisOptions::Balance::kNodesAndEdges
                                     : MetisOptions::Balance::kNodes};
  const double before = StatusMegabytes("VmRSS:");
  std::vector<uint32_t> owners;
  for (auto _ : state) {
    auto found =
        MetisOwners(kNodes, graph.indptr, graph.indices, parts, options);
    if (!found.ok()) {
      state.SkipWithError("no owners");
      return;
    }
    owners = *std::move(found);
  }
  // Of use where this is the only benchmark that runs (--benchmark_filter).
  state.counters["peak_mb_more"] = StatusMegabytes("VmHWM:") - before;
  Report(state, graph, parts, owners);
}
BENCHMARK(BM_Metis)
    ->ArgNames({"local", "parts", "edges"})
    ->Args({0, 4, 0})
    ->Args({0, 16, 0})
    ->Args({80, 4, 0})
    ->Args({80, 4, 1})
    ->Args({80, 16, 0})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

void BM_Random(benchmark::State& state) {
  const Graph graph = PowerLawGraph(static_cast<uint64_t>(state.range(0)));
  const auto parts = static_cast<uint32_t>(state.range(1));
  std::vector<uint32_t> owners;
  for (auto _ : state) owners = *RandomOwners(kNodes, parts, 1);
  Report(state, graph, parts, owners);
}
BENCHMARK(BM_Random)
    ->ArgNames({"local", "parts"})
    ->Args({80, 4})
    ->Args({80, 16})
    ->Unit(benchmark::kMillisecond);

// A tenth of the nodes are seeds, in batches of 1024.
std::vector<int64_t> SeedsOf(const std::vector<uint32_t>& owners,
                             uint32_t part) {
  std::vector<int64_t> seeds;
  for (int64_t node = 0; node < kNodes; ++node) {
    if (node % 10 == 0 && owners[static_cast<size_t>(node)] == part) {
      seeds.push_back(node);
    }
  }
  return seeds;
}

std::vector<float> HotnessOf(const Graph& graph,
                             const std::vector<int64_t>& seeds) {
  auto hotness = EstimateHotness(graph.indptr, graph.indices,
                                 {.ids = seeds, .batch_size = 1024}, {10, 5});
  return hotness.ok() ? *std::move(hotness) : std::vector<float>();
}

void BM_EstimateHotness(benchmark::State& state) {
  const Graph graph = PowerLawGraph(80);
  const std::vector<int64_t> seeds =
      SeedsOf(std::vector<uint32_t>(kNodes, 0), 0);
  for (auto _ : state) {
    std::vector<float> hotness = HotnessOf(graph, seeds);
    benchmark::DoNotOptimize(hotness.data());
  }
  state.counters["s_per_edge_and_hop"] =
      benchmark::Counter(static_cast<double>(kEdges) * 2,
                         benchmark::Counter::kIsIterationInvariantRate |
                             benchmark::Counter::kInvert);
}
BENCHMARK(BM_EstimateHotness)->Unit(benchmark::kMillisecond);

// Seeds lie where METIS or a shuffle put them; nodes are assigned anew by the
// hotness that follows. Arguments: METIS or not; cache as a percentage of rows.
void BM_Frequency(benchmark::State& state) {
  constexpr uint32_t kParts = 4;
  const Graph graph = PowerLawGraph(80);
  auto first = state.range(0) != 0
                   ? MetisOwners(kNodes, graph.indptr, graph.indices, kParts,
                                 MetisOptions())
                   : RandomOwners(kNodes, kParts, 1);
  if (!first.ok()) {
    state.SkipWithError("no owners");
    return;
  }
  std::vector<std::vector<float>> hotness;
  for (uint32_t part = 0; part < kParts; ++part) {
    hotness.push_back(HotnessOf(graph, SeedsOf(*first, part)));
  }
  const std::vector<absl::Span<const float>> spans(hotness.begin(),
                                                   hotness.end());
  std::vector<uint32_t> owners;
  for (auto _ : state) owners = *FrequencyOwners(spans, FrequencyOptions());
  const auto budget = static_cast<uint64_t>(kNodes * state.range(1) / 100);
  const auto accesses = [&](const std::vector<uint32_t>& of) {
    PartitionReporter reporter(kParts, EdgeOwner::kSource, LookUpIn(of));
    for (uint32_t part = 0; part < kParts; ++part) {
      const std::vector<int64_t> cached =
          *SelectCache(hotness[part], of, part, 1, budget);
      if (!reporter.AddAccesses(part, hotness[part], cached).ok()) {
        state.SkipWithError("no report");
      }
    }
    return reporter.report().TotalAccesses();
  };
  // What no balance at all would come to.
  state.counters["local_bound"] =
      accesses(*FrequencyOwners(spans, {.max_imbalance = 1e9})).LocalShare();
  state.counters["local_before"] = accesses(*first).LocalShare();
  state.counters["local_after"] = accesses(owners).LocalShare();
  state.counters["cache_hits_after"] = accesses(owners).CacheHitRate();
  Report(state, graph, kParts, owners);
}
BENCHMARK(BM_Frequency)
    ->ArgNames({"metis", "cache"})
    ->Args({0, 0})
    ->Args({0, 5})
    ->Args({1, 0})
    ->Args({1, 5})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fairlead
