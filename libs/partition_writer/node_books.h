#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_NODE_BOOKS_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_NODE_BOOKS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/graph/partition_book.h"
#include "libs/partition_writer/partition_options.h"
#include "libs/partition_writer/row_graph.h"

namespace fairlead {

// A partition book, and how the dataset.json of partitions names it.
struct WrittenBook {
  std::unique_ptr<const PartitionBook> book;
  PartitionBookManifest manifest;
};

// Opens the book that `manifest` describes, whose table is in `directory`.
absl::StatusOr<WrittenBook> OpenWritten(const std::string& directory,
                                        PartitionBookManifest manifest);

// Who gets which nodes, by node type. Tables are written to `directory`.
// `graph` is for kFrequency, null otherwise. INVALID_ARGUMENT where ids are no
// range and a table would not do, and for what the method refuses;
// RESOURCE_EXHAUSTED where METIS would not fit in memory.
absl::StatusOr<std::vector<WrittenBook>> MakeNodeBooks(
    const Dataset& dataset, const PartitionOptions& options,
    const RowGraph* graph, const std::string& directory);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_NODE_BOOKS_H_
