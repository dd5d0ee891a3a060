#ifndef FAIRLEAD_TOOLS_DATASET_ARRAYS_HALF_H_
#define FAIRLEAD_TOOLS_DATASET_ARRAYS_HALF_H_

#include <cmath>
#include <cstdint>

namespace fairlead {

// The value of an IEEE 754 number of half precision, by its bits.
inline float HalfToFloat(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  float value = 0;
  if (exponent == 31) {
    value = fraction == 0 ? INFINITY : NAN;
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    value = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  }
  return (half & 0x8000) != 0 ? -value : value;
}

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_ARRAYS_HALF_H_
