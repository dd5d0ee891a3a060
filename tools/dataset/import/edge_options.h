#ifndef FAIRLEAD_TOOLS_DATASET_IMPORT_EDGE_OPTIONS_H_
#define FAIRLEAD_TOOLS_DATASET_IMPORT_EDGE_OPTIONS_H_

#include "tools/dataset/arrays/graph_arrays.h"

namespace fairlead {

// What is to become of edges, wherever they come from.
struct EdgeOptions {
  // Each edge leads back, too: the new edges of a type between nodes of one
  // type have the ids from the number of edges on, in the order of the others
  // (self-loops are not doubled); those between two types are a type of their
  // own, (b, rev_rel, a), with the ids that they have (parity 2.4, rule 7).
  // Features are of the edges that were there.
  bool undirected = false;
  bool out = true;  // list edges by source
  bool in = false;  // list edges by destination
};

void ApplyEdgeOptions(const EdgeOptions& options, GraphArrays* graph);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_IMPORT_EDGE_OPTIONS_H_
