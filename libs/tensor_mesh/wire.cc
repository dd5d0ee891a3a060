#include "libs/tensor_mesh/wire.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"

namespace fairlead::internal {
namespace {

static_assert(std::endian::native == std::endian::little);

// No request is as large as this, so sums of its tensors do not overflow.
constexpr uint64_t kMaxTensorBytes = uint64_t{1} << 48;

struct TensorRecord {
  uint64_t key = 0;
  uint64_t bytes = 0;
  uint64_t place = 0;
  uint32_t dtype = 0;
  uint32_t dimensions = 0;
  int64_t shape[kMeshMaxDimensions] = {};
};
static_assert(sizeof(TensorRecord) == 96);

struct RequestRecord {
  uint32_t pushes = 0;
  uint32_t pulls = 0;
};

struct ReplyRecord {
  uint32_t code = 0;
  uint32_t text_bytes = 0;
  int64_t stamps[4] = {};
};
static_assert(sizeof(FrameHeader) + sizeof(ReplyRecord) + kMaxReplyText ==
              kMaxReplyFrame);

template <typename Record>
void Append(const Record& record, std::string& frame) {
  frame.append(reinterpret_cast<const char*>(&record), sizeof(record));
}

// Takes a record from the front; false if there is too little.
template <typename Record>
bool Take(absl::Span<const uint8_t>& bytes, Record& record) {
  if (bytes.size() < sizeof(record)) return false;
  std::memcpy(&record, bytes.data(), sizeof(record));
  bytes.remove_prefix(sizeof(record));
  return true;
}

std::string StartFrame(FrameKind kind, size_t body_bytes,
                       uint64_t payload_bytes = 0, uint64_t id = 0) {
  std::string frame;
  frame.reserve(sizeof(FrameHeader) + body_bytes);
  Append(FrameHeader{.kind = kind,
                     .body_bytes = static_cast<uint32_t>(body_bytes),
                     .payload_bytes = payload_bytes,
                     .id = id},
         frame);
  return frame;
}

void AppendTensors(absl::Span<const WireTensor> tensors, std::string& frame) {
  for (const WireTensor& tensor : tensors) {
    TensorRecord record{
        .key = tensor.key,
        .bytes = tensor.bytes,
        .place = tensor.place,
        .dtype = static_cast<uint32_t>(tensor.dtype),
        .dimensions = static_cast<uint32_t>(tensor.shape.size())};
    std::copy(tensor.shape.begin(), tensor.shape.end(), record.shape);
    Append(record, frame);
  }
}

absl::StatusOr<std::vector<WireTensor>> TakeTensors(
    absl::Span<const uint8_t>& body, uint32_t count) {
  std::vector<WireTensor> tensors(count);
  for (WireTensor& tensor : tensors) {
    TensorRecord record;
    if (!Take(body, record) || record.dimensions > kMeshMaxDimensions ||
        record.bytes > kMaxTensorBytes) {
      return absl::DataLossError("a tensor of a request is damaged");
    }
    tensor = {
        .key = record.key,
        .bytes = record.bytes,
        .place = record.place,
        .dtype = static_cast<v1::DType>(record.dtype),
        .shape = MeshShape(record.shape, record.shape + record.dimensions)};
    const absl::Status checked =
        CheckMeshTensor(tensor.dtype, tensor.shape, tensor.bytes);
    if (!checked.ok()) {
      return absl::DataLossError(
          absl::StrCat("a tensor of a request: ", checked.message()));
    }
  }
  return tensors;
}

}  // namespace

absl::StatusOr<FrameHeader> ParseHeader(const uint8_t* bytes) {
  FrameHeader header;
  std::memcpy(&header, bytes, sizeof(header));
  if (header.magic != kMeshMagic || header.version != kMeshVersion) {
    return absl::DataLossError("it does not speak this version of the mesh");
  }
  if (header.kind < FrameKind::kHello || header.kind > FrameKind::kGoodbye ||
      header.body_bytes > kMaxBodyBytes || header.zero != 0) {
    return absl::DataLossError("a frame's header is damaged");
  }
  return header;
}

std::string EncodeRequest(uint64_t id, const WireRequest& request,
                          uint64_t payload_bytes) {
  const size_t tensors = request.pushes.size() + request.pulls.size();
  std::string frame =
      StartFrame(FrameKind::kRequest,
                 sizeof(RequestRecord) + tensors * sizeof(TensorRecord),
                 payload_bytes, id);
  Append(RequestRecord{.pushes = static_cast<uint32_t>(request.pushes.size()),
                       .pulls = static_cast<uint32_t>(request.pulls.size())},
         frame);
  AppendTensors(request.pushes, frame);
  AppendTensors(request.pulls, frame);
  return frame;
}

std::string EncodeReply(uint64_t id, const WireReply& reply,
                        uint64_t payload_bytes) {
  const absl::string_view text =
      absl::string_view(reply.status.message()).substr(0, kMaxReplyText);
  std::string frame = StartFrame(
      FrameKind::kReply, sizeof(ReplyRecord) + text.size(), payload_bytes, id);
  ReplyRecord record{.code = static_cast<uint32_t>(reply.status.raw_code()),
                     .text_bytes = static_cast<uint32_t>(text.size())};
  std::copy(reply.stamps.begin(), reply.stamps.end(), record.stamps);
  Append(record, frame);
  frame.append(text.data(), text.size());
  return frame;
}

std::string EncodeHello(const WireHello& hello) {
  std::string frame =
      StartFrame(FrameKind::kHello, sizeof(hello.worker) + sizeof(hello.life) +
                                        hello.token.size());
  Append(hello.worker, frame);
  Append(hello.life, frame);
  return frame + hello.token;
}

std::string EncodeReceiveBuffer(const WireReceiveBuffer& buffer) {
  std::string frame = StartFrame(FrameKind::kReceiveBuffer, sizeof(buffer));
  Append(buffer, frame);
  return frame;
}

std::string EncodeEmpty(FrameKind kind) { return StartFrame(kind, 0); }

absl::StatusOr<WireRequest> ParseRequest(absl::Span<const uint8_t> body) {
  RequestRecord record;
  if (!Take(body, record) ||
      uint64_t{record.pushes} + record.pulls > kMaxMessagesOfRequest) {
    return absl::DataLossError("a request is damaged");
  }
  WireRequest request;
  FAIRLEAD_ASSIGN_OR_RETURN(request.pushes, TakeTensors(body, record.pushes));
  FAIRLEAD_ASSIGN_OR_RETURN(request.pulls, TakeTensors(body, record.pulls));
  if (!body.empty()) return absl::DataLossError("a request is too long");
  return request;
}

absl::StatusOr<WireReply> ParseReply(absl::Span<const uint8_t> body) {
  ReplyRecord record;
  if (!Take(body, record) || record.text_bytes != body.size() ||
      record.text_bytes > kMaxReplyText ||
      record.code > static_cast<uint32_t>(absl::StatusCode::kUnauthenticated)) {
    return absl::DataLossError("a reply is damaged");
  }
  WireReply reply;
  if (record.code != 0) {
    reply.status = absl::Status(
        static_cast<absl::StatusCode>(record.code),
        absl::string_view(reinterpret_cast<const char*>(body.data()),
                          body.size()));
  }
  std::copy(record.stamps, record.stamps + 4, reply.stamps.begin());
  return reply;
}

absl::StatusOr<WireHello> ParseHello(absl::Span<const uint8_t> body) {
  WireHello hello;
  if (!Take(body, hello.worker) || !Take(body, hello.life)) {
    return absl::DataLossError("a hello is damaged");
  }
  hello.token.assign(body.begin(), body.end());
  return hello;
}

absl::StatusOr<WireReceiveBuffer> ParseReceiveBuffer(
    absl::Span<const uint8_t> body) {
  WireReceiveBuffer buffer;
  if (!Take(body, buffer) || !body.empty()) {
    return absl::DataLossError("a receive buffer's frame is damaged");
  }
  return buffer;
}

uint64_t TotalBytes(absl::Span<const WireTensor> tensors) {
  uint64_t bytes = 0;
  for (const WireTensor& tensor : tensors) bytes += tensor.bytes;
  return bytes;
}

}  // namespace fairlead::internal
