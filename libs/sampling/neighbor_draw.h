#ifndef FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_DRAW_H_
#define FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_DRAW_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"

namespace fairlead {

// One hop: which edges of some nodes are drawn. What a node draws depends on
// its edges, its own id and the spec, and on nothing else, so any partition
// that has the node draws the same (design invariant 2). The contract, draw by
// draw, is in README.md.

// Which neighbours count, where edges have timestamps: those not later than
// the time that is asked for.
enum class TemporalStrategy {
  kNone,     // all
  kUniform,  // any that are not later
  kLast,     // the latest that are not later
};

struct DrawSpec {
  int32_t fanout = 0;     // > 0 that many, -1 all
  bool replace = false;   // each edge more than once
  bool weighted = false;  // with a probability that grows with the edge's
                          // weight; one of weight 0 is never drawn
  TemporalStrategy temporal = TemporalStrategy::kNone;
  bool with_edge_ids = false;
  uint64_t key = 0;  // as RandomStream has them
  uint32_t lane = 0;
};

// Of some nodes, what each drew, one after another.
struct DrawnNeighbors {
  std::vector<int32_t> counts;     // of each node
  std::vector<int64_t> neighbors;  // ids, the sum of `counts`
  std::vector<int64_t> edge_ids;   // as many, or none

  void Clear() {
    counts.clear();
    neighbors.clear();
    edge_ids.clear();
  }
};

// What is asked of each node beside its id.
struct DrawContext {
  // The time of each node, for temporal strategies; else empty.
  absl::Span<const int64_t> times;
  // Keeps draws for one node apart that are made for different seeds; empty:
  // all 0. As many as nodes.
  absl::Span<const int64_t> salts;
};

// Draws neighbours and keeps memory for it. Thread-compatible.
class NeighborDrawer {
 public:
  // Appends to `out` what each of `nodes` draws; repeats among them draw the
  // same. `rows` are the ids of the topology's rows. NOT_FOUND, naming it, for
  // a node that has no row here. REQUIRES a spec that fits the topology, which
  // CheckDrawSpec tells.
  absl::Status Draw(const Topology& topology, const IdSpace& rows,
                    absl::Span<const int64_t> nodes, const DrawContext& context,
                    const DrawSpec& spec, DrawnNeighbors* out);

 private:
  struct Row {
    int64_t first = 0;  // position of its first edge
    int64_t degree = 0;
  };

  // Appends positions to positions_.
  void DrawPositions(const Topology& topology, const Row& row, int64_t node,
                     int64_t time, int64_t salt, const DrawSpec& spec);
  void DrawUniform(const Row& row, int64_t node, int64_t salt,
                   const DrawSpec& spec);
  // Among the positions in eligible_.
  void DrawUniformOfEligible(int64_t node, int64_t salt, const DrawSpec& spec);
  void DrawWeighted(const Topology& topology, int64_t node, int64_t salt,
                    const DrawSpec& spec);
  void TakeLast(const Topology& topology, const DrawSpec& spec);

  std::vector<int64_t> rows_;
  std::vector<int64_t> positions_;
  std::vector<int64_t> eligible_;
  std::vector<double> keys_;
};

// INVALID_ARGUMENT, saying what it lacks, unless edges of `type` can be drawn
// that way: FAILED_PRECONDITION would be no better, the dataset is what it is.
absl::Status CheckDrawSpec(const EdgeType& type, EdgeDir direction,
                           const DrawSpec& spec);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_NEIGHBOR_DRAW_H_
