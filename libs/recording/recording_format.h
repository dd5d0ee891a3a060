#ifndef FAIRLEAD_LIBS_RECORDING_RECORDING_FORMAT_H_
#define FAIRLEAD_LIBS_RECORDING_RECORDING_FORMAT_H_

#include <cstdint>

// What protos/fairlead/v1/recording.proto says of the file.
namespace fairlead {

inline constexpr char kRecordingMagic[] = "FLREC01\n";
inline constexpr uint64_t kRecordingMagicBytes = sizeof(kRecordingMagic) - 1;

enum class RecordingFrameKind : uint64_t { kHeader = 1, kBatch = 2, kEnd = 3 };

// As it lies in the file: every host that we build for is little-endian.
struct RecordingFrame {
  uint64_t kind;
  uint64_t bytes;
  uint64_t checksum;
};
static_assert(sizeof(RecordingFrame) == 24);

// A RecordingEnd: two tags and two fixed64, none of which is left out but
// where it is 0.
inline constexpr uint64_t kMostRecordingEndBytes = 18;

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_RECORDING_RECORDING_FORMAT_H_
