#include "libs/graph/element_type.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>

#include "absl/strings/string_view.h"

namespace fairlead {
namespace {

struct ElementInfo {
  absl::string_view name;
  absl::string_view npy;
  uint64_t bytes;
};

// In the order of ElementType.
constexpr ElementInfo kElements[] = {
    {"bool", "b1", 1},    {"uint8", "u1", 1},    {"int8", "i1", 1},
    {"uint16", "u2", 2},  {"int16", "i2", 2},    {"uint32", "u4", 4},
    {"int32", "i4", 4},   {"uint64", "u8", 8},   {"int64", "i8", 8},
    {"float16", "f2", 2}, {"bfloat16", "u2", 2}, {"float32", "f4", 4},
    {"float64", "f8", 8}};

const ElementInfo& Info(ElementType type) {
  return kElements[static_cast<size_t>(type)];
}

}  // namespace

uint64_t ElementBytes(ElementType type) { return Info(type).bytes; }

absl::string_view ElementTypeName(ElementType type) { return Info(type).name; }

absl::string_view NpyDtype(ElementType type) { return Info(type).npy; }

std::optional<ElementType> ParseElementType(absl::string_view name) {
  for (size_t i = 0; i < std::size(kElements); ++i) {
    if (kElements[i].name == name) return static_cast<ElementType>(i);
  }
  return std::nullopt;
}

}  // namespace fairlead
