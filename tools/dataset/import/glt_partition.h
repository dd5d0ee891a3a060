#ifndef FAIRLEAD_TOOLS_DATASET_IMPORT_GLT_PARTITION_H_
#define FAIRLEAD_TOOLS_DATASET_IMPORT_GLT_PARTITION_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/glt_folder/glt_folder.h"
#include "libs/graph/dataset.h"
#include "libs/type_names/type_names.h"
#include "tools/dataset/arrays/graph_arrays.h"

namespace fairlead {

// What all partitions of a GLT folder have in common. A part of glt_import.
struct GltBooks {
  std::map<std::string, GltBook> nodes;     // by GLT's name
  std::map<std::string, GltBook> edges;     // by GltEdgeType::Name
  std::map<std::string, GltLabels> labels;  // by GLT's name
};

// Our names: "node" and node__to__node where GLT has none.
std::string NodeTypeName(const std::string& glt_name);
EdgeTypeName EdgeTypeNameOf(const GltEdgeType& type);

// Reads partitions one after another, and checks each against the books. A part
// of glt_import.
class GltPartitionReader {
 public:
  // All outlive it.
  GltPartitionReader(const GltFolder& folder, const GltBooks& books,
                     EdgeDir edge_dir);

  absl::StatusOr<GraphArrays> Read(uint32_t partition);

  // After all were read: whether each edge of the books was there.
  absl::Status CheckAllEdgesSeen() const;

 private:
  absl::StatusOr<NodeArrays> ReadNodes(uint32_t partition,
                                       const std::string& type,
                                       GraphArrays* graph);
  absl::StatusOr<EdgeArrays> ReadEdges(uint32_t partition,
                                       const GltEdgeType& type,
                                       GraphArrays* graph);
  absl::Status CheckEdges(uint32_t partition, const GltEdgeType& type,
                          const GltEdges& edges);

  const GltFolder& folder_;
  const GltBooks& books_;
  const EdgeDir edge_dir_;
  // By edge id: where it was seen; 0 for nowhere, else partition + 1.
  std::map<std::string, std::vector<uint32_t>> seen_;
};

// With which end the edges of all partitions lie, or most of them: the reader
// refuses the others. Sources, if it is both. Reads all edges.
absl::StatusOr<EdgeDir> DetectEdgeDir(const GltFolder& folder,
                                      const GltBooks& books);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_IMPORT_GLT_PARTITION_H_
