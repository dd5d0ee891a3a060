#ifndef FAIRLEAD_LIBS_DIST_GRAPH_DIST_GRAPH_H_
#define FAIRLEAD_LIBS_DIST_GRAPH_DIST_GRAPH_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"

namespace fairlead {

// The topology of this partition, and who has the rest (parity GL-040 to
// GL-043). A type may be left out where there is one, whether the graph is
// homogeneous or not. Thread-safe.
class DistGraph {
 public:
  // `dataset` must outlive it.
  explicit DistGraph(const Dataset& dataset) : dataset_(dataset) {}

  uint32_t num_partitions() const { return dataset_.num_partitions(); }
  uint32_t partition_idx() const { return dataset_.partition(); }

  // `type` is the text of an edge type. INVALID_ARGUMENT or NOT_FOUND, naming
  // what there is, for what is no type of it.
  absl::StatusOr<const EdgeType*> GetLocalGraph(
      absl::string_view type = "") const;

  // The partition of each id; 0 where there is one partition. NOT_FOUND,
  // naming them, for ids that nobody owns. (Of edges with ids of their own in
  // one partition, it reads all.)
  absl::StatusOr<std::vector<uint32_t>> GetNodePartitions(
      absl::Span<const int64_t> ids, absl::string_view node_type = "") const;
  absl::StatusOr<std::vector<uint32_t>> GetEdgePartitions(
      absl::Span<const int64_t> edge_ids,
      absl::string_view edge_type = "") const;

 private:
  const Dataset& dataset_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_DIST_GRAPH_DIST_GRAPH_H_
