#ifndef FAIRLEAD_LIBS_SAMPLING_UNIT_REAL_H_
#define FAIRLEAD_LIBS_SAMPLING_UNIT_REAL_H_

#include "libs/random/philox.h"

namespace fairlead {

// Uniform in [0, 1): a multiple of 2^-53, each as likely as any other. Takes
// two words of the stream.
inline double DrawUnitReal(RandomStream& random) {
  return static_cast<double>(random.Next64() >> 11) * 0x1p-53;
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_UNIT_REAL_H_
