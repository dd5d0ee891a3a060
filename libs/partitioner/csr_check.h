#ifndef FAIRLEAD_LIBS_PARTITIONER_CSR_CHECK_H_
#define FAIRLEAD_LIBS_PARTITIONER_CSR_CHECK_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace fairlead {

// What every partitioner asks of its input before it reads it.

// INVALID_ARGUMENT, beginning with `what` and naming the row or the edge,
// unless indptr has num_rows + 1 entries that rise from 0 to indices.size(),
// and indices are in [0, num_columns). O(rows + edges).
absl::Status CheckCsr(absl::string_view what, int64_t num_rows,
                      int64_t num_columns, absl::Span<const int64_t> indptr,
                      absl::Span<const int64_t> indices);

// The same of indptr alone, where it may end anywhere.
absl::Status CheckIndptr(absl::string_view what,
                         absl::Span<const int64_t> indptr);

// INVALID_ARGUMENT unless num_nodes >= 0 and there are 1 to kMaxPartitions
// partitions (libs/graph/partition_book.h).
absl::Status CheckNodesAndParts(absl::string_view what, int64_t num_nodes,
                                uint32_t parts);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITIONER_CSR_CHECK_H_
