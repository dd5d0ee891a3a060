#ifndef FAIRLEAD_LIBS_PARTITIONER_HOTNESS_H_
#define FAIRLEAD_LIBS_PARTITIONER_HOTNESS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/partitioner/typed_graph.h"

namespace fairlead {

// How likely a batch of neighbour sampling (libs/sampling) needs each node:
// the hotness that the frequency partitioner and its caches go by. An
// estimate without any draw, so that it is the same everywhere:
//
//   frontier 0     p(v) = how likely v is a seed of the batch
//   hop h          reached(v) = 1 - product over edges u -> v of
//                               (1 - p(u) * min(1, fanout[h] / degree(u)))
//                  p(v) = reached(v) * how likely v was not reached before:
//                  a batch samples from a node only once
//   hotness(v)     1 - product over hops of (1 - reached(v))
//
// It takes events for independent, which is exact on trees and close on sparse
// graphs.

struct Seeds {
  uint32_t type = 0;              // node type
  absl::Span<const int64_t> ids;  // ids of that type; repeats count

  // How many of them are in a batch: each is with probability
  // batch_size / ids.size(). 0: all of them. Choose that of the training: with
  // all seeds at once every node near them is reached, and none is hotter.
  int64_t batch_size = 0;
};

// Of a homogeneous graph: int64 indptr [num_nodes + 1], int64 indices [edges].
// fanouts[h] is that of hop h: > 0 neighbours drawn without replacement, -1
// all, 0 none. Returns [num_nodes], each in [0, 1]. INVALID_ARGUMENT, naming
// it, for no sound CSR, a seed that is no node, a fanout below -1 or a
// negative batch size. O(nodes + edges) a hop; 24 bytes a node.
absl::StatusOr<std::vector<float>> EstimateHotness(
    absl::Span<const int64_t> indptr, absl::Span<const int64_t> indices,
    const Seeds& seeds, absl::Span<const int32_t> fanouts);

// Of a heterogeneous one: fanouts[e][h] is that of edge type e, lists may
// differ in length, and a missing hop is 0, as in NeighborSamplerOptions.
// Returns [nodes of all types], type after type (SplitByType splits them).
// INVALID_ARGUMENT also unless there is one list an edge type.
absl::StatusOr<std::vector<float>> EstimateTypedHotness(
    absl::Span<const int64_t> nodes_per_type,
    absl::Span<const TypedEdges> edge_types, const Seeds& seeds,
    const std::vector<std::vector<int32_t>>& fanouts);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITIONER_HOTNESS_H_
