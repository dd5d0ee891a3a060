#ifndef FAIRLEAD_LIBS_SAMPLING_EDGE_LOOKUP_H_
#define FAIRLEAD_LIBS_SAMPLING_EDGE_LOOKUP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/sampling/neighbor_gather.h"

namespace fairlead {

// Tells of pairs of nodes whether an edge of one type leads from the one to the
// other, wherever it lies (W-35: the original looked at a partition's own edges
// only). Lists of neighbours are fetched whole, each once a question, so this
// is for pairs in batches. Keeps memory for the next. Thread-compatible.
class EdgeLookup {
 public:
  // By source where the dataset lists edges so, else by destination. `dataset`
  // must outlive it. REQUIRES an edge type of the dataset.
  EdgeLookup(const Dataset& dataset, int edge_type);

  // Asks about the pairs (src[i], dst[i]), which may repeat. Appends what
  // others must be asked to `fetches`. NOT_FOUND, naming it, for an id that is
  // nobody's among those that are looked up. REQUIRES as many of both.
  absl::Status Begin(absl::Span<const int64_t> src,
                     absl::Span<const int64_t> dst,
                     std::vector<NeighborFetch>* fetches);

  // Sets exists[i] for each pair, to true or false. Errors and REQUIRES as
  // NeighborGather::Finish; exists.size() as many as pairs.
  absl::Status Finish(absl::Span<const NeighborFetch> fetches,
                      absl::Span<bool> exists);

 private:
  // A pair as it is looked up: whose list, and what is sought in it.
  struct Sought {
    int64_t row = 0;
    int64_t neighbor = 0;
    size_t pair = 0;
  };

  const Dataset& dataset_;
  const int edge_type_;
  const EdgeDir direction_;
  std::vector<Sought> sought_;  // in order of (row, neighbor)
  std::vector<int64_t> rows_;   // each once, ascending
  NeighborGather gather_;
  DrawnNeighbors stitched_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_EDGE_LOOKUP_H_
