#ifndef FAIRLEAD_LIBS_CUDA_SAMPLER_STEPS_H_
#define FAIRLEAD_LIBS_CUDA_SAMPLER_STEPS_H_

#include <cstdint>

#include "libs/cuda/graph_view.h"
#include "libs/cuda/host_device.h"
#include "libs/cuda/node_table.h"
#include "libs/cuda/row_draw.h"

namespace fairlead::cuda {

// The kernels of sampling, each as what one thread does, for the i-th of what
// there is. Threads of one step share nothing but atomics; steps follow each
// other. KHopSampler puts them together.

// The first thing that is wrong, as the CPU would meet it, or kNone.
enum class SampleFault : uint32_t {
  kNoRow = 0,     // a node of the frontier is no node
  kBadRow = 1,    // its edges are not among those that there are
  kBadIndex = 2,  // an edge leads to a number below 0
};

struct FaultWord {
  static constexpr uint64_t kNone = ~uint64_t{0};
  uint64_t* word = nullptr;

  FAIRLEAD_HOST_DEVICE void Report(int64_t at, SampleFault fault) const {
    AtomicMin(word,
              static_cast<uint64_t>(at) << 2 | static_cast<uint64_t>(fault));
  }
};

// How many edges each node of the frontier draws, and where its list begins.
struct CountStep {
  RowIds rows;
  EdgeList edges;
  RowDraw draw;
  const int64_t* frontier = nullptr;
  FaultWord fault;
  int64_t* firsts = nullptr;
  int64_t* degrees = nullptr;
  int64_t* counts = nullptr;

  FAIRLEAD_HOST_DEVICE void operator()(int64_t i) const {
    counts[i] = 0;
    degrees[i] = 0;
    const int64_t row = rows.Row(frontier[i]);
    if (row < 0) return fault.Report(i, SampleFault::kNoRow);
    const int64_t first = edges.indptr[row];
    const int64_t degree = edges.indptr[row + 1] - first;
    if (first < 0 || degree < 0 || first > edges.indices.size - degree) {
      return fault.Report(i, SampleFault::kBadRow);
    }
    firsts[i] = first;
    degrees[i] = degree;
    counts[i] = draw.Count(degree);
  }
};

// The draws of a node of the frontier, as positions, and the row of each edge.
struct DrawStep {
  RowDraw draw;
  const int64_t* frontier = nullptr;
  const int64_t* firsts = nullptr;
  const int64_t* degrees = nullptr;
  const int64_t* offsets = nullptr;  // the prefix sum of counts, and the total
  int64_t frontier_begin = 0;        // local index of its first node
  int64_t* rows = nullptr;
  int64_t* positions = nullptr;

  FAIRLEAD_HOST_DEVICE void operator()(int64_t i) const {
    draw.Draw(frontier[i], firsts[i], degrees[i], positions + offsets[i]);
    for (int64_t at = offsets[i]; at < offsets[i + 1]; ++at) {
      rows[at] = frontier_begin + i;
    }
  }
};

// From a position to the neighbour and the edge there.
struct NeighborStep {
  EdgeList edges;
  FaultWord fault;
  const int64_t* positions = nullptr;
  int64_t* neighbors = nullptr;
  int64_t* edge_ids = nullptr;  // null: not wanted

  FAIRLEAD_HOST_DEVICE void operator()(int64_t i) const {
    const int64_t position = positions[i];
    const int64_t neighbor = edges.indices[position];
    if (neighbor < 0) fault.Report(i, SampleFault::kBadIndex);
    neighbors[i] = neighbor < 0 ? 0 : neighbor;
    if (edge_ids != nullptr) edge_ids[i] = edges.EdgeId(position);
  }
};

// Puts nodes that have numbers into a new table.
struct RememberStep {
  NodeTable table;
  const int64_t* ids = nullptr;

  FAIRLEAD_HOST_DEVICE void operator()(int64_t i) const {
    table.Offer(ids[i], static_cast<uint32_t>(i));
  }
};

// The four steps of numbering a list of ids; NodeTable says why it works.

struct OfferStep {
  NodeTable table;
  uint32_t numbered = 0;  // nodes that have a number
  const int64_t* ids = nullptr;
  uint32_t* slots = nullptr;

  FAIRLEAD_HOST_DEVICE void operator()(int64_t i) const {
    slots[i] = table.Offer(ids[i], numbered + static_cast<uint32_t>(i));
  }
};

struct FirstStep {
  NodeTable table;
  uint32_t numbered = 0;
  const uint32_t* slots = nullptr;
  int64_t* is_first = nullptr;

  FAIRLEAD_HOST_DEVICE void operator()(int64_t i) const {
    is_first[i] =
        table.values[slots[i]] == numbered + static_cast<uint32_t>(i) ? 1 : 0;
  }
};

struct NumberStep {
  NodeTable table;
  uint32_t numbered = 0;
  const int64_t* ids = nullptr;
  const uint32_t* slots = nullptr;
  const int64_t* ranks = nullptr;  // the prefix sum of is_first, and the total
  int64_t* new_ids = nullptr;      // what the total has room for

  FAIRLEAD_HOST_DEVICE void operator()(int64_t i) const {
    if (ranks[i] == ranks[i + 1]) return;
    table.values[slots[i]] = numbered + static_cast<uint32_t>(ranks[i]);
    new_ids[ranks[i]] = ids[i];
  }
};

struct LookUpStep {
  NodeTable table;
  const uint32_t* slots = nullptr;
  int64_t* locals = nullptr;

  FAIRLEAD_HOST_DEVICE void operator()(int64_t i) const {
    locals[i] = int64_t{table.values[slots[i]]};
  }
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_SAMPLER_STEPS_H_
