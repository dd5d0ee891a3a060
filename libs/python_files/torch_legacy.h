#ifndef FAIRLEAD_LIBS_PYTHON_FILES_TORCH_LEGACY_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_TORCH_LEGACY_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/python_files/strided_array.h"

namespace fairlead {

// Whether these bytes begin as torch.save wrote before 1.6, and still writes
// the storage of a tensor that is pickled by itself.
bool IsLegacyTorch(absl::Span<const uint8_t> bytes);

struct LegacyStorage {
  ElementType type = ElementType::kUint8;
  absl::Span<const uint8_t> bytes;
  uint64_t pickle_bytes = 0;  // how long what comes before them was
};

// Reads the old format with one storage in it. DATA_LOSS if it is malformed;
// INVALID_ARGUMENT if it is from a big-endian machine. A part of pickle_reader.
absl::StatusOr<LegacyStorage> ParseLegacyStorage(
    absl::Span<const uint8_t> bytes);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_TORCH_LEGACY_H_
