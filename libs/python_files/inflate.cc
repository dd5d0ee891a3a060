#include "libs/python_files/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/shared_bytes.h"

namespace fairlead {
namespace {

// Deflate cannot do better: two bits for 258 bytes.
constexpr uint64_t kMaxRatio = 1032;

// zlib counts in 32 bits.
constexpr uint64_t kChunkBytes = uint64_t{1} << 30;

}  // namespace

absl::StatusOr<SharedBytes> Inflate(absl::Span<const uint8_t> deflated,
                                    uint64_t bytes) {
  const auto inflates_to = [&](absl::string_view what) {
    return absl::DataLossError(absl::StrCat("does not inflate to the ", bytes,
                                            " bytes it says: ", what));
  };
  if (bytes / kMaxRatio > deflated.size()) {
    return inflates_to(
        absl::StrCat(deflated.size(), " deflated bytes cannot hold as many"));
  }
  // One byte more shows whether there is more.
  const uint64_t room = bytes + 1;
  const std::shared_ptr<uint8_t[]> buffer(new (std::nothrow) uint8_t[room]);
  if (buffer == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory to inflate it to ", bytes, " bytes"));
  }
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {  // raw: no zlib header
    return absl::ResourceExhaustedError("no memory to inflate");
  }
  int result = Z_OK;
  uint64_t read = 0;
  uint64_t written = 0;
  while (result == Z_OK) {
    const auto in =
        static_cast<uInt>(std::min(deflated.size() - read, kChunkBytes));
    const auto out = static_cast<uInt>(std::min(room - written, kChunkBytes));
    stream.next_in = const_cast<uint8_t*>(deflated.data()) + read;
    stream.avail_in = in;
    stream.next_out = buffer.get() + written;
    stream.avail_out = out;
    result = inflate(&stream, Z_NO_FLUSH);
    read += in - stream.avail_in;
    written += out - stream.avail_out;
  }
  inflateEnd(&stream);
  // (Z_BUF_ERROR: the input has ended too early, or the room is full.)
  if (written > bytes) return inflates_to("there are more");
  if (result == Z_BUF_ERROR) return inflates_to("it is cut short");
  if (result != Z_STREAM_END) return inflates_to("it is damaged");
  if (written != bytes || read != deflated.size()) {
    return inflates_to(absl::StrCat("there are ", written, ", from ", read,
                                    " of ", deflated.size(),
                                    " deflated bytes"));
  }
  return SharedBytes{{buffer.get(), bytes}, buffer};
}

uint32_t Crc32(absl::Span<const uint8_t> bytes) {
  uLong crc = crc32(0, nullptr, 0);
  while (!bytes.empty()) {
    const auto chunk = bytes.subspan(0, kChunkBytes);
    crc = crc32(crc, chunk.data(), static_cast<uInt>(chunk.size()));
    bytes.remove_prefix(chunk.size());
  }
  return static_cast<uint32_t>(crc);
}

}  // namespace fairlead
