#include "libs/loader/receive_response.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/message_lite.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

using ::google::protobuf::internal::WireFormatLite;
using ::google::protobuf::io::CodedInputStream;

constexpr uint32_t LengthDelimited(int field) {
  return static_cast<uint32_t>(field) << 3 |
         WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
}

// The length of the field whose tag was just read, if that many bytes follow.
std::optional<int> ReadLength(CodedInputStream& input) {
  int length = 0;
  if (!input.ReadVarintSizeAsInt(&length) || length > input.BytesUntilLimit()) {
    return std::nullopt;
  }
  return length;
}

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

bool ReadBatch(CodedInputStream& input, BufferPool& pool,
               std::optional<EncodedBatch>& batch) {
  const std::optional<int> length = ReadLength(input);
  if (!length.has_value() || batch.has_value()) return false;
  std::shared_ptr<uint8_t> buffer = pool.Take(*length);
  if (!input.ReadRaw(buffer.get(), *length)) return false;
  batch.emplace();
  batch->bytes = *length;
  batch->buffer = std::move(buffer);
  return true;
}

// Node and edge types put their name and a dot in front (parity 6.4).
bool IsSeedTensor(const TensorView& tensor) {
  return tensor.name == "batch" || absl::EndsWith(tensor.name, ".batch");
}

absl::Status Interpret(EncodedBatch& batch) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      batch.message,
      ParseTensorMessage(absl::MakeConstSpan(batch.buffer.get(), batch.bytes)));
  for (const TensorView& tensor : batch.message.tensors) {
    if (!IsSeedTensor(tensor)) continue;
    if (tensor.dtype != v1::DTYPE_INT64 || tensor.shape.size() != 1) {
      return absl::DataLossError(absl::StrCat(
          "tensor \"", tensor.name, "\" is not a list of int64 seed ids"));
    }
    for (size_t at = 0; at < tensor.bytes.size(); at += sizeof(uint64_t)) {
      uint64_t seed = 0;
      std::memcpy(&seed, tensor.bytes.data() + at, sizeof(seed));
      batch.seed_digest += SplitMix64(seed);
    }
    return absl::OkStatus();
  }
  return absl::DataLossError("there is no tensor \"batch\" with the seeds");
}

// False if the bytes are no ReceiveResponse.
bool ReadResponse(CodedInputStream& input, BufferPool& pool,
                  v1::ReceiveResponse& rest,
                  std::optional<EncodedBatch>& batch) {
  while (const uint32_t tag = input.ReadTag()) {
    bool ok = false;
    switch (tag) {
      case LengthDelimited(v1::ReceiveResponse::kDeliveryFieldNumber):
        ok = ReadSubmessage(input, *rest.mutable_delivery());
        break;
      case LengthDelimited(v1::ReceiveResponse::kBatchFieldNumber):
        ok = ReadBatch(input, pool, batch);
        break;
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
    if (!ReadResponse(input, pool, rest, batch)) {
      return malformed("is no ReceiveResponse");
    }
    input.PopLimit(limit);
  }
  DecodedResponse decoded;
  decoded.delivery = rest.delivery();
  if (batch.has_value() ==
      (rest.event_case() != v1::ReceiveResponse::EVENT_NOT_SET)) {
    return malformed("holds not just one event");
  }
  if (batch.has_value()) {
    const absl::Status status = Interpret(*batch);
    if (!status.ok()) {
      return absl::DataLossError(
          absl::StrCat("the gateway sent a batch that cannot be read: ",
                       std::string(status.message())));
    }
    decoded.event = *std::move(batch);
  } else if (rest.has_batch_error()) {
    decoded.event = std::move(*rest.mutable_batch_error());
  } else {
    decoded.event = std::move(*rest.mutable_epoch_end());
  }
  return decoded;
}

}  // namespace fairlead
