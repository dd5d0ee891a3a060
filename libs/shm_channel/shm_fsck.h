#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_SHM_FSCK_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_SHM_FSCK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/shm_channel/shm_channel.h"

namespace fairlead {

// What is in a folder of shared memory, and what of it can go (parity N-13).
struct SegmentReport {
  enum class Kind { kChannel, kDoorbell, kMesh, kNote };

  std::string name;
  Kind kind = Kind::kChannel;
  uint64_t bytes = 0;      // of memory that the file takes
  bool is_orphan = false;  // whoever owned it is dead
  absl::Status status;     // DATA_LOSS of a segment that is damaged
  ShmChannelStats stats;   // of a channel that is not
};

// All segments, by name. NOT_FOUND if there is no such folder.
absl::StatusOr<std::vector<SegmentReport>> InspectSegments(
    absl::string_view directory);

// What can be given back without harm to anybody alive.
struct FreedSegments {
  int orphans = 0;          // files removed
  uint64_t bytes = 0;       // of these
  int reclaimed_slots = 0;  // in live channels, from participants that died
};

// NOT_FOUND if there is no such folder.
absl::StatusOr<FreedSegments> FreeSegments(absl::string_view directory);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_SHM_FSCK_H_
