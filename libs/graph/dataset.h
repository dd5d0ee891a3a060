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

namespace fairlead {

// A graph with its features, labels and splits, memory-mapped from a folder of
// .npy files that dataset.json describes (format: README.md). Read-only and
// thread-safe once loaded; moving it is free, copying it is not offered.

// A kind of edge. Ordered by (src, relation, dst).
struct EdgeTypeName {
  std::string src;
  std::string relation;
  std::string dst;

  auto operator<=>(const EdgeTypeName&) const = default;

  // "src__rel__dst": the key of messages (parity 6.4).
  std::string ToString() const;
};

// The edges of one type that leave the nodes of one partition, by source.
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

  int64_t row_bytes() const;

  // Copies rows `ids` to `out`, in order, repeats allowed. NOT_FOUND, naming
  // an id, if one is no row; then `out` holds nothing of use. REQUIRES
  // out.size() == ids.size() * row_bytes().
  absl::Status Gather(absl::Span<const int64_t> ids,
                      absl::Span<uint8_t> out) const;
};

struct NodeType {
  std::string name;
  int64_t num_nodes = 0;
  std::optional<Table> features;  // float32
  std::optional<Table> labels;    // int64; one column, or more
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
  // and the mend, for anything malformed: truncated .npy, wrong dtype or
  // order, feature rows != nodes, an edge or split id out of range, ... Checks
  // all of it, in one pass over the topology.
  static absl::StatusOr<std::unique_ptr<const Dataset>> Load(
      absl::string_view directory);
  virtual ~Dataset() = default;

  virtual const std::string& name() const = 0;
  virtual absl::Span<const NodeType> node_types() const = 0;  // by name
  virtual absl::Span<const EdgeType> edge_types() const = 0;  // by name

  // Whether message keys carry type names: more than one node or edge type.
  bool is_heterogeneous() const {
    return node_types().size() > 1 || edge_types().size() > 1;
  }
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_DATASET_H_
