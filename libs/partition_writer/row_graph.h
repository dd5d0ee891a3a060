#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_ROW_GRAPH_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_ROW_GRAPH_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/partitioner/typed_graph.h"

namespace fairlead {

// The topology of a dataset in memory, with rows in place of ids, as
// libs/partitioner takes it. Edges by the node that they leave, or by the one
// that they reach where that is all there is. Movable; its spans stay.
class RowGraph {
 public:
  // INVALID_ARGUMENT, naming it, for an edge whose end is no node.
  static absl::StatusOr<RowGraph> Make(const Dataset& dataset);

  // What it takes, and what it is of.
  static uint64_t Bytes(const Dataset& dataset);
  static int64_t NumNodes(const Dataset& dataset);
  static int64_t NumEdges(const Dataset& dataset);

  // By node type, and by edge type, of the dataset.
  absl::Span<const int64_t> nodes_per_type() const { return nodes_per_type_; }
  absl::Span<const TypedEdges> edge_types() const { return edge_types_; }

 private:
  struct Arrays {
    std::vector<int64_t> indptr;
    std::vector<int64_t> indices;
  };

  std::vector<int64_t> nodes_per_type_;
  std::vector<Arrays> arrays_;
  std::vector<TypedEdges> edge_types_;
};

// RESOURCE_EXHAUSTED, saying what would do with less, if `needed` bytes are
// more than `limit`, or if that is 0 than this machine has. `what` is what
// takes them.
absl::Status CheckMemory(absl::string_view what, uint64_t needed,
                         uint64_t limit);
// `limit`, or the memory of this machine.
uint64_t MemoryLimit(uint64_t limit);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_ROW_GRAPH_H_
