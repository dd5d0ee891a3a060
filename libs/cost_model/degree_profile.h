#ifndef FAIRLEAD_LIBS_COST_MODEL_DEGREE_PROFILE_H_
#define FAIRLEAD_LIBS_COST_MODEL_DEGREE_PROFILE_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/id_array.h"

namespace fairlead {

// Nodes that are alike to a sampler.
struct DegreeClass {
  double nodes = 0;
  double list = 0;    // neighbours that each of them has to draw from
  double listed = 0;  // lists that each of them is in, counted with repeats
};

// How the neighbours of a graph are spread over its nodes: all that the cost
// model knows of its edges. Plain data.
struct DegreeProfile {
  std::vector<DegreeClass> classes;
  double nodes = 0;
  double edges = 0;
  double id_bytes = 8;  // of a neighbour in a list: 8 or 4

  // Of a graph of one node type, read once: neighbours are what `indices` has
  // between `indptr[i]` and `indptr[i + 1]`. Degrees up to 64 are kept as they
  // are; above, those within 1/16 of each other are one class. REQUIRES
  // indices below indptr.size() - 1.
  static DegreeProfile Of(const IdArray& indptr, const IdArray& indices);

  // Of pairs (degree, how many nodes have it), for a graph whose edges are not
  // at hand: a node is taken to be in as many lists as its own is long.
  // INVALID_ARGUMENT for what is negative or not finite, or no node at all.
  static absl::StatusOr<DegreeProfile> OfHistogram(
      absl::Span<const std::pair<double, double>> histogram);

  // Of a graph that does not exist yet, as Graph500's Kronecker graphs are:
  // each bit of an edge's end is 0 with probability `skew`. 0.76 is Graph500's;
  // at 0.5 all nodes are alike, and degrees are Poisson's. INVALID_ARGUMENT
  // unless there are nodes, edges >= 0 and 0.5 <= skew < 1.
  static absl::StatusOr<DegreeProfile> OfKronecker(double nodes, double edges,
                                                   double skew);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_COST_MODEL_DEGREE_PROFILE_H_
