#ifndef FAIRLEAD_LIBS_GRAPH_ELEMENT_TYPE_H_
#define FAIRLEAD_LIBS_GRAPH_ELEMENT_TYPE_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace fairlead {

// The numbers that arrays in files consist of. Little-endian.
enum class ElementType : uint8_t {
  kBool,
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kUint64,
  kInt64,
  kFloat16,
  kBFloat16,
  kFloat32,
  kFloat64,
};

uint64_t ElementBytes(ElementType type);

// "int64", "bfloat16": what torch and NumPy call it.
absl::string_view ElementTypeName(ElementType type);
std::optional<ElementType> ParseElementType(absl::string_view name);

// As NpyFile::dtype: "i8", "f4". NumPy has no bfloat16: a file of them is
// "u2", and whoever names the file says what it is.
absl::string_view NpyDtype(ElementType type);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_ELEMENT_TYPE_H_
