#include "libs/python_files/strided_array.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "libs/graph/element_type.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

bool IsEmpty(const StridedArray& array) {
  return std::find(array.shape.begin(), array.shape.end(), 0) !=
         array.shape.end();
}

}  // namespace

std::vector<int64_t> DenseStrides(absl::Span<const int64_t> shape,
                                  bool fortran) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    const size_t dimension = fortran ? i : shape.size() - 1 - i;
    strides[dimension] = stride;
    // With a dimension of 0, the others may overflow; none is ever used.
    if (__builtin_mul_overflow(stride, shape[dimension], &stride)) stride = 0;
  }
  return strides;
}

absl::StatusOr<int64_t> CountElements(absl::Span<const int64_t> shape) {
  int64_t elements = 1;
  bool overflow = false;
  bool empty = false;
  for (const int64_t dimension : shape) {
    if (dimension < 0) {
      return absl::DataLossError(
          absl::StrCat("shape (", absl::StrJoin(shape, ", "),
                       ") has a negative dimension; write the file again"));
    }
    empty |= dimension == 0;
    overflow |= __builtin_mul_overflow(elements, dimension, &elements);
  }
  if (empty) return 0;
  if (overflow) {
    return absl::DataLossError(absl::StrCat("shape (",
                                            absl::StrJoin(shape, ", "),
                                            ") has more elements than can be "
                                            "counted; write the file again"));
  }
  return elements;
}

absl::Status CheckBounds(const StridedArray& array) {
  if (array.shape.size() != array.strides.size() ||
      array.shape.size() > kMaxDimensions) {
    return absl::DataLossError(absl::StrCat(
        "an array has ", array.shape.size(), " dimensions and ",
        array.strides.size(), " strides; there must be as many of each, ",
        kMaxDimensions, " at most"));
  }
  FAIRLEAD_RETURN_IF_ERROR(CountElements(array.shape).status());
  // The place of the last element: the sum of the furthest of each dimension.
  int64_t last = array.offset;
  bool overflow = last < 0;
  for (size_t i = 0; i < array.shape.size(); ++i) {
    overflow |= array.strides[i] < 0;
    if (array.shape[i] == 0) continue;
    int64_t furthest = 0;
    overflow |= __builtin_mul_overflow(array.shape[i] - 1, array.strides[i],
                                       &furthest) ||
                __builtin_add_overflow(last, furthest, &last);
  }
  const uint64_t elements = array.storage.size() / ElementBytes(array.type);
  // An empty array may start one past the end, and nowhere else.
  const uint64_t limit = IsEmpty(array) ? elements + 1 : elements;
  if (IsEmpty(array) && !overflow) last = array.offset;
  if (overflow || static_cast<uint64_t>(last) >= limit) {
    return absl::DataLossError(
        absl::StrCat("a ", ElementTypeName(array.type), " array of shape (",
                     absl::StrJoin(array.shape, ", "), "), strides (",
                     absl::StrJoin(array.strides, ", "), ") and offset ",
                     array.offset, " does not fit in the ", elements,
                     " elements that are stored; write the file again"));
  }
  return absl::OkStatus();
}

bool IsContiguous(const StridedArray& array) {
  if (IsEmpty(array)) return true;
  const std::vector<int64_t> dense = DenseStrides(array.shape);
  for (size_t i = 0; i < dense.size(); ++i) {
    // Along a dimension of 1 nothing is ever strode.
    if (array.shape[i] != 1 && array.strides[i] != dense[i]) return false;
  }
  return true;
}

absl::StatusOr<std::vector<uint8_t>> MakeContiguous(const StridedArray& array,
                                                    uint64_t max_bytes) {
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t elements, CountElements(array.shape));
  const uint64_t size = ElementBytes(array.type);
  if (static_cast<uint64_t>(elements) > max_bytes / size) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a ", ElementTypeName(array.type), " array of shape (",
                     absl::StrJoin(array.shape, ", "), ") takes more than the ",
                     max_bytes, " bytes that are allowed"));
  }
  std::vector<uint8_t> result(elements * size);
  if (elements == 0) return result;
  const uint8_t* const begin = array.storage.data() + array.offset * size;
  if (IsContiguous(array)) {
    memcpy(result.data(), begin, result.size());
    return result;
  }
  // An odometer over all dimensions but the last, which is the inner loop.
  const size_t outer = array.shape.size() - 1;
  const uint64_t step = array.strides[outer] * size;
  std::vector<int64_t> index(outer, 0);
  uint8_t* to = result.data();
  uint64_t row = 0;  // where it begins, in elements
  while (true) {
    const uint8_t* from = begin + row * size;
    for (int64_t i = 0; i < array.shape[outer]; ++i) {
      memcpy(to, from + i * step, size);
      to += size;
    }
    size_t dimension = outer;
    while (dimension > 0) {
      --dimension;
      row += array.strides[dimension];
      if (++index[dimension] < array.shape[dimension]) break;
      row -= array.strides[dimension] * array.shape[dimension];
      index[dimension] = 0;
      if (dimension == 0) return result;
    }
    if (outer == 0) return result;
  }
}

}  // namespace fairlead
