#include "libs/tensor_message/tensor_message.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/wire_format_lite.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "xxhash.h"

namespace fairlead {
namespace {

using ::google::protobuf::internal::WireFormatLite;
using ::google::protobuf::io::CodedInputStream;
using ::google::protobuf::io::CodedOutputStream;

constexpr uint64_t kMaxMessageBytes = (uint64_t{1} << 31) - 1;

constexpr uint32_t LengthDelimited(int field) {
  return WireFormatLite::MakeTag(field,
                                 WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}

uint64_t AlignUp(uint64_t bytes) {
  return (bytes + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
}

// Bytes of a tensor, or an error if the shape makes no sense or is too large.
absl::StatusOr<uint64_t> TensorBytes(v1::DType dtype,
                                     absl::Span<const int64_t> shape) {
  uint64_t bytes = DTypeSize(dtype);
  if (bytes == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("dtype ", dtype, " is not known"));
  }
  bool is_empty = false;
  for (const int64_t dimension : shape) {
    if (dimension < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("dimension ", dimension, " is negative"));
    }
    if (dimension == 0) {
      // The others are still held to the limit: who computes strides from them
      // multiplies them all the same.
      is_empty = true;
      continue;
    }
    if (static_cast<uint64_t>(dimension) > kMaxMessageBytes / bytes) {
      return absl::ResourceExhaustedError("is larger than 2 GiB");
    }
    bytes *= static_cast<uint64_t>(dimension);
  }
  return is_empty ? 0 : bytes;
}

bool IsAllZeros(absl::Span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](uint8_t byte) { return byte == 0; });
}

// fixed64 fields are left out when 0, so stamps that are to be overwritten in
// place must all be there: each field is a tag and eight bytes.
constexpr int kStamps = 5;
constexpr uint64_t kStampBytes = 1 + sizeof(uint64_t);

v1::TraceStamps AllStamps(uint64_t value) {
  v1::TraceStamps stamps;
  stamps.set_queued_ns(value);
  stamps.set_started_ns(value);
  stamps.set_sampled_ns(value);
  stamps.set_features_ns(value);
  stamps.set_committed_ns(value);
  return stamps;
}

}  // namespace

uint64_t DTypeSize(v1::DType dtype) {
  switch (dtype) {
    case v1::DTYPE_BOOL:
    case v1::DTYPE_UINT8:
    case v1::DTYPE_INT8:
      return 1;
    case v1::DTYPE_INT16:
    case v1::DTYPE_FLOAT16:
    case v1::DTYPE_BFLOAT16:
      return 2;
    case v1::DTYPE_INT32:
    case v1::DTYPE_FLOAT32:
      return 4;
    case v1::DTYPE_INT64:
    case v1::DTYPE_FLOAT64:
      return 8;
    default:
      return 0;
  }
}

absl::StatusOr<MessageLayout> MessageLayout::Plan(
    v1::MessageHeader header, absl::Span<const TensorSpec> specs) {
  MessageLayout layout;
  header.clear_tensors();
  *header.mutable_trace() = AllStamps(1);
  std::set<absl::string_view> names;
  for (const TensorSpec& spec : specs) {
    if (spec.name.empty() || !names.insert(spec.name).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor \"", spec.name, "\": every name must be there, and once"));
    }
    const absl::StatusOr<uint64_t> bytes = TensorBytes(spec.dtype, spec.shape);
    if (!bytes.ok()) {
      return absl::Status(bytes.status().code(),
                          absl::StrCat("tensor \"", spec.name,
                                       "\": ", bytes.status().message()));
    }
    const uint64_t offset = AlignUp(layout.payload_bytes_);
    layout.tensors_.push_back({offset, *bytes});
    layout.payload_bytes_ = offset + *bytes;
    if (layout.payload_bytes_ > kMaxMessageBytes) {
      return absl::ResourceExhaustedError(
          "the batch is larger than a message may be (2 GiB); lower batch_size "
          "or fanout");
    }
    v1::TensorMeta* meta = header.add_tensors();
    meta->set_name(spec.name);
    meta->set_dtype(spec.dtype);
    meta->mutable_shape()->Add(spec.shape.begin(), spec.shape.end());
    meta->set_offset(offset);
  }

  const std::string encoded_header = header.SerializeAsString();
  {
    google::protobuf::io::StringOutputStream stream(&layout.frame_);
    CodedOutputStream out(&stream);
    out.WriteTag(LengthDelimited(v1::SampleMessage::kHeaderFieldNumber));
    out.WriteVarint32(static_cast<uint32_t>(encoded_header.size()));
    out.WriteString(encoded_header);
    // After the padding come the payload's tag and length; the padding itself
    // has a tag and a length of one byte, since it is shorter than 128.
    const uint64_t before_padding = static_cast<uint64_t>(out.ByteCount()) + 2;
    const uint64_t after_padding =
        1 + CodedOutputStream::VarintSize64(layout.payload_bytes_);
    const uint64_t padding = AlignUp(before_padding + after_padding) -
                             (before_padding + after_padding);
    out.WriteTag(LengthDelimited(v1::SampleMessage::kPaddingFieldNumber));
    out.WriteVarint32(static_cast<uint32_t>(padding));
    out.WriteString(std::string(padding, '\0'));
    out.WriteTag(LengthDelimited(v1::SampleMessage::kPayloadFieldNumber));
    out.WriteVarint64(layout.payload_bytes_);
  }
  layout.payload_offset_ = layout.frame_.size();
  if (layout.total_bytes() > kMaxMessageBytes) {
    return absl::ResourceExhaustedError(
        "the batch is larger than a message may be (2 GiB); lower batch_size "
        "or fanout");
  }
  // The stamps' own bytes are all alike and in one run, so they can be found.
  const std::string stamps = AllStamps(1).SerializeAsString();
  layout.trace_offset_ = layout.frame_.find(stamps);
  return layout;
}

void MessageLayout::WriteFrame(absl::Span<uint8_t> message) const {
  std::memcpy(message.data(), frame_.data(), frame_.size());
  uint64_t written = 0;
  for (const Extent& tensor : tensors_) {
    std::memset(message.data() + payload_offset_ + written, 0,
                tensor.offset - written);
    written = tensor.offset + tensor.bytes;
  }
}

absl::Span<uint8_t> MessageLayout::tensor_bytes(absl::Span<uint8_t> message,
                                                int i) const {
  const Extent& tensor = tensors_[static_cast<size_t>(i)];
  return message.subspan(payload_offset_ + tensor.offset, tensor.bytes);
}

void MessageLayout::Stamp(absl::Span<uint8_t> message,
                          const v1::TraceStamps& trace) const {
  const uint64_t stamps[kStamps] = {trace.queued_ns(), trace.started_ns(),
                                    trace.sampled_ns(), trace.features_ns(),
                                    trace.committed_ns()};
  uint8_t* at = message.data() + trace_offset_;
  for (const uint64_t stamp : stamps) {
    CodedOutputStream::WriteLittleEndian64ToArray(stamp, at + 1);
    at += kStampBytes;
  }
}

const TensorView* TensorMessage::Find(absl::string_view name) const {
  const auto it = std::find_if(
      tensors.begin(), tensors.end(),
      [name](const TensorView& tensor) { return tensor.name == name; });
  return it == tensors.end() ? nullptr : &*it;
}

absl::StatusOr<TensorMessage> ParseTensorMessage(
    absl::Span<const uint8_t> message) {
  const auto lost = [](absl::string_view why) {
    return absl::DataLossError(absl::StrCat("message: ", why));
  };
  if (message.size() > kMaxMessageBytes) return lost("is larger than 2 GiB");
  CodedInputStream in(message.data(), static_cast<int>(message.size()));
  const auto read_length = [&in, &message](int field, uint64_t* length) {
    uint64_t value = 0;
    if (in.ReadTag() != LengthDelimited(field) || !in.ReadVarint64(&value) ||
        value > message.size() - static_cast<uint64_t>(in.CurrentPosition())) {
      return false;
    }
    *length = value;
    return true;
  };
  uint64_t length = 0;
  if (!read_length(v1::SampleMessage::kHeaderFieldNumber, &length)) {
    return lost("does not begin with a header of its own length");
  }
  TensorMessage parsed;
  if (!parsed.header.ParseFromArray(message.data() + in.CurrentPosition(),
                                    static_cast<int>(length))) {
    return lost("its header is no MessageHeader");
  }
  in.Skip(static_cast<int>(length));
  if (!read_length(v1::SampleMessage::kPaddingFieldNumber, &length)) {
    return lost("no padding behind its header");
  }
  if (length >= kTensorAlignment ||
      !IsAllZeros(
          message.subspan(static_cast<size_t>(in.CurrentPosition()), length))) {
    return lost("its padding is not a few zeros");
  }
  in.Skip(static_cast<int>(length));
  if (!read_length(v1::SampleMessage::kPayloadFieldNumber, &length)) {
    return lost("no payload behind its padding");
  }
  const uint64_t payload_offset = static_cast<uint64_t>(in.CurrentPosition());
  if (payload_offset % kTensorAlignment != 0) {
    return lost("its payload is not aligned to 64 bytes");
  }
  if (payload_offset + length != message.size()) {
    return lost("does not end with its payload");
  }
  const absl::Span<const uint8_t> payload =
      message.subspan(payload_offset, length);

  uint64_t free_from = 0;  // tensors stand in order and do not overlap
  std::set<absl::string_view> names;
  parsed.tensors.reserve(static_cast<size_t>(parsed.header.tensors_size()));
  for (const v1::TensorMeta& meta : parsed.header.tensors()) {
    const auto bad = [&](absl::string_view why) {
      return lost(absl::StrCat("tensor \"", meta.name(), "\": ", why));
    };
    const absl::StatusOr<uint64_t> bytes = TensorBytes(
        meta.dtype(),
        absl::MakeConstSpan(meta.shape().data(),
                            static_cast<size_t>(meta.shape_size())));
    if (!bytes.ok()) return bad(bytes.status().message());
    if (meta.name().empty() || !names.insert(meta.name()).second) {
      return bad("is not the only one of its name");
    }
    if (meta.offset() % kTensorAlignment != 0 || meta.offset() < free_from ||
        meta.offset() > payload.size() ||
        *bytes > payload.size() - meta.offset()) {
      return bad(absl::StrCat("its ", *bytes, " bytes at ", meta.offset(),
                              " are misplaced in a payload of ",
                              payload.size()));
    }
    if (!IsAllZeros(payload.subspan(free_from, meta.offset() - free_from))) {
      return bad("the bytes before it are not zeros");
    }
    free_from = meta.offset() + *bytes;
    parsed.tensors.push_back({meta.name(),
                              meta.dtype(),
                              {meta.shape().begin(), meta.shape().end()},
                              payload.subspan(meta.offset(), *bytes)});
  }
  if (free_from != payload.size()) {
    return lost("its payload does not end with its last tensor");
  }
  return parsed;
}

uint64_t ContentDigest(const TensorMessage& message) {
  const uint64_t place[2] = {message.header.epoch(),
                             message.header.batch_index()};
  const uint64_t seed = XXH3_64bits(place, sizeof(place));
  uint64_t sum = seed;
  for (const TensorView& tensor : message.tensors) {
    std::string what = absl::StrCat(tensor.name, "\n", tensor.dtype);
    for (const int64_t dimension : tensor.shape) {
      absl::StrAppend(&what, "\n", dimension);
    }
    const uint64_t meta = XXH3_64bits_withSeed(what.data(), what.size(), seed);
    sum += XXH3_64bits_withSeed(tensor.bytes.data(), tensor.bytes.size(), meta);
  }
  return sum;
}

}  // namespace fairlead
