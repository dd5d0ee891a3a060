#ifndef FAIRLEAD_LIBS_CUDA_ROW_DRAW_H_
#define FAIRLEAD_LIBS_CUDA_ROW_DRAW_H_

#include <cstdint>

#include "libs/cuda/host_device.h"
#include "libs/random/philox.h"

namespace fairlead::cuda {

// What one node draws of its edges at a hop, as libs/sampling draws it, draw by
// draw: the contract is in its README.

struct RowDraw {
  int32_t fanout = 0;    // > 0 that many, -1 all
  bool replace = false;  // each edge more than once
  uint64_t key = 0;      // as RandomStream has them
  uint32_t lane = 0;

  FAIRLEAD_HOST_DEVICE bool TakesAll(int64_t degree) const {
    return fanout < 0 || (!replace && degree <= fanout);
  }

  // How many edges a node with `degree` of them draws.
  FAIRLEAD_HOST_DEVICE int64_t Count(int64_t degree) const {
    return degree == 0 || TakesAll(degree) ? degree : int64_t{fanout};
  }

  // Writes Count(degree) positions, of [first, first + degree), to `out`.
  FAIRLEAD_HOST_DEVICE void Draw(int64_t node, int64_t first, int64_t degree,
                                 int64_t* out) const {
    const int64_t count = Count(degree);
    if (TakesAll(degree)) {
      for (int64_t i = 0; i < count; ++i) out[i] = first + i;
      return;
    }
    RandomStream random(key, static_cast<uint64_t>(node), lane);
    for (int64_t i = 0; i < count; ++i) {
      if (replace) {
        out[i] = first + static_cast<int64_t>(
                             random.Below(static_cast<uint64_t>(degree)));
        continue;
      }
      // Floyd's; what is drawn already is looked through, which is the faster
      // way up to some hundred.
      const int64_t top = degree - count + i;
      const int64_t draw =
          first +
          static_cast<int64_t>(random.Below(static_cast<uint64_t>(top) + 1));
      bool is_taken = false;
      for (int64_t j = 0; j < i && !is_taken; ++j) is_taken = out[j] == draw;
      out[i] = is_taken ? first + top : draw;
    }
  }
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_ROW_DRAW_H_
