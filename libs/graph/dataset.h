#ifndef FAIRLEAD_LIBS_GRAPH_DATASET_H_
#define FAIRLEAD_LIBS_GRAPH_DATASET_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/npy.h"

namespace fairlead {

// A graph with its features, labels and splits, memory-mapped from a folder of
// .npy files that dataset.json describes (see dataset_manifest.h). Read-only
// once loaded, so any thread may use it.

// The edges of one type by the node they leave.
struct Csr {
  absl::Span<const int64_t> indptr;    // num_rows + 1
  absl::Span<const int64_t> indices;   // num_edges; ids of dst nodes
  absl::Span<const int64_t> edge_ids;  // num_edges, or empty: the position is
                                       // the id

  int64_t num_rows() const { return static_cast<int64_t>(indptr.size()) - 1; }
  int64_t num_edges() const { return static_cast<int64_t>(indices.size()); }
};

enum class ElementType { kFloat32, kInt64 };

// Rows of equal width; row i belongs to node i.
struct Table {
  ElementType element_type = ElementType::kFloat32;
  int64_t rows = 0;
  int64_t columns = 0;
  const uint8_t* data = nullptr;  // rows * columns elements, dense

  int64_t row_bytes() const {
    return columns * (element_type == ElementType::kFloat32 ? 4 : 8);
  }

  // Copies rows `ids` to `out`, in order, repeats allowed. NOT_FOUND, naming
  // an id, if one is no row (never another row in its place: W-31); then `out`
  // holds nothing of use. REQUIRES out.size() == ids.size() * row_bytes().
  absl::Status Gather(absl::Span<const int64_t> ids,
                      absl::Span<uint8_t> out) const;
};

struct NodeType {
  std::string name;
  int64_t num_nodes = 0;
  std::optional<Table> features;  // float32
  std::optional<Table> labels;    // int64; one column, or more. One column
                                  // with num_classes known is below it, and
                                  // negative where unknown
  int64_t num_classes = 0;        // 0 where unknown
  std::optional<absl::Span<const int64_t>> train;
  std::optional<absl::Span<const int64_t>> val;
  std::optional<absl::Span<const int64_t>> test;
};

struct EdgeType {
  EdgeTypeName name;
  int src_type = 0;  // index into Dataset::node_types()
  int dst_type = 0;
  Csr csr;
};

class Dataset {
 public:
  // NOT_FOUND for a missing folder or file; INVALID_ARGUMENT, naming the file
  // and the mend, for anything malformed: a truncated .npy, a wrong dtype,
  // feature rows that are not as many as nodes, an edge or a split id that is
  // no node, ... All of the topology is checked, in one pass over it.
  static absl::StatusOr<std::unique_ptr<const Dataset>> Load(
      const std::string& directory);

  const std::string& name() const { return name_; }
  absl::Span<const NodeType> node_types() const { return node_types_; }
  absl::Span<const EdgeType> edge_types() const { return edge_types_; }

  // Whether message keys carry type names: more than one node or edge type.
  bool is_heterogeneous() const {
    return node_types_.size() > 1 || edge_types_.size() > 1;
  }

 private:
  Dataset() = default;

  // Maps a file of the folder and keeps it mapped.
  absl::StatusOr<const NpyFile*> Map(const std::string& directory,
                                     const std::string& file);
  absl::Status LoadNodeType(const std::string& directory,
                            const NodeTypeManifest& manifest);
  absl::Status LoadEdgeType(const std::string& directory,
                            const EdgeTypeManifest& manifest);

  std::string name_;
  std::vector<NodeType> node_types_;  // by name
  std::vector<EdgeType> edge_types_;  // by name
  std::vector<std::unique_ptr<const NpyFile>> files_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_DATASET_H_
