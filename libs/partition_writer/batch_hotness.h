#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_BATCH_HOTNESS_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_BATCH_HOTNESS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/partition_writer/partition_options.h"
#include "libs/partition_writer/row_graph.h"

namespace fairlead {

// How likely batches need each node: what the frequency partitioner and the
// caches go by.

// Rows of nodes, or hotness of rows, by node type.
using RowsByType = std::vector<std::vector<int64_t>>;
using HotnessByType = std::vector<std::vector<float>>;

// Of a batch from some of these seeds; where there are seeds of several types,
// of a batch of each. INVALID_ARGUMENT for fanouts or a batch size that are
// none.
absl::StatusOr<HotnessByType> BatchHotness(const RowGraph& graph,
                                           const RowsByType& seeds,
                                           const PartitionOptions& options);

// The rows of all train seeds. INVALID_ARGUMENT if there is none at all.
absl::StatusOr<RowsByType> TrainRows(const Dataset& dataset);

// RESOURCE_EXHAUSTED if the above, for all partitions at once or one at a
// time, takes more memory than there is.
absl::Status CheckHotnessMemory(const Dataset& dataset,
                                const PartitionOptions& options);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_BATCH_HOTNESS_H_
