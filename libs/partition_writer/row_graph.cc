#include "libs/partition_writer/row_graph.h"

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/graph/dataset.h"
#include "libs/partitioner/typed_graph.h"

namespace fairlead {
namespace {

EdgeDir DirectionOf(const EdgeType& type) {
  return type.out.has_value() ? EdgeDir::kOut : EdgeDir::kIn;
}

}  // namespace

absl::StatusOr<RowGraph> RowGraph::Make(const Dataset& dataset) {
  RowGraph graph;
  for (const NodeType& type : dataset.node_types()) {
    graph.nodes_per_type_.push_back(type.num_nodes);
  }
  for (const EdgeType& type : dataset.edge_types()) {
    const EdgeDir direction = DirectionOf(type);
    const Topology& topology = *type.topology(direction);
    const NodeType& neighbors =
        dataset
            .node_types()[static_cast<size_t>(type.neighbor_type(direction))];
    Arrays& arrays = graph.arrays_.emplace_back();
    arrays.indptr.reserve(topology.indptr.size());
    for (size_t i = 0; i < topology.indptr.size(); ++i) {
      arrays.indptr.push_back(topology.indptr[i]);
    }
    arrays.indices.reserve(topology.indices.size());
    for (size_t i = 0; i < topology.indices.size(); ++i) {
      const int64_t row = neighbors.ids.Row(topology.indices[i]);
      if (row < 0) {
        return absl::InvalidArgumentError(absl::StrCat(
            "edge type ", type.name.ToString(), ": its edge number ", i,
            " has an end at ", topology.indices[i],
            ", which is no node of type ", neighbors.name));
      }
      arrays.indices.push_back(row);
    }
    graph.edge_types_.push_back(
        {.src_type = static_cast<uint32_t>(type.row_type(direction)),
         .dst_type = static_cast<uint32_t>(type.neighbor_type(direction)),
         .indptr = arrays.indptr,
         .indices = arrays.indices});
  }
  return graph;
}

int64_t RowGraph::NumNodes(const Dataset& dataset) {
  int64_t nodes = 0;
  for (const NodeType& type : dataset.node_types()) nodes += type.num_nodes;
  return nodes;
}

int64_t RowGraph::NumEdges(const Dataset& dataset) {
  int64_t edges = 0;
  for (const EdgeType& type : dataset.edge_types()) edges += type.num_edges();
  return edges;
}

uint64_t RowGraph::Bytes(const Dataset& dataset) {
  uint64_t numbers = static_cast<uint64_t>(NumEdges(dataset));
  for (const EdgeType& type : dataset.edge_types()) {
    numbers += type.topology(DirectionOf(type))->indptr.size();
  }
  return numbers * sizeof(int64_t);
}

uint64_t MemoryLimit(uint64_t limit) {
  if (limit > 0) return limit;
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

absl::Status CheckMemory(absl::string_view what, uint64_t needed,
                         uint64_t limit) {
  limit = MemoryLimit(limit);
  if (needed <= limit) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      what, ": takes about ", (needed >> 20) + 1,
      " MiB of memory, and there are ", limit >> 20,
      "; run it on a larger machine, or use method range, hash or random "
      "without a cache, which do not read the topology into memory"));
}

}  // namespace fairlead
