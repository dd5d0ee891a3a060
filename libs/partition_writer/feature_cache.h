#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_FEATURE_CACHE_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_FEATURE_CACHE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/partition_writer/batch_hotness.h"
#include "libs/partition_writer/node_books.h"

namespace fairlead {

// Copies of feature rows that a partition keeps though they are others'.

// The train seeds among `train` (rows by type) that a partition has.
RowsByType SeedsOf(const Dataset& dataset, absl::Span<const WrittenBook> books,
                   const RowsByType& train, uint32_t part);

// The rows to keep, by node type and ascending: those of most hotness for
// their bytes, over all types, as many as fit `budget_bytes`.
absl::StatusOr<RowsByType> ChooseCache(const Dataset& dataset,
                                       absl::Span<const WrittenBook> books,
                                       uint32_t part,
                                       const HotnessByType& hotness,
                                       uint64_t budget_bytes);

// Writes the feature rows of these nodes, and their ids. REQUIRES that the
// type has features, and all of these nodes.
absl::Status WriteCache(const NodeType& type, absl::Span<const int64_t> rows,
                        const std::string& features_path,
                        const std::string& ids_path);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_FEATURE_CACHE_H_
