#include "libs/partitioner/csr_check.h"

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/graph/partition_book.h"
#include "libs/status/status_macros.h"

namespace fairlead {

absl::Status CheckIndptr(absl::string_view what,
                         absl::Span<const int64_t> indptr) {
  if (indptr.empty() || indptr[0] != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, ": indptr must begin with 0; it ",
        indptr.empty() ? "is empty" : absl::StrCat("begins with ", indptr[0])));
  }
  for (size_t row = 0; row + 1 < indptr.size(); ++row) {
    if (indptr[row + 1] < indptr[row]) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": indptr falls from ", indptr[row], " to ",
                       indptr[row + 1], " at row ", row, "; it must not"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCsr(absl::string_view what, int64_t num_rows,
                      int64_t num_columns, absl::Span<const int64_t> indptr,
                      absl::Span<const int64_t> indices) {
  if (num_rows < 0 || indptr.size() != static_cast<uint64_t>(num_rows) + 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": indptr has ", indptr.size(), " entries for ",
                     num_rows, " nodes; there must be one more than nodes"));
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckIndptr(what, indptr));
  if (static_cast<uint64_t>(indptr.back()) != indices.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": indptr ends with ", indptr.back(), ", but there ",
                     "are ", indices.size(), " indices; they must agree"));
  }
  for (size_t edge = 0; edge < indices.size(); ++edge) {
    if (indices[edge] < 0 || indices[edge] >= num_columns) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": edge ", edge, " leads to ", indices[edge],
                       "; nodes are 0 to ", num_columns - 1));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNodesAndParts(absl::string_view what, int64_t num_nodes,
                                uint32_t parts) {
  if (num_nodes < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": ", num_nodes, " nodes; must not be negative"));
  }
  if (parts < 1 || parts > kMaxPartitions) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, ": ", parts, " partitions; there must be 1 to ", kMaxPartitions));
  }
  return absl::OkStatus();
}

}  // namespace fairlead
