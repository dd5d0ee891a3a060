#ifndef FAIRLEAD_LIBS_PARTITIONER_METIS_PARTITIONER_H_
#define FAIRLEAD_LIBS_PARTITIONER_METIS_PARTITIONER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// Partitions with few edges between them, by METIS (Karypis, Kumar: "A fast
// and high quality multilevel scheme for partitioning irregular graphs", SIAM
// J. Sci. Comput. 1998). The one to choose where the graph fits in memory some
// times over; see MetisMemoryBytes().
//
//   ASSIGN_OR_RETURN(const std::vector<uint32_t> owners,
//                    MetisOwners(num_nodes, indptr, indices, 4, {.seed = 7}));
struct MetisOptions {
  // What a partition should have an equal share of.
  enum class Balance {
    kNodes,
    // 1 + degree of each node: of nodes and the edges stored with them.
    kNodesAndEdges,
  };

  uint64_t seed = 0;
  Balance balance = Balance::kNodes;

  // A partition may have this much more than its share: 0.03 is 3 %.
  double max_imbalance = 0.03;

  // Node types of a combined graph (typed_graph.h): nodes type_begins[t] to
  // type_begins[t + 1] are balanced for themselves. Empty: all are of one.
  std::vector<int64_t> type_begins;

  // Refuse rather than use more than about this much memory; 0: no limit.
  uint64_t max_memory_bytes = 0;
};

// The owner of each node, for the edges of a CSR, int64 indptr [num_nodes + 1]
// and int64 indices [edges]. METIS knows simple undirected graphs only, so
// directions, repeats and self-loops are forgotten, and each pair of
// neighbours counts as one edge. No nodes: no owners.
//
// Balance: METIS tries, and where it failed nodes are moved until no partition
// has more of a type than its share, the same for all, rounded up or times
// 1 + max_imbalance, whichever is more; with kNodesAndEdges, than that and the
// heaviest node's weight. A partition may get no node at all where there are
// hardly more nodes than partitions.
//
// Equal arguments give equal owners, on hosts with the same libraries: METIS
// draws from the C library's rand(), which it seeds.
//
// Thread-hostile, as METIS is: while it runs, nothing else in the process may
// call rand(), srand() or METIS; SIGTERM makes it give up (ABORTED), and
// SIGABRT means to it that memory has run out. It prints to stdout when memory
// runs out, and sometimes when there are hardly more nodes than partitions.
//
// INVALID_ARGUMENT, saying which: no sound CSR; not 1 to kMaxPartitions
// partitions, or more than nodes; max_imbalance not in [0.001, 1000];
// type_begins that do not rise from 0 to num_nodes. RESOURCE_EXHAUSTED: nodes,
// neighbours or weights beyond the 2^31 - 1 of METIS's index type, or memory.
// ABORTED: METIS gave up, because of SIGTERM, or of memory but did not say so.
absl::StatusOr<std::vector<uint32_t>> MetisOwners(
    int64_t num_nodes, absl::Span<const int64_t> indptr,
    absl::Span<const int64_t> indices, uint32_t parts,
    const MetisOptions& options);

// About the most memory that MetisOwners takes for so many nodes, edges (as
// they are given, before any are forgotten) and types, the caller's arrays
// not among it. Measured, see README.md. REQUIRES none negative.
uint64_t MetisMemoryBytes(int64_t num_nodes, int64_t num_edges,
                          int64_t num_types);

// The checks of MetisOwners that need no graph.
absl::Status CheckMetisLimits(int64_t num_nodes, int64_t num_edges,
                              uint32_t parts, const MetisOptions& options);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITIONER_METIS_PARTITIONER_H_
