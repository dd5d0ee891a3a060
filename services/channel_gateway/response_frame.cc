#include "services/channel_gateway/response_frame.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "services/channel_gateway/delivery.h"

namespace fairlead {
namespace {

using ::google::protobuf::internal::WireFormatLite;
using ::google::protobuf::io::CodedOutputStream;

int FieldOf(ChannelMessageTag::Kind kind) {
  switch (kind) {
    case ChannelMessageTag::Kind::kBatch:
      return v1::ReceiveResponse::kBatchFieldNumber;
    case ChannelMessageTag::Kind::kBatchError:
      return v1::ReceiveResponse::kBatchErrorFieldNumber;
    case ChannelMessageTag::Kind::kEpochEnd:
      break;
  }
  return v1::ReceiveResponse::kEpochEndFieldNumber;
}

// The tag and length that come before `bytes` of a field.
std::string FieldStart(int field, uint64_t bytes) {
  std::string start;
  google::protobuf::io::StringOutputStream stream(&start);
  CodedOutputStream out(&stream);
  out.WriteTag(WireFormatLite::MakeTag(
      field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
  out.WriteVarint64(bytes);
  return start;
}

std::string ReceiveResponseStart(const DeliveredMessage& message,
                                 absl::Duration now, bool timeline) {
  v1::ReceiveResponse stamps;
  stamps.mutable_delivery()->set_received_ns(
      static_cast<uint64_t>(absl::ToInt64Nanoseconds(message.received())));
  stamps.mutable_delivery()->set_sent_ns(
      static_cast<uint64_t>(absl::ToInt64Nanoseconds(now)));
  stamps.mutable_delivery()->set_timeline(timeline);
  return stamps.SerializeAsString() +
         FieldStart(FieldOf(message.tag().kind), message.bytes().size());
}

grpc::ByteBuffer Frame(const std::string& start, DeliveredMessage& message) {
  auto owner = std::make_unique<DeliveredMessage>(std::move(message));
  const absl::Span<const uint8_t> bytes = owner->bytes();
  const grpc::Slice slices[] = {
      grpc::Slice(start),
      // gRPC's slices have no const; the transport only reads.
      grpc::Slice(
          const_cast<uint8_t*>(bytes.data()), bytes.size(),
          [](void* user) { delete static_cast<DeliveredMessage*>(user); },
          owner.release())};
  return grpc::ByteBuffer(slices, 2);
}

}  // namespace

grpc::ByteBuffer FrameReceiveResponse(DeliveredMessage& message,
                                      absl::Duration now, bool timeline) {
  return Frame(ReceiveResponseStart(message, now, timeline), message);
}

grpc::ByteBuffer FrameFetchResponse(DeliveredMessage& message,
                                    absl::Duration now) {
  const std::string inner =
      ReceiveResponseStart(message, now, /*timeline=*/false);
  return Frame(FieldStart(v1::FetchMessageResponse::kMessageFieldNumber,
                          inner.size() + message.bytes().size()) +
                   inner,
               message);
}

}  // namespace fairlead
