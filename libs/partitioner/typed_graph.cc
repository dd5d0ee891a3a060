#include "libs/partitioner/typed_graph.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/partitioner/csr_check.h"
#include "libs/status/status_macros.h"

namespace fairlead {

absl::StatusOr<std::vector<int64_t>> TypeBegins(
    absl::Span<const int64_t> nodes_per_type) {
  std::vector<int64_t> begins = {0};
  for (size_t type = 0; type < nodes_per_type.size(); ++type) {
    const int64_t nodes = nodes_per_type[type];
    if (nodes < 0 ||
        nodes > std::numeric_limits<int64_t>::max() - begins.back()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "node type ", type, ": ", nodes, " nodes; must not be negative, and ",
          "all types together must have less than 2^63"));
    }
    begins.push_back(begins.back() + nodes);
  }
  return begins;
}

absl::Status CheckTypedEdges(absl::Span<const int64_t> nodes_per_type,
                             absl::Span<const TypedEdges> edge_types) {
  for (size_t i = 0; i < edge_types.size(); ++i) {
    const TypedEdges& edges = edge_types[i];
    if (edges.src_type >= nodes_per_type.size() ||
        edges.dst_type >= nodes_per_type.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "edge type ", i, ": leads from node type ", edges.src_type, " to ",
          edges.dst_type, ", but there are ", nodes_per_type.size(),
          " node types"));
    }
    FAIRLEAD_RETURN_IF_ERROR(
        CheckCsr(absl::StrCat("edge type ", i), nodes_per_type[edges.src_type],
                 nodes_per_type[edges.dst_type], edges.indptr, edges.indices));
  }
  return absl::OkStatus();
}

absl::StatusOr<CombinedGraph> CombineGraph(
    absl::Span<const int64_t> nodes_per_type,
    absl::Span<const TypedEdges> edge_types) {
  CombinedGraph graph;
  FAIRLEAD_ASSIGN_OR_RETURN(graph.type_begins, TypeBegins(nodes_per_type));
  FAIRLEAD_RETURN_IF_ERROR(CheckTypedEdges(nodes_per_type, edge_types));
  // Degrees, one place further on; then where each node's edges begin.
  graph.indptr.assign(static_cast<size_t>(graph.num_nodes()) + 1, 0);
  for (const TypedEdges& edges : edge_types) {
    const auto first = static_cast<size_t>(graph.type_begins[edges.src_type]);
    for (size_t row = 0; row + 1 < edges.indptr.size(); ++row) {
      graph.indptr[first + row + 1] +=
          edges.indptr[row + 1] - edges.indptr[row];
    }
  }
  for (size_t i = 1; i < graph.indptr.size(); ++i) {
    graph.indptr[i] += graph.indptr[i - 1];
  }
  graph.indices.resize(static_cast<size_t>(graph.indptr.back()));
  std::vector<int64_t> next(graph.indptr.begin(), graph.indptr.end() - 1);
  for (const TypedEdges& edges : edge_types) {
    const auto first = static_cast<size_t>(graph.type_begins[edges.src_type]);
    const int64_t offset = graph.type_begins[edges.dst_type];
    for (size_t row = 0; row + 1 < edges.indptr.size(); ++row) {
      int64_t& place = next[first + row];
      for (int64_t edge = edges.indptr[row]; edge < edges.indptr[row + 1];
           ++edge) {
        graph.indices[static_cast<size_t>(place++)] =
            offset + edges.indices[static_cast<size_t>(edge)];
      }
    }
  }
  return graph;
}

}  // namespace fairlead
