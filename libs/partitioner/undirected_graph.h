#ifndef FAIRLEAD_LIBS_PARTITIONER_UNDIRECTED_GRAPH_H_
#define FAIRLEAD_LIBS_PARTITIONER_UNDIRECTED_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// A simple undirected graph, as METIS takes it: u is among v's neighbours if
// and only if v is among u's, each once and sorted, and nobody is its own.
struct UndirectedGraph {
  std::vector<int32_t> begins;      // [nodes + 1]
  std::vector<int32_t> neighbours;  // those of v at begins[v] to begins[v + 1]

  absl::Span<const int32_t> NeighboursOf(int32_t node) const {
    const auto index = static_cast<size_t>(node);
    return absl::MakeConstSpan(neighbours)
        .subspan(static_cast<size_t>(begins[index]),
                 static_cast<size_t>(begins[index + 1] - begins[index]));
  }
};

// As many as METIS's index type can count.
inline constexpr size_t kMaxNeighbours = std::numeric_limits<int32_t>::max();

// Forgets the direction of edges, repeats and self-loops. RESOURCE_EXHAUSTED
// if more than `max_neighbours` are left, two an edge. O(edges log degree)
// time; 8 bytes a node and 8 an edge that is given. REQUIRES a sound CSR of
// int64 (csr_check.h) with less than 2^31 - 1 nodes, and max_neighbours <=
// kMaxNeighbours.
absl::StatusOr<UndirectedGraph> MakeUndirected(
    absl::Span<const int64_t> indptr, absl::Span<const int64_t> indices,
    size_t max_neighbours = kMaxNeighbours);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITIONER_UNDIRECTED_GRAPH_H_
