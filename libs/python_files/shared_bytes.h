#ifndef FAIRLEAD_LIBS_PYTHON_FILES_SHARED_BYTES_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_SHARED_BYTES_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// Bytes, and what keeps them where they are: a mapped file, or a buffer. Cheap
// to copy; the bytes live as long as any copy does.
struct SharedBytes {
  absl::Span<const uint8_t> span;
  // May be null where the caller keeps the bytes himself.
  std::shared_ptr<const void> owner;
};

// Maps a file read-only. NOT_FOUND if there is none; INVALID_ARGUMENT if it is
// no regular file or cannot be opened. Whoever shortens a file that is mapped
// kills the reader (SIGBUS): replace such files, do not rewrite them.
absl::StatusOr<SharedBytes> MapFile(const std::string& path);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_SHARED_BYTES_H_
