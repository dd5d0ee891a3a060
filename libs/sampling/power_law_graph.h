#ifndef FAIRLEAD_LIBS_SAMPLING_POWER_LAW_GRAPH_H_
#define FAIRLEAD_LIBS_SAMPLING_POWER_LAW_GRAPH_H_

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/random/philox.h"

namespace fairlead::testing {

// A graph to measure with: node i is an edge's end with a probability that
// falls with its rank.
// Null if it cannot be written.
inline std::unique_ptr<const Dataset> PowerLawGraph(int64_t nodes,
                                                    int64_t edges) {
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
  std::string folder = "/tmp/power_law_graph-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr ||
      !WriteDataset(folder, std::move(contents)).ok()) {
    return nullptr;
  }
  auto dataset = Dataset::Load(folder);
  std::filesystem::remove_all(folder);  // it stays mapped
  return dataset.ok() ? *std::move(dataset) : nullptr;
}

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_SAMPLING_POWER_LAW_GRAPH_H_
