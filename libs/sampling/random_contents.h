#ifndef FAIRLEAD_LIBS_SAMPLING_RANDOM_CONTENTS_H_
#define FAIRLEAD_LIBS_SAMPLING_RANDOM_CONTENTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/graph/dataset_writer.h"
#include "libs/random/philox.h"

namespace fairlead::testing {

struct RandomContentsOptions {
  uint64_t seed = 0;
  bool heterogeneous = false;  // two node types, four edge types; else one each
  int64_t max_nodes = 60;      // of each type, at least 1
  int64_t max_edges = 400;     // of each type; repeats among them
};

// A graph with hubs, repeated edges, nodes alone, weights (some 0), times (some
// the same) and edge ids that are not the edges' places; by source and by
// destination.
inline DatasetContents RandomContents(const RandomContentsOptions& options) {
  RandomStream random(options.seed, 0, 0);
  const auto below = [&random](int64_t bound) {
    return static_cast<int64_t>(random.Below(static_cast<uint64_t>(bound)));
  };
  DatasetContents contents;
  contents.name = "random";
  std::vector<std::tuple<size_t, std::string, size_t>> types = {{0, "to", 0}};
  if (options.heterogeneous) {
    types = {{0, "ab", 1}, {0, "ab2", 1}, {1, "ba", 0}, {1, "bb", 1}};
  }
  for (const char* name : {"a", "b"}) {
    if (contents.nodes.size() == 1 && !options.heterogeneous) break;
    contents.nodes.push_back(
        {.name = name, .num_nodes = 1 + below(options.max_nodes)});
  }
  for (const auto& [src, relation, dst] : types) {
    DatasetContents::Edges& edges = contents.edges.emplace_back();
    edges.name = {contents.nodes[src].name, relation, contents.nodes[dst].name};
    edges.by_dst = true;
    const int64_t count = below(options.max_edges);
    for (int64_t i = 0; i < count; ++i) {
      // The first ids have most of the edges.
      edges.edges.emplace_back(below(1 + below(contents.nodes[src].num_nodes)),
                               below(1 + below(contents.nodes[dst].num_nodes)));
      edges.ids.push_back(3 * (count - i));
      edges.weights.push_back(static_cast<float>(below(5)) / 2);
      edges.timestamps.push_back(below(20));
    }
  }
  return contents;
}

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_SAMPLING_RANDOM_CONTENTS_H_
