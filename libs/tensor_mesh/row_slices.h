#ifndef FAIRLEAD_LIBS_TENSOR_MESH_ROW_SLICES_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_ROW_SLICES_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/tensor_mesh/mesh_tensor.h"

namespace fairlead::internal {

// Cuts rows[i] rows of `buffer` for each i: one after the other, which must be
// the whole of it, or each from row 0 on (parity SM-07). INVALID_ARGUMENT for
// rows that it has not, or leaves.
absl::StatusOr<std::vector<MeshTensorView>> SliceRows(
    const MeshTensorView& buffer, absl::Span<const int64_t> rows,
    bool is_running);

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_ROW_SLICES_H_
