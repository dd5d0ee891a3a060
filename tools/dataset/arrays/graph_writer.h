#ifndef FAIRLEAD_TOOLS_DATASET_ARRAYS_GRAPH_WRITER_H_
#define FAIRLEAD_TOOLS_DATASET_ARRAYS_GRAPH_WRITER_H_

#include <string>

#include "absl/status/status.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/id_space.h"
#include "tools/dataset/arrays/graph_arrays.h"

namespace fairlead {

// Writes the files and dataset.json of a graph, or of one partition of it, into
// `directory`, which must be there. What can be left out is: ids that count
// from a number on, edge ids that are positions, ids of features that are
// those of the nodes. INVALID_ARGUMENT, naming the type and the position, for
// ids of nodes that do not ascend, an edge whose listing node is not there, a
// vector of the wrong length, an id of features that is there twice;
// UNAVAILABLE if a file cannot be written.
absl::Status WriteGraph(const std::string& directory, const GraphArrays& graph);

// Writes the edges as seen from their sources (`by_src`), or from their
// destinations, into files that begin with `stem`. `rows` are the nodes that
// list them. Errors as WriteGraph.
absl::Status WriteEdgesOneWay(const std::string& directory,
                              const std::string& stem, const EdgeArrays& edges,
                              bool by_src, const IdSpace& rows,
                              TopologyManifest* manifest);

// The name of a file of a type: "paper.labels.npy".
std::string FileOf(const std::string& type, const char* what);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_ARRAYS_GRAPH_WRITER_H_
