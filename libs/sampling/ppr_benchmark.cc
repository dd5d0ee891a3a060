// What the PPR rows of a seed cost: `bazel run --config=opt
// //libs/sampling:ppr_benchmark`. The graph is Kronecker-like (R-MAT:
// Chakrabarti, Zhan, Faloutsos 2004), 2^17 nodes, 2^21 edges, undirected.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "libs/random/philox.h"
#include "libs/sampling/neighbor_cache.h"
#include "libs/sampling/ppr.h"

namespace fairlead {
namespace {

constexpr int kScale = 17;
constexpr int64_t kNodes = int64_t{1} << kScale;
constexpr int64_t kEdges = 16 * kNodes;
constexpr size_t kBatch = 256;
constexpr int kCap = 1000;  // neighbours per hop

struct Graph {
  absl::Span<const int64_t> List(int64_t id) const {
    const auto at = static_cast<size_t>(id);
    return absl::MakeConstSpan(indices).subspan(
        static_cast<size_t>(indptr[at]),
        static_cast<size_t>(indptr[at + 1] - indptr[at]));
  }
  int32_t Degree(int64_t id) const { return degrees[static_cast<size_t>(id)]; }

  std::vector<int64_t> indptr;  // of lists capped at kCap
  std::vector<int64_t> indices;
  std::vector<int32_t> degrees;  // not capped
};

// An edge's end in the quadrant tree: .57, .19, .19, .05.
std::pair<int64_t, int64_t> RandomEdge(uint64_t i) {
  RandomStream random(1, i, 0);
  int64_t src = 0;
  int64_t dst = 0;
  for (int bit = 0; bit < kScale; ++bit) {
    const uint64_t u = random.Below(100);
    src = 2 * src + (u >= 76 ? 1 : 0);
    dst = 2 * dst + ((u >= 57 && u < 76) || u >= 95 ? 1 : 0);
  }
  return {src, dst};
}

const Graph& TheGraph() {
  static const Graph& graph = *new Graph([] {
    std::vector<std::vector<int64_t>> lists(kNodes);
    for (uint64_t i = 0; i < kEdges / 2; ++i) {
      const auto [src, dst] = RandomEdge(i);
      lists[static_cast<size_t>(src)].push_back(dst);
      lists[static_cast<size_t>(dst)].push_back(src);
    }
    Graph made;
    made.indptr.push_back(0);
    for (std::vector<int64_t>& list : lists) {
      made.degrees.push_back(static_cast<int32_t>(list.size()));
      list.resize(std::min<size_t>(list.size(), kCap));
      made.indices.insert(made.indices.end(), list.begin(), list.end());
      made.indptr.push_back(static_cast<int64_t>(made.indices.size()));
    }
    return made;
  }());
  return graph;
}

// Nodes that have neighbours.
std::vector<int64_t> Seeds(uint64_t batch) {
  std::vector<int64_t> seeds;
  RandomStream random(2, batch, 0);
  while (seeds.size() < kBatch) {
    const auto id = static_cast<int64_t>(random.Below(kNodes));
    if (TheGraph().Degree(id) > 0) seeds.push_back(id);
  }
  return seeds;
}

PprOptions Options(const benchmark::State& state) {
  return {.alpha = static_cast<double>(state.range(0)) / 100,
          .eps = 1e-4,
          .num_neighbors_per_hop = kCap};
}

void ReportPerSeed(benchmark::State& state) {
  state.counters["s_per_seed"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * kBatch,
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void InThreads(size_t n, absl::FunctionRef<void(size_t)> shard) {
  std::vector<std::thread> threads;
  for (size_t i = 1; i < n; ++i) threads.emplace_back([&, i] { shard(i); });
  shard(0);
  for (std::thread& thread : threads) thread.join();
}

void ProvideNeeds(PprPush& push) {
  const Graph& graph = TheGraph();
  const std::vector<int64_t>& ids = push.Needs().ids[0];
  std::vector<int64_t> counts;
  std::vector<int64_t> neighbors;
  for (const int64_t id : ids) {
    const absl::Span<const int64_t> list = graph.List(id);
    counts.push_back(static_cast<int64_t>(list.size()));
    neighbors.insert(neighbors.end(), list.begin(), list.end());
  }
  if (!push.Provide(0, ids, counts, neighbors).ok()) std::abort();
}

// Args: 100 alpha, bytes of cache, shards.
void BM_PprPush(benchmark::State& state) {
  const Graph& graph = TheGraph();
  NeighborCache cache(1, state.range(1));
  PprPush push(
      {.num_node_types = 1, .edge_types = {{0, 0}}}, Options(state),
      [&graph](int, absl::Span<const int64_t> ids,
               absl::Span<int32_t> degrees) {
        for (size_t i = 0; i < ids.size(); ++i) {
          degrees[i] = graph.Degree(ids[i]);
        }
      },
      &cache);
  PprResult result;
  uint64_t batch = 0;
  const auto run = [&] {
    if (!push.Start(Seeds(batch++), 0).ok()) std::abort();
    while (!push.Push(static_cast<size_t>(state.range(2)), InThreads)) {
      ProvideNeeds(push);
    }
    if (!push.Finish(&result).ok()) std::abort();
  };
  // A cache that keeps lists has most of them after a while.
  for (int i = 0; i < 16 && state.range(1) > 0; ++i) run();
  for (auto _ : state) run();
  ReportPerSeed(state);
}
BENCHMARK(BM_PprPush)
    ->ArgNames({"alpha", "cache", "shards"})
    ->ArgsProduct({{50, 15}, {0, int64_t{1} << 30}, {1, 2}})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// As one writes it down: standard containers for each seed, a queue by rounds,
// neighbours straight from memory, nothing to fetch.
void BM_StandardContainers(benchmark::State& state) {
  const Graph& graph = TheGraph();
  const PprOptions options = Options(state);
  uint64_t batch = 0;
  for (auto _ : state) {
    for (const int64_t seed : Seeds(batch++)) {
      std::unordered_map<int64_t, double> scores;
      std::unordered_map<int64_t, double> residuals = {{seed, options.alpha}};
      std::unordered_map<int64_t, int32_t> hops = {{seed, 0}};
      std::unordered_set<int64_t> queue = {seed};
      while (!queue.empty()) {
        std::unordered_set<int64_t> round;
        round.swap(queue);
        for (const int64_t id : round) {
          const double residual = std::exchange(residuals[id], 0);
          scores[id] += residual;
          const absl::Span<const int64_t> list = graph.List(id);
          const int32_t hop = hops[id] + 1;
          for (const int64_t neighbor : list) {
            double& to = residuals[neighbor];
            to += (1 - options.alpha) * residual /
                  static_cast<double>(list.size());
            int32_t& its_hop = hops.try_emplace(neighbor, hop).first->second;
            its_hop = std::min(its_hop, hop);
            if (to >= options.alpha * options.eps * graph.Degree(neighbor)) {
              queue.insert(neighbor);
            }
          }
        }
      }
      std::vector<std::pair<double, int64_t>> rows;
      for (const auto& [id, score] : scores) rows.emplace_back(-score, id);
      const size_t size =
          std::min(rows.size(), static_cast<size_t>(options.max_ppr_nodes));
      std::partial_sort(rows.begin(),
                        rows.begin() + static_cast<ptrdiff_t>(size),
                        rows.end());
      for (size_t i = 0; i < size; ++i) {
        rows[i].first -= residuals[rows[i].second];
      }
      benchmark::DoNotOptimize(rows.data());
    }
  }
  ReportPerSeed(state);
}
BENCHMARK(BM_StandardContainers)
    ->ArgNames({"alpha"})
    ->Args({50})
    ->Args({15})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fairlead
