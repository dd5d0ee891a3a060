#ifndef FAIRLEAD_LIBS_PYTHON_FILES_INFLATE_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_INFLATE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/python_files/shared_bytes.h"

namespace fairlead {

// What a zip file's members are packed with, by zlib. A part of zip_reader.

// The `bytes` bytes that `deflated` (raw, without zlib's header) stands for.
// DATA_LOSS, which says what is wrong, if these are not exactly what comes of
// it; it allocates nothing for what deflate cannot have packed so small.
// RESOURCE_EXHAUSTED if there is no memory.
absl::StatusOr<SharedBytes> Inflate(absl::Span<const uint8_t> deflated,
                                    uint64_t bytes);

uint32_t Crc32(absl::Span<const uint8_t> bytes);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_INFLATE_H_
