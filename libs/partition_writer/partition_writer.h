#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_PARTITION_WRITER_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_PARTITION_WRITER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "libs/partition_writer/partition_options.h"
#include "libs/partition_writer/partition_summary.h"

namespace fairlead {

// Splits a dataset into partitions, for graphs that no host holds.
//
//   PartitionOptions options;
//   options.parts = 4;
//   FAIRLEAD_ASSIGN_OR_RETURN(options.method, ParsePartitionMethod("hash"));
//   FAIRLEAD_ASSIGN_OR_RETURN(const PartitionSummary summary,
//                             WritePartitions(in, out, options, on_progress));
//   Dataset::Load(out, {.partition = 3});
//
// A node lies in the partition that its book says, with all that there is of
// it. An edge lies with its source where edges are listed by source, and with
// its destination where they are listed by destination; its features with its
// source, or destination if that is all there is. (If edge ids are spread so
// far that a table of them would be a waste, features lie by the hash of the
// id.) Ids, and the order of a node's edges, are what they were: a batch drawn
// from partitions is the batch drawn from the whole.
//
// Memory: arrays are walked, never held. Beside a window of 8 MiB of the one
// that is being walked it takes the owners of nodes (4 bytes a node while they
// are decided, 1, 2 or 4 in a mapped file from then on), 24 bytes a partition
// and array, and 64 KiB a partition for at most 256 at a time. METIS,
// frequency, and caches take the topology too: 16 bytes an edge and
// MetisMemoryBytes(), or 8 bytes an edge and 40 a node and, for frequency, 4 a
// node and partition.

// Writes the folders of partitions and dataset.json to `directory`, which is
// there and empty. Calls `on_progress` with how much is done of how much,
// from the same thread.
//
// INVALID_ARGUMENT if the source is in partitions already, or no dataset,
// there are not 1 to kMaxPartitions partitions, METIS is asked for more than
// there are nodes, balance_edges of a method that cannot, an edge leads to what
// is no node, or a method is asked for that does not do for such ids or without
// train seeds; NOT_FOUND if there is no dataset; RESOURCE_EXHAUSTED, before
// anything is begun, if the method takes more memory than there is; UNAVAILABLE
// if something cannot be written, as when the disk is full.
absl::StatusOr<PartitionSummary> WritePartitions(
    const std::string& source, const std::string& directory,
    const PartitionOptions& options,
    const std::function<void(uint64_t done, uint64_t total)>& on_progress);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_PARTITION_WRITER_H_
