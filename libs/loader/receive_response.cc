#include "libs/loader/receive_response.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/message_lite.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "libs/loader/encoded_batch.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/wire_reading.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

using ::google::protobuf::internal::WireFormatLite;
using ::google::protobuf::io::CodedInputStream;

bool ReadSubmessage(CodedInputStream& input,
                    google::protobuf::MessageLite& message) {
  const std::optional<int> length = ReadLength(input);
  if (!length.has_value()) return false;
  const CodedInputStream::Limit limit = input.PushLimit(*length);
  const bool ok =
      message.MergeFromCodedStream(&input) && input.ConsumedEntireMessage();
  input.PopLimit(limit);
  return ok;
}

absl::StatusOr<bool> ReadBatch(CodedInputStream& input, BufferPool& pool,
                               std::optional<EncodedBatch>& batch) {
  const std::optional<int> length = ReadLength(input);
  if (!length.has_value() || batch.has_value()) return false;
  FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<uint8_t> buffer,
                            pool.Take(*length));
  if (!input.ReadRaw(buffer.get(), *length)) return false;
  batch.emplace();
  batch->bytes = *length;
  batch->buffer = std::move(buffer);
  return true;
}

// False if the bytes are no ReceiveResponse; an error if there is no memory.
absl::StatusOr<bool> ReadResponse(CodedInputStream& input, BufferPool& pool,
                                  v1::ReceiveResponse& rest,
                                  std::optional<EncodedBatch>& batch) {
  while (const uint32_t tag = input.ReadTag()) {
    bool ok = false;
    switch (tag) {
      case LengthDelimited(v1::ReceiveResponse::kDeliveryFieldNumber):
        ok = ReadSubmessage(input, *rest.mutable_delivery());
        break;
      case LengthDelimited(v1::ReceiveResponse::kBatchFieldNumber): {
        FAIRLEAD_ASSIGN_OR_RETURN(ok, ReadBatch(input, pool, batch));
        break;
      }
      case LengthDelimited(v1::ReceiveResponse::kBatchErrorFieldNumber):
        ok = ReadSubmessage(input, *rest.mutable_batch_error());
        break;
      case LengthDelimited(v1::ReceiveResponse::kEpochEndFieldNumber):
        ok = ReadSubmessage(input, *rest.mutable_epoch_end());
        break;
      default:  // a field of a later version
        ok = WireFormatLite::SkipField(&input, tag);
    }
    if (!ok) return false;
  }
  return input.ConsumedEntireMessage();
}

}  // namespace

absl::StatusOr<DecodedResponse> DecodeReceiveResponse(
    grpc::ByteBuffer& response, BufferPool& pool) {
  const size_t response_bytes = response.Length();
  const auto malformed = [&](absl::string_view why) {
    return absl::DataLossError(absl::StrCat("the gateway sent a response of ",
                                            response_bytes, " bytes that ", why,
                                            "; is it of another version?"));
  };
  if (response_bytes > INT32_MAX) return malformed("is over 2 GiB");
  v1::ReceiveResponse rest;
  std::optional<EncodedBatch> batch;
  {
    grpc::ProtoBufferReader reader(&response);
    CodedInputStream input(&reader);
    const CodedInputStream::Limit limit =
        input.PushLimit(static_cast<int>(response_bytes));
    FAIRLEAD_ASSIGN_OR_RETURN(const bool is_response,
                              ReadResponse(input, pool, rest, batch));
    if (!is_response) return malformed("is no ReceiveResponse");
    input.PopLimit(limit);
  }
  DecodedResponse decoded;
  decoded.delivery = rest.delivery();
  if (batch.has_value() ==
      (rest.event_case() != v1::ReceiveResponse::EVENT_NOT_SET)) {
    return malformed("holds not just one event");
  }
  if (batch.has_value()) {
    absl::StatusOr<EncodedBatch> read =
        DecodeBatch(std::move(batch->buffer), batch->bytes);
    if (!read.ok()) {
      return absl::DataLossError(
          absl::StrCat("the gateway sent a batch that cannot be read: ",
                       std::string(read.status().message())));
    }
    decoded.event = *std::move(read);
  } else if (rest.has_batch_error()) {
    decoded.event = std::move(*rest.mutable_batch_error());
  } else {
    decoded.event = std::move(*rest.mutable_epoch_end());
  }
  return decoded;
}

}  // namespace fairlead
