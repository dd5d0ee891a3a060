#ifndef FAIRLEAD_LIBS_SAMPLING_PPR_DEGREES_H_
#define FAIRLEAD_LIBS_SAMPLING_PPR_DEGREES_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/id_space.h"

namespace fairlead {

// The total degree of every node of a graph (parity 2.9): its neighbours over
// all edge types that PPR goes along, in its direction. It decides when a node
// is pushed, so it is asked for nodes of every partition, at each step: too
// often to ask their owners. Where a dataset is whole it is added up; a
// partition is given it, as arrays of the whole graph, 4 bytes a node.

// INVALID_ARGUMENT, naming it, for an edge type that is none of the dataset's,
// is named twice, or does not list its edges in that direction; or if there are
// no edge types.
absl::Status CheckPprEdgeTypes(const Dataset& dataset,
                               absl::Span<const int> edge_types,
                               EdgeDir direction);

// The total degrees of this partition's nodes, by node type and row; from
// 2^32 - 1 on, that. Those of a whole graph, by id, are what its partitions'
// arrays have at the rows of NodeType::ids. Reads all of indptr. Errors as
// CheckPprEdgeTypes.
absl::StatusOr<std::vector<std::vector<uint32_t>>> TotalDegreesOfRows(
    const Dataset& dataset, absl::Span<const int> edge_types,
    EdgeDir direction);

// Read-only once made, so any thread may use it, and all samplers of a process
// that go along the same edge types should share one.
class PprDegrees {
 public:
  PprDegrees(PprDegrees&&) = default;
  PprDegrees& operator=(PprDegrees&&) = default;

  // Adds up the degrees of a dataset, whole or not, which must outlive this: of
  // a partition, those of the others too, whose files must lie beside its own.
  // 4 bytes an id. Errors as OfWholeDataset and Dataset::Load, and
  // INVALID_ARGUMENT for a node type whose ids are hashed to partitions: there
  // would be room for every number that is none.
  static absl::StatusOr<PprDegrees> OfDataset(const Dataset& dataset,
                                              absl::Span<const int> edge_types,
                                              EdgeDir direction);

  // Adds up the degrees of a whole dataset, which must outlive this. 4 bytes a
  // node. INVALID_ARGUMENT if it is a partition of several, or as
  // CheckPprEdgeTypes.
  static absl::StatusOr<PprDegrees> OfWholeDataset(
      const Dataset& dataset, absl::Span<const int> edge_types,
      EdgeDir direction);

  // Takes arrays of the whole graph, by node type and id; they must outlive
  // this. INVALID_ARGUMENT unless there is one for each node type of the
  // dataset, with an entry for each id below its id_end().
  static absl::StatusOr<PprDegrees> OfArrays(
      const Dataset& dataset, std::vector<absl::Span<const uint32_t>> by_id);

  // As PprPush::DegreeLookup has it: 0 for ids that are not known. REQUIRES a
  // node type of the dataset, and out.size() == ids.size().
  void LookUp(int node_type, absl::Span<const int64_t> ids,
              absl::Span<int32_t> out) const;

 private:
  PprDegrees() = default;

  struct OfType {
    std::vector<uint32_t> owned;  // by row
    absl::Span<const uint32_t> degrees;
    const IdSpace* rows = nullptr;  // null: by id
  };

  std::vector<OfType> types_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_PPR_DEGREES_H_
