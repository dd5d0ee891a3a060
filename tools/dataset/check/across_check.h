#ifndef FAIRLEAD_TOOLS_DATASET_CHECK_ACROSS_CHECK_H_
#define FAIRLEAD_TOOLS_DATASET_CHECK_ACROSS_CHECK_H_

#include <cstddef>

#include "tools/dataset/check/checked_graph.h"
#include "tools/dataset/check/findings.h"

namespace fairlead {

// What shows only when all partitions are seen. Parts of check_dataset.

// Enough to show of one kind, however many there are.
inline constexpr size_t kMostShown = 100;

// Puts the ids of all partitions together, into graph->nodes: whether a node is
// in two of them, and whether the book gives one to a partition that has it
// not. REQUIRES CheckNodeIds of all.
void CheckAllNodes(CheckedGraph* graph, Findings* findings);

// Whether an edge id is used twice, and whether `out` and `in` list the same
// edges; how many nodes have none. REQUIRES CheckEdges of all.
void CheckAllEdges(const CheckedGraph& graph, Findings* findings);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_CHECK_ACROSS_CHECK_H_
