#include "tools/dataset/export/to_float.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/types/span.h"
#include "libs/graph/element_type.h"
#include "tools/dataset/arrays/half.h"

namespace fairlead {
namespace {

float BFloat16ToFloat(uint16_t half) {
  return std::bit_cast<float>(uint32_t{half} << 16);
}

template <typename T, typename ToFloat>
void Convert(const uint8_t* row, absl::Span<float> out, ToFloat to_float) {
  for (size_t i = 0; i < out.size(); ++i) {
    T element;
    std::memcpy(&element, row + i * sizeof(T), sizeof(T));
    out[i] = to_float(element);
  }
}

}  // namespace

void RowToFloat(ElementType type, const uint8_t* row,
                absl::Span<const float> scale, absl::Span<float> out) {
  const auto cast = [](auto element) { return static_cast<float>(element); };
  switch (type) {
    case ElementType::kFloat16:
      Convert<uint16_t>(row, out, HalfToFloat);
      break;
    case ElementType::kBFloat16:
      Convert<uint16_t>(row, out, BFloat16ToFloat);
      break;
    case ElementType::kInt8:
      Convert<int8_t>(row, out, cast);
      break;
    case ElementType::kUint8:
      Convert<uint8_t>(row, out, cast);
      break;
    case ElementType::kInt64:
      Convert<int64_t>(row, out, cast);
      break;
    default:
      Convert<float>(row, out, cast);
  }
  if (scale.empty()) return;
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] *= scale.size() == 1 ? scale[0] : scale[i];
  }
}

}  // namespace fairlead
