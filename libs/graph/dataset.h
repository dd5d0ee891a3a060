#ifndef FAIRLEAD_LIBS_GRAPH_DATASET_H_
#define FAIRLEAD_LIBS_GRAPH_DATASET_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/id_array.h"
#include "libs/graph/id_space.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book.h"
#include "libs/graph/table.h"

namespace fairlead {

// One partition of a graph, or a whole one, with its features, labels and
// splits, memory-mapped from a folder of .npy files that dataset.json describes
// (see README.md). Ids are the whole graph's everywhere; rows of arrays are
// this partition's. Read-only once loaded, so any thread may use it.

// In which direction neighbours are sought (parity `edge_dir`).
enum class EdgeDir {
  kOut,  // the nodes that edges lead to; edges lie with their source
  kIn,   // the nodes that edges come from; edges lie with their destination
};

// The edges of one type by the node they leave (CSR), or by the node they
// reach (CSC). Row i is row i of that node type.
struct Topology {
  IdArray indptr;    // num_rows + 1
  IdArray indices;   // num_edges; ids at the edges' other ends
  IdArray edge_ids;  // num_edges; empty: first_edge_id + position
  int64_t first_edge_id = 0;
  absl::Span<const float> weights;       // num_edges, 0 or more; or empty
  absl::Span<const int64_t> timestamps;  // num_edges, or empty

  int64_t num_rows() const { return static_cast<int64_t>(indptr.size()) - 1; }
  int64_t num_edges() const { return static_cast<int64_t>(indices.size()); }
  int64_t EdgeId(int64_t position) const {
    return edge_ids.empty() ? first_edge_id + position
                            : edge_ids[static_cast<size_t>(position)];
  }
};

struct NodeType {
  std::string name;
  IdSpace ids;            // the nodes of this partition
  int64_t num_nodes = 0;  // ids.size()
  // Which partition has which nodes; null where this one has all.
  std::shared_ptr<const PartitionBook> book;

  // The same for the rows of features, which may lie elsewhere (GL-027).
  std::shared_ptr<const PartitionBook> feature_book;

  std::optional<RowStore> features;
  std::optional<RowStore> labels;  // int64; one column, or more. One column
                                   // with num_classes known is below it, and
                                   // negative where unknown
  int64_t num_classes = 0;         // 0 where unknown
  absl::Span<const int64_t> timestamps;  // num_nodes, or empty
  // Ids of nodes of this partition.
  std::optional<absl::Span<const int64_t>> train;
  std::optional<absl::Span<const int64_t>> val;
  std::optional<absl::Span<const int64_t>> test;

  // One more than the largest id that a node of the whole graph may have.
  int64_t id_end() const {
    return book == nullptr ? ids.end() : book->num_ids();
  }
};

struct EdgeType {
  EdgeTypeName name;
  int src_type = 0;  // index into Dataset::node_types()
  int dst_type = 0;
  std::optional<Topology> out;  // at least one of the two
  std::optional<Topology> in;
  std::optional<RowStore> features;
  std::shared_ptr<const PartitionBook> book;  // of edge ids, as NodeType's
  std::shared_ptr<const PartitionBook> feature_book;

  const std::optional<Topology>& topology(EdgeDir direction) const {
    return direction == EdgeDir::kOut ? out : in;
  }
  // The type of the nodes that edges are listed by, and of those they list.
  int row_type(EdgeDir direction) const {
    return direction == EdgeDir::kOut ? src_type : dst_type;
  }
  int neighbor_type(EdgeDir direction) const {
    return direction == EdgeDir::kOut ? dst_type : src_type;
  }
  // Of this partition.
  int64_t num_edges() const {
    return out.has_value() ? out->num_edges() : in->num_edges();
  }
};

class Dataset {
 public:
  struct LoadOptions {
    uint32_t partition = 0;
    // Read all of the topology once and check it. Without, an id that is no
    // node is found when it is met: NOT_FOUND where it is sampled from, and
    // edges that are none DATA_LOSS. Weights are trusted.
    bool verify = true;
  };

  // NOT_FOUND for a missing folder or file; OUT_OF_RANGE for a partition that
  // there is none of; INVALID_ARGUMENT, naming the file and the mend, for
  // anything malformed: a truncated .npy, a wrong dtype, feature rows that are
  // not as many as nodes, an edge or a split id that is no node, ...
  static absl::StatusOr<std::unique_ptr<const Dataset>> Load(
      const std::string& directory, const LoadOptions& options);
  static absl::StatusOr<std::unique_ptr<const Dataset>> Load(
      const std::string& directory) {
    return Load(directory, LoadOptions());
  }

  const std::string& name() const { return name_; }
  // The folder that Load() was given.
  const std::string& directory() const { return directory_; }
  uint32_t num_partitions() const { return num_partitions_; }
  uint32_t partition() const { return partition_; }
  absl::Span<const NodeType> node_types() const { return node_types_; }
  absl::Span<const EdgeType> edge_types() const { return edge_types_; }

  // Whether message keys carry type names: more than one node or edge type.
  bool is_heterogeneous() const {
    return node_types_.size() > 1 || edge_types_.size() > 1;
  }

  // Whether every edge type lists its edges that way.
  bool Has(EdgeDir direction) const;

  // The index of a type. An empty name is the only type there is.
  // INVALID_ARGUMENT if there are several; NOT_FOUND, naming all, if there is
  // none of that name.
  absl::StatusOr<int> FindNodeType(absl::string_view name) const;
  absl::StatusOr<int> FindEdgeType(const EdgeTypeName& name) const;

 private:
  friend class DatasetLoader;
  Dataset() = default;

  std::string name_;
  std::string directory_;
  uint32_t num_partitions_ = 1;
  uint32_t partition_ = 0;
  std::vector<NodeType> node_types_;  // by name
  std::vector<EdgeType> edge_types_;  // by name
  std::vector<std::unique_ptr<const NpyFile>> files_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_DATASET_H_
