#include "libs/partitioner/undirected_graph.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace fairlead {
namespace {

// Calls visit(u, v) for each edge that is no self-loop.
template <typename Visit>
void ForEachEdge(absl::Span<const int64_t> indptr,
                 absl::Span<const int64_t> indices, Visit visit) {
  for (size_t u = 0; u + 1 < indptr.size(); ++u) {
    for (auto edge = static_cast<size_t>(indptr[u]);
         edge < static_cast<size_t>(indptr[u + 1]); ++edge) {
      const auto v = static_cast<size_t>(indices[edge]);
      if (v != u) visit(u, v);
    }
  }
}

}  // namespace

absl::StatusOr<UndirectedGraph> MakeUndirected(
    absl::Span<const int64_t> indptr, absl::Span<const int64_t> indices,
    size_t max_neighbours) {
  const size_t num_nodes = indptr.size() - 1;
  // Counts, two places further on; then where each node's entries begin, one
  // place further on; then, as entries take their places, where they end.
  std::vector<size_t> ends(num_nodes + 2, 0);
  ForEachEdge(indptr, indices, [&](size_t u, size_t v) {
    ++ends[u + 2];
    ++ends[v + 2];
  });
  for (size_t i = 2; i < ends.size(); ++i) ends[i] += ends[i - 1];
  UndirectedGraph graph;
  graph.neighbours.resize(ends.back());
  ForEachEdge(indptr, indices, [&](size_t u, size_t v) {
    graph.neighbours[ends[u + 1]++] = static_cast<int32_t>(v);
    graph.neighbours[ends[v + 1]++] = static_cast<int32_t>(u);
  });
  graph.begins.resize(num_nodes + 1);
  const auto entry = [&graph](size_t place) {
    return graph.neighbours.begin() + static_cast<ptrdiff_t>(place);
  };
  size_t kept = 0;
  for (size_t node = 0; node < num_nodes; ++node) {
    std::sort(entry(ends[node]), entry(ends[node + 1]));
    const auto last = std::unique(entry(ends[node]), entry(ends[node + 1]));
    kept = static_cast<size_t>(std::move(entry(ends[node]), last, entry(kept)) -
                               entry(0));
    if (kept > max_neighbours) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "METIS: nodes 0 to ", node, " of ", num_nodes, " have ", kept,
          " neighbours already; it can take ", max_neighbours,
          " in all, two an edge. Partition by range, hash or frequency, or "
          "leave edges out"));
    }
    graph.begins[node + 1] = static_cast<int32_t>(kept);
  }
  graph.neighbours.resize(kept);
  return graph;
}

}  // namespace fairlead
