#include "tools/dataset/import/edge_options.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "libs/type_names/type_names.h"
#include "tools/dataset/arrays/graph_arrays.h"

namespace fairlead {
namespace {

void AddWaysBack(EdgeArrays* edges) {
  const size_t count = edges->src.size();
  auto next = static_cast<int64_t>(count);
  for (size_t i = 0; i < count; ++i) {
    const int64_t src = edges->src[i];
    const int64_t dst = edges->dst[i];
    if (src == dst) continue;
    edges->src.push_back(dst);
    edges->dst.push_back(src);
    edges->ids.push_back(next++);
    if (edges->weights.has_value()) {
      const float weight = (*edges->weights)[i];
      edges->weights->push_back(weight);
    }
    if (edges->timestamps.has_value()) {
      const int64_t time = (*edges->timestamps)[i];
      edges->timestamps->push_back(time);
    }
  }
}

}  // namespace

void ApplyEdgeOptions(const EdgeOptions& options, GraphArrays* graph) {
  if (options.undirected) {
    const size_t types = graph->edges.size();
    for (size_t i = 0; i < types; ++i) {
      if (graph->edges[i].name.src == graph->edges[i].name.dst) {
        AddWaysBack(&graph->edges[i]);
        continue;
      }
      EdgeArrays back = graph->edges[i];
      back.name = ReverseEdgeType(back.name);
      std::swap(back.src, back.dst);
      back.features.reset();
      graph->edges.push_back(std::move(back));
    }
  }
  for (EdgeArrays& edges : graph->edges) {
    edges.out = options.out;
    edges.in = options.in;
  }
}

}  // namespace fairlead
