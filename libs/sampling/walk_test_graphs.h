#ifndef FAIRLEAD_LIBS_SAMPLING_WALK_TEST_GRAPHS_H_
#define FAIRLEAD_LIBS_SAMPLING_WALK_TEST_GRAPHS_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/sampling/random_walk.h"

// Graphs for tests of random walks.
namespace fairlead::testing {

using Graph = std::map<int64_t, std::vector<int64_t>>;  // lists by node

struct Csr {
  std::vector<int64_t> indptr = {0};
  std::vector<int64_t> indices;
};

// REQUIRES nodes 0 to graph.size() - 1.
inline Csr ToCsr(const Graph& graph) {
  Csr csr;
  for (const auto& [node, list] : graph) {
    csr.indices.insert(csr.indices.end(), list.begin(), list.end());
    csr.indptr.push_back(static_cast<int64_t>(csr.indices.size()));
  }
  return csr;
}

inline absl::StatusOr<std::vector<int64_t>> WalkCsr(
    const Graph& graph, const RandomWalkOptions& options,
    const RandomWalkRequest& request) {
  const Csr csr = ToCsr(graph);
  return RandomWalks::WalkCsr(csr.indptr, csr.indices, options, request);
}

// A triangle, a square, a leaf, an edge of one direction (4 to 2), a double
// edge and a loop; lists in no order.
inline Graph SmallGraph() {
  return {{0, {2, 1, 3}},    {1, {0, 2, 4, 4}}, {2, {3, 1, 0}},
          {3, {5, 2, 0, 6}}, {4, {1, 1, 2, 4}}, {5, {3}},
          {6, {3, 4}}};
}

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_SAMPLING_WALK_TEST_GRAPHS_H_
