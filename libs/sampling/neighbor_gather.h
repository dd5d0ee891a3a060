#ifndef FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_GATHER_H_
#define FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_GATHER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/partition_book.h"
#include "libs/sampling/neighbor_draw.h"

namespace fairlead {

// What is asked of another partition: that it draws for some of its nodes.
struct NeighborFetch {
  uint32_t partition = 0;
  int edge_type = 0;
  EdgeDir direction = EdgeDir::kOut;
  DrawSpec spec;
  std::vector<int64_t> nodes;
  std::vector<int64_t> times;  // as DrawContext
  std::vector<int64_t> salts;
  DrawnNeighbors answer;  // to be filled
};

// What each of some nodes draws along one edge type, in the order of the nodes,
// whichever partitions they are in. Those here draw at once; for the others
// there are fetches, one a partition, which somebody else sees answered:
//
//   FAIRLEAD_RETURN_IF_ERROR(gather.Begin(dataset, type, EdgeDir::kOut, nodes,
//                                         {}, {.fanout = -1}, &fetches));
//   ... every fetch is answered ...
//   DrawnNeighbors scratch;
//   FAIRLEAD_ASSIGN_OR_RETURN(const DrawnNeighbors* drawn,
//                             gather.Finish(fetches, &scratch));
//
// Keeps its memory for the next. Thread-compatible.
class NeighborGather {
 public:
  // Forgets what was before. Appends what others must be asked to `fetches`:
  // nothing, where the dataset is whole. Nodes may repeat. NOT_FOUND, naming
  // it, for an id that is nobody's. REQUIRES a spec that fits the edge type
  // (CheckDrawSpec), and a context as DrawContext says.
  absl::Status Begin(const Dataset& dataset, int edge_type, EdgeDir direction,
                     absl::Span<const int64_t> nodes,
                     const DrawContext& context, const DrawSpec& spec,
                     std::vector<NeighborFetch>* fetches);

  // Puts the draws in order, in `scratch` where they came from several
  // partitions. What it returns is valid until Begin or a change of `scratch`.
  // INTERNAL, naming the partition, for an answer that is none. REQUIRES that
  // all of `fetches` from Begin are there, at the same places, and answered.
  absl::StatusOr<const DrawnNeighbors*> Finish(
      absl::Span<const NeighborFetch> fetches, DrawnNeighbors* scratch);

 private:
  absl::Status Stitch(absl::Span<const NeighborFetch> fetches,
                      DrawnNeighbors* out) const;

  NeighborDrawer drawer_;
  uint32_t own_partition_ = 0;
  bool with_edge_ids_ = false;
  size_t num_nodes_ = 0;
  DrawnNeighbors local_;                 // of this partition's nodes
  std::optional<PartitionedIds> split_;  // nothing: all are this partition's
  size_t first_fetch_ = 0;
  size_t num_fetches_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_GATHER_H_
