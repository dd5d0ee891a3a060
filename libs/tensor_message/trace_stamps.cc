#include "libs/tensor_message/trace_stamps.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "absl/types/span.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "libs/tensor_message/wire_reading.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

using ::google::protobuf::internal::WireFormatLite;
using ::google::protobuf::io::CodedInputStream;

std::optional<v1::TraceStamps> ReadTraceStamps(
    absl::Span<const uint8_t> message) {
  const auto size = static_cast<int>(
      std::min<size_t>(message.size(), std::numeric_limits<int>::max()));
  CodedInputStream in(message.data(), size);
  const CodedInputStream::Limit whole = in.PushLimit(size);
  if (in.ReadTag() != LengthDelimited(v1::SampleMessage::kHeaderFieldNumber)) {
    return std::nullopt;
  }
  const std::optional<int> header = ReadLength(in);
  if (!header.has_value()) return std::nullopt;
  const CodedInputStream::Limit message_limit = in.PushLimit(*header);
  std::optional<v1::TraceStamps> stamps;
  while (const uint32_t tag = in.ReadTag()) {
    if (tag != LengthDelimited(v1::MessageHeader::kTraceFieldNumber)) {
      if (!WireFormatLite::SkipField(&in, tag)) break;
      continue;
    }
    const std::optional<int> length = ReadLength(in);
    if (!length.has_value()) break;
    const CodedInputStream::Limit header_limit = in.PushLimit(*length);
    v1::TraceStamps read;
    if (read.MergeFromCodedStream(&in) && in.ConsumedEntireMessage()) {
      stamps = read;
    }
    in.PopLimit(header_limit);
    break;
  }
  in.PopLimit(message_limit);
  in.PopLimit(whole);
  return stamps;
}

}  // namespace fairlead
