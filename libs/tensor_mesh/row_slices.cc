#include "libs/tensor_mesh/row_slices.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace fairlead::internal {

absl::StatusOr<std::vector<MeshTensorView>> SliceRows(
    const MeshTensorView& buffer, absl::Span<const int64_t> rows,
    bool is_running) {
  if (buffer.shape.empty()) {
    return absl::InvalidArgumentError(
        "respond_vec: the buffer has 0 dimensions; give a buffer of rows");
  }
  const int64_t all_rows = buffer.shape[0];
  const uint64_t row_bytes =
      all_rows == 0 ? 0 : buffer.bytes.size() / static_cast<uint64_t>(all_rows);
  int64_t first = 0;
  std::vector<MeshTensorView> slices;
  for (const int64_t count : rows) {
    if (count < 0 || count > all_rows - first) {
      return absl::InvalidArgumentError(
          absl::StrCat("respond_vec: ", count, " rows from row ", first,
                       " on are not there; the buffer has ", all_rows));
    }
    MeshTensorView& slice = slices.emplace_back(buffer);
    slice.shape[0] = count;
    slice.bytes =
        buffer.bytes.subspan(static_cast<uint64_t>(first) * row_bytes,
                             static_cast<uint64_t>(count) * row_bytes);
    if (is_running) first += count;
  }
  if (is_running && first != all_rows) {
    return absl::InvalidArgumentError(
        absl::StrCat("respond_vec: ", first,
                     " rows are asked for, and the buffer has ", all_rows));
  }
  return slices;
}

}  // namespace fairlead::internal
