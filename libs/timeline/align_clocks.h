#ifndef FAIRLEAD_LIBS_TIMELINE_ALIGN_CLOCKS_H_
#define FAIRLEAD_LIBS_TIMELINE_ALIGN_CLOCKS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace fairlead {

// By how much the clock of a trainer is ahead of a storage host's, as one of
// its batches told; see PlaceStages.
struct ClockOffset {
  size_t host = 0;
  std::string trainer;
  int64_t ahead_ns = 0;
  uint64_t error_ns = 0;
};

// Where a storage host's clock stands against others.
struct AlignedClock {
  size_t group = 0;      // hosts that some trainer links; of others nothing is
                         // known
  int64_t shift_ns = 0;  // added to its time, it is that of the group's first
};

// No two hosts need agree on the time, but a trainer that receives from two of
// them knows both. Puts the clocks of `hosts` hosts next to each other through
// such trainers, believing the offset with the smallest error of each.
std::vector<AlignedClock> AlignClocks(size_t hosts,
                                      absl::Span<const ClockOffset> offsets);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TIMELINE_ALIGN_CLOCKS_H_
