#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_SPLIT_ARRAYS_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_SPLIT_ARRAYS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/partition_book.h"
#include "libs/partition_writer/part_files.h"

namespace fairlead {

// Steps that split one array of a whole graph into a `file` in each partition's
// folder; order within a partition is that of the whole. Each borrows what it
// is given by reference, and whatever the spans are of. Errors of steps are
// those of NpyWriter.

// Rows of equal width, mapped from a file.
struct RowArray {
  const uint8_t* data = nullptr;
  int64_t row_bytes = 0;
  std::string dtype;               // as NpyFile::dtype
  std::vector<int64_t> row_shape;  // without the number of rows
};
Step SplitRows(const PartFolders& folders, const RowPlacement& rows,
               RowArray array, std::string file);

// The ids of rows themselves, as int64.
Step SplitIds(const PartFolders& folders, const RowPlacement& rows,
              std::string file);

// Ids in any order, to their owners. REQUIRES that all have one.
Step SplitIdList(const PartFolders& folders, const PartitionBook& book,
                 absl::Span<const int64_t> ids, std::string file);

// The edges of a topology, which lie with their row.
struct EdgePlacement {
  const RowPlacement* rows = nullptr;
  const Topology* topology = nullptr;
  std::vector<Extent> parts;  // of positions in the topology's arrays
};
// REQUIRES that both outlive it, and that each row is somebody's.
EdgePlacement PlaceEdges(const RowPlacement& rows, const Topology& topology);

Step SplitIndptr(const PartFolders& folders, const EdgePlacement& edges,
                 std::string file);
// The nodes at the edges' other ends, whose ids are below `end`.
Step SplitIndices(const PartFolders& folders, const EdgePlacement& edges,
                  int64_t end, std::string file);
// Topology::EdgeId of each edge; all are below `end`.
Step SplitEdgeIds(const PartFolders& folders, const EdgePlacement& edges,
                  int64_t end, std::string file);
// Elements of 4 or 8 bytes, one for each edge.
Step SplitWeights(const PartFolders& folders, const EdgePlacement& edges,
                  std::string file);
Step SplitTimestamps(const PartFolders& folders, const EdgePlacement& edges,
                     std::string file);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_SPLIT_ARRAYS_H_
