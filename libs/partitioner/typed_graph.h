#ifndef FAIRLEAD_LIBS_PARTITIONER_TYPED_GRAPH_H_
#define FAIRLEAD_LIBS_PARTITIONER_TYPED_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// One id space for the nodes of a heterogeneous graph, type after type, for
// partitioners that know of one type only.
//
//   ASSIGN_OR_RETURN(const CombinedGraph graph,
//                    CombineGraph({papers, authors}, edges));
//   ASSIGN_OR_RETURN(const std::vector<uint32_t> owners,
//                    MetisOwners(graph.num_nodes(), graph.indptr,
//                                graph.indices, parts,
//                                {.type_begins = graph.type_begins}));
//   owners_by_type = SplitByType(graph.type_begins, owners);

// Edges of one type, as CSR. The arrays are the caller's.
struct TypedEdges {
  uint32_t src_type = 0;
  uint32_t dst_type = 0;
  absl::Span<const int64_t> indptr;   // [nodes of src_type + 1]
  absl::Span<const int64_t> indices;  // [edges], ids of dst_type
};

struct CombinedGraph {
  // Node i of type t is node type_begins[t] + i. [types + 1], the last being
  // the number of nodes.
  std::vector<int64_t> type_begins;
  std::vector<int64_t> indptr;   // [nodes + 1]
  std::vector<int64_t> indices;  // [edges of all types]

  int64_t num_nodes() const { return type_begins.back(); }
};

// Where each type begins when types follow each other: [types + 1].
// INVALID_ARGUMENT for a negative number of nodes, or more than 2^63 - 1.
absl::StatusOr<std::vector<int64_t>> TypeBegins(
    absl::Span<const int64_t> nodes_per_type);

// INVALID_ARGUMENT, naming the edge type by its place in the list, unless all
// edges lead from nodes of their src_type to nodes of their dst_type.
absl::Status CheckTypedEdges(absl::Span<const int64_t> nodes_per_type,
                             absl::Span<const TypedEdges> edge_types);

// A node's edges are those of the first edge type, then of the second and so
// on, each in the order given. Errors as the two above. O(nodes + edges) time,
// and 8 bytes a node and an edge.
absl::StatusOr<CombinedGraph> CombineGraph(
    absl::Span<const int64_t> nodes_per_type,
    absl::Span<const TypedEdges> edge_types);

// The values of each type's nodes. REQUIRES values.size() ==
// type_begins.back().
template <typename T>
std::vector<std::vector<T>> SplitByType(absl::Span<const int64_t> type_begins,
                                        const std::vector<T>& values) {
  std::vector<std::vector<T>> split;
  for (size_t type = 0; type + 1 < type_begins.size(); ++type) {
    split.emplace_back(values.begin() + type_begins[type],
                       values.begin() + type_begins[type + 1]);
  }
  return split;
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITIONER_TYPED_GRAPH_H_
