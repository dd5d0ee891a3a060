#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_RANDOM_DATASET_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_RANDOM_DATASET_H_

#include <cstdint>
#include <string>

#include "libs/graph/dataset_writer.h"

namespace fairlead::testing {

struct RandomDatasetOptions {
  uint64_t seed = 0;
  bool sparse_ids = false;  // of some node types; some beyond 2^32
  int64_t max_nodes = 40;   // of each type
  int64_t max_edges = 150;
};

// A graph of up to three node types, the last of which may be empty, and up to
// five edge types, listed by source, destination or both: hubs, repeated edges
// and loops, nodes alone, edge ids that are places, or not, or far apart,
// weights, times, features of all kinds of numbers, labels of one or two
// columns, splits out of order.
DatasetContents RandomDataset(const RandomDatasetOptions& options);

// A new folder of TempDir().
std::string NewFolder();

// Writes it to a new folder, whose path it returns.
std::string WriteToNewFolder(DatasetContents contents);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_RANDOM_DATASET_H_
