#ifndef FAIRLEAD_LIBS_TENSOR_MESH_BYTE_RING_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_BYTE_RING_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace fairlead::internal {

// Frames of bytes from one writer to one reader through shared memory, in
// order, without a lock. Neither end believes the other: what it reads of the
// other's position is checked, and its own it keeps to itself.
//
// What stands before the data in the segment.
struct ByteRingHeader {
  alignas(64) std::atomic<uint64_t> written{0};
  alignas(64) std::atomic<uint64_t> read{0};
};

// Thread-compatible, each.
class ByteRingWriter {
 public:
  // REQUIRES that data.size() is a power of two. The header is fresh.
  ByteRingWriter(ByteRingHeader& header, absl::Span<uint8_t> data)
      : header_(header), data_(data) {}

  // Whether a frame of so many bytes, and `spare` more bytes, have room.
  bool HasRoom(uint64_t frame_bytes, uint64_t spare = 0) const;

  // REQUIRES HasRoom(frame.size()).
  void Write(absl::string_view frame);

 private:
  void Copy(uint64_t position, const void* bytes, uint64_t count);

  ByteRingHeader& header_;
  const absl::Span<uint8_t> data_;
  uint64_t written_ = 0;
};

class ByteRingReader {
 public:
  ByteRingReader(ByteRingHeader& header, absl::Span<const uint8_t> data)
      : header_(header), data_(data) {}

  // Copies the next frame to `frame`; false if there is none. DATA_LOSS if
  // what stands there is no frame.
  absl::StatusOr<bool> Read(std::vector<uint8_t>& frame);

 private:
  void Copy(uint64_t position, void* bytes, uint64_t count) const;

  ByteRingHeader& header_;
  const absl::Span<const uint8_t> data_;
  uint64_t read_ = 0;
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_BYTE_RING_H_
