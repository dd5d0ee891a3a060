#ifndef FAIRLEAD_LIBS_TENSOR_MESSAGE_WIRE_READING_H_
#define FAIRLEAD_LIBS_TENSOR_MESSAGE_WIRE_READING_H_

#include <cstdint>
#include <optional>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace fairlead {

// For readers that take some fields of a message off the wire, and leave its
// tensors where they are.

constexpr uint32_t LengthDelimited(int field) {
  return static_cast<uint32_t>(field) << 3 |
         google::protobuf::internal::WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
}

// The length of the field whose tag was just read, if that many bytes follow.
inline std::optional<int> ReadLength(
    google::protobuf::io::CodedInputStream& input) {
  int length = 0;
  if (!input.ReadVarintSizeAsInt(&length) || length > input.BytesUntilLimit()) {
    return std::nullopt;
  }
  return length;
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESSAGE_WIRE_READING_H_
