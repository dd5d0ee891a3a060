// Opens a dataset of 2^20 nodes and 2^24 edges with 128 features, again and
// again: what a pool pays at its start once the files are in the page cache.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "benchmark/benchmark.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/random/philox.h"

namespace fairlead {
namespace {

constexpr int64_t kNodes = int64_t{1} << 20;
constexpr int64_t kEdges = int64_t{1} << 24;

void WriteGraph(const std::string& directory) {
  DatasetContents contents;
  contents.name = "uniform";
  DatasetContents::Nodes& nodes = contents.nodes.emplace_back();
  nodes.name = "node";
  nodes.num_nodes = kNodes;
  nodes.feature_dim = 128;
  nodes.features.assign(
      static_cast<size_t>(nodes.num_nodes * nodes.feature_dim), 1);
  RandomStream random(/*key=*/1, /*place=*/0, /*lane=*/0);
  const auto node = [&random] {
    return static_cast<int64_t>(random.Below(kNodes));
  };
  DatasetContents::Edges& edges = contents.edges.emplace_back();
  edges.name = {"node", "to", "node"};
  for (int64_t i = 0; i < kEdges; ++i) {
    const int64_t src = node();
    edges.edges.emplace_back(src, node());
  }
  if (!WriteDataset(directory, std::move(contents)).ok()) std::abort();
}

void BM_Load(benchmark::State& state) {
  std::string directory =
      (std::filesystem::temp_directory_path() / "load_benchmark-XXXXXX")
          .string();
  if (mkdtemp(directory.data()) == nullptr) std::abort();
  WriteGraph(directory);
  for (auto _ : state) {
    const auto dataset = Dataset::Load(directory);
    if (!dataset.ok()) {
      state.SkipWithError(dataset.status().ToString().c_str());
    }
  }
  state.SetItemsProcessed(state.iterations() * kEdges);
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_Load)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fairlead
