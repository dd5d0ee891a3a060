#ifndef FAIRLEAD_LIBS_PYTHON_FILES_STRIDED_ARRAY_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_STRIDED_ARRAY_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/element_type.h"

namespace fairlead {

// An array inside a block of bytes: a torch tensor over its storage, a NumPy
// array over its buffer. Plain data, that points into bytes which its source
// keeps.
struct StridedArray {
  ElementType type = ElementType::kFloat32;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // in elements; as many as `shape`
  int64_t offset = 0;            // of the first element, in elements
  // Not aligned to anything: memcpy, or MakeContiguous.
  absl::Span<const uint8_t> storage;
};

// Most dimensions of an array, as in torch and NumPy.
inline constexpr size_t kMaxDimensions = 64;

// The strides of a dense array of that shape, the last index running fastest
// (C), or the first (Fortran). REQUIRES that its elements can be counted.
std::vector<int64_t> DenseStrides(absl::Span<const int64_t> shape,
                                  bool fortran = false);

// The number of elements. DATA_LOSS if a dimension is negative or an int64
// cannot count them.
absl::StatusOr<int64_t> CountElements(absl::Span<const int64_t> shape);

// DATA_LOSS unless each element is inside `storage`. Every array that a reader
// of this folder gives has passed.
absl::Status CheckBounds(const StridedArray& array);

// Whether the elements lie one after another, the last index running fastest.
// REQUIRES CheckBounds.
bool IsContiguous(const StridedArray& array);

// The elements one after another, the last index running fastest; aligned for
// any of them. REQUIRES CheckBounds. RESOURCE_EXHAUSTED if that takes more than
// `max_bytes`: an array with strides of 0 is larger than its storage, without
// limit.
absl::StatusOr<std::vector<uint8_t>> MakeContiguous(const StridedArray& array,
                                                    uint64_t max_bytes);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_STRIDED_ARRAY_H_
