#ifndef FAIRLEAD_TOOLS_DATASET_CHECK_NODE_CHECK_H_
#define FAIRLEAD_TOOLS_DATASET_CHECK_NODE_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "libs/graph/dataset_manifest.h"
#include "libs/graph/id_space.h"
#include "tools/dataset/check/checked_graph.h"
#include "tools/dataset/check/findings.h"

namespace fairlead {

// What one partition says of its nodes. Parts of check_dataset.

// The ids of `manifest`, `size` of them; nothing, with findings, if they are
// not ids that ascend.
std::optional<IdSpace> CheckIdFile(const IdsManifest& manifest, int64_t size,
                                   const std::string& what, ArrayFiles* files,
                                   Findings* findings);

// Ids of each node type, into partition->nodes; whether they are this
// partition's, by the book.
void CheckNodeIds(const CheckedGraph& graph, CheckedPartition* partition,
                  Findings* findings);

// Features, labels, timestamps and splits. REQUIRES CheckNodeIds.
void CheckNodeData(const CheckedGraph& graph, CheckedPartition* partition,
                   Findings* findings);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_CHECK_NODE_CHECK_H_
