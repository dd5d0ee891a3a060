#ifndef FAIRLEAD_TOOLS_DATASET_CHECK_EDGE_CHECK_H_
#define FAIRLEAD_TOOLS_DATASET_CHECK_EDGE_CHECK_H_

#include "tools/dataset/check/checked_graph.h"
#include "tools/dataset/check/findings.h"

namespace fairlead {

// What one partition says of its edges, and their features. Topologies that can
// be walked come into partition->out and partition->in, and the nodes that they
// touch are marked in graph->nodes. REQUIRES CheckNodeIds of all partitions. A
// part of check_dataset.
void CheckEdges(CheckedGraph* graph, CheckedPartition* partition,
                Findings* findings);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_CHECK_EDGE_CHECK_H_
