#include "libs/tensor_mesh/mesh_tensor.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/tensor_message/tensor_message.h"

namespace fairlead {

absl::Status CheckMeshTensor(v1::DType dtype, const MeshShape& shape,
                             uint64_t bytes) {
  uint64_t wanted = DTypeSize(dtype);
  if (wanted == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("dtype ", static_cast<int>(dtype),
                     " is none that a tensor can have here"));
  }
  if (shape.size() > kMeshMaxDimensions) {
    return absl::InvalidArgumentError(
        absl::StrCat(shape.size(), " dimensions are more than ",
                     kMeshMaxDimensions, "; reshape it"));
  }
  for (const int64_t dimension : shape) {
    if (dimension < 0 || __builtin_mul_overflow(
                             wanted, static_cast<uint64_t>(dimension), &wanted))
      return absl::InvalidArgumentError(
          absl::StrCat("shape [", absl::StrJoin(shape, ", "), "] is none"));
  }
  if (wanted != bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "shape [", absl::StrJoin(shape, ", "), "] of ", DTypeSize(dtype),
        "-byte elements takes ", wanted, " bytes, and there are ", bytes));
  }
  return absl::OkStatus();
}

}  // namespace fairlead
