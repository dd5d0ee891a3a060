#ifndef FAIRLEAD_LIBS_EDGE_LIST_BYTE_SOURCE_H_
#define FAIRLEAD_LIBS_EDGE_LIST_BYTE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// Bytes that are read once, from first to last. Thread-compatible.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Up to into.size() of the bytes that come next; 0 at the end only.
  // DATA_LOSS, naming the file, if they cannot be had; after an error there is
  // nothing to read on. REQUIRES !into.empty().
  virtual absl::StatusOr<size_t> Read(absl::Span<char> into) = 0;

  // How far the file has been read, and how long it is; 0 if that is not known
  // (a pipe). Of a compressed file, both count what is on disk.
  virtual uint64_t bytes_read() const = 0;
  virtual uint64_t file_bytes() const = 0;
};

// The bytes of a file as they are. It may be a pipe, /dev/stdin among them.
// NOT_FOUND if there is no such file; INVALID_ARGUMENT if it is a directory or
// may not be read.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenByteSource(
    const std::string& path);

// What `source` holds once it is inflated, or `source` itself if that is no
// gzip, which its first bytes tell. Members that follow each other are read as
// one file. INVALID_ARGUMENT if it is compressed in another way (xz, zstd,
// bzip2, zip); DATA_LOSS, from here or from Read, if the gzip is damaged or
// cut short. The sum of a member is checked at its end, so what was read
// before an error may be damaged too.
absl::StatusOr<std::unique_ptr<ByteSource>> InflateIfGzip(
    std::unique_ptr<ByteSource> source, const std::string& name);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_EDGE_LIST_BYTE_SOURCE_H_
