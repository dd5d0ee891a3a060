#include "libs/tensor_mesh/byte_ring.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fairlead::internal {
namespace {

// A frame: its length, its bytes, and nothing up to the next multiple of 8.
constexpr uint64_t kLengthBytes = sizeof(uint64_t);

uint64_t Extent(uint64_t frame_bytes) {
  return kLengthBytes + (frame_bytes + 7) / 8 * 8;
}

}  // namespace

bool ByteRingWriter::HasRoom(uint64_t frame_bytes, uint64_t spare) const {
  const uint64_t used = written_ - header_.read.load(std::memory_order_acquire);
  return used <= data_.size() && Extent(frame_bytes) <= data_.size() - used &&
         spare <= data_.size() - used - Extent(frame_bytes);
}

void ByteRingWriter::Write(absl::string_view frame) {
  const uint64_t bytes = frame.size();
  Copy(written_, &bytes, kLengthBytes);
  Copy(written_ + kLengthBytes, frame.data(), bytes);
  written_ += Extent(bytes);
  header_.written.store(written_, std::memory_order_release);
}

void ByteRingWriter::Copy(uint64_t position, const void* bytes,
                          uint64_t count) {
  const uint64_t begin = position & (data_.size() - 1);
  const uint64_t first = std::min<uint64_t>(count, data_.size() - begin);
  const auto* from = static_cast<const uint8_t*>(bytes);
  std::memcpy(data_.data() + begin, from, first);
  std::memcpy(data_.data(), from + first, count - first);
}

absl::StatusOr<bool> ByteRingReader::Read(std::vector<uint8_t>& frame) {
  const uint64_t available =
      header_.written.load(std::memory_order_acquire) - read_;
  if (available == 0) return false;
  uint64_t bytes = 0;
  if (available >= kLengthBytes && available <= data_.size()) {
    Copy(read_, &bytes, kLengthBytes);
  }
  if (bytes == 0 || bytes > data_.size() || Extent(bytes) > available) {
    return absl::DataLossError("what is in the ring is no frame");
  }
  frame.resize(bytes);
  Copy(read_ + kLengthBytes, frame.data(), bytes);
  read_ += Extent(bytes);
  header_.read.store(read_, std::memory_order_release);
  return true;
}

void ByteRingReader::Copy(uint64_t position, void* bytes,
                          uint64_t count) const {
  const uint64_t begin = position & (data_.size() - 1);
  const uint64_t first = std::min<uint64_t>(count, data_.size() - begin);
  auto* to = static_cast<uint8_t*>(bytes);
  std::memcpy(to, data_.data() + begin, first);
  std::memcpy(to + first, data_.data(), count - first);
}

}  // namespace fairlead::internal
