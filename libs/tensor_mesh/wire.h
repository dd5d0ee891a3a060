#ifndef FAIRLEAD_LIBS_TENSOR_MESH_WIRE_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_WIRE_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/tensor_mesh/mesh_tensor.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead::internal {

// What crosses between a worker and a server, the same for every transport:
// a header, a body, and, where the transport is a stream, a payload. All
// numbers are little-endian. A request or a reply is one frame, so there is
// nothing that could be left half open (parity W-55).

inline constexpr uint32_t kMeshMagic = 0x4D534C46;  // "FLSM"
inline constexpr uint16_t kMeshVersion = 2;
inline constexpr uint32_t kMaxBodyBytes = 1 << 20;
inline constexpr size_t kMaxMessagesOfRequest = 4096;

enum class FrameKind : uint16_t {
  kHello = 1,          // worker, once: who it is, and the server's token
  kWelcome = 2,        // server's answer to that
  kRequest = 3,        // a PushPull
  kReply = 4,          // its answer
  kReceiveBuffer = 5,  // server: where pushes of a key are to go; shm only
  kGoodbye = 6,        // the peer ends, and has sent all it will send
};

struct FrameHeader {
  uint32_t magic = kMeshMagic;
  uint16_t version = kMeshVersion;
  FrameKind kind{};
  uint32_t body_bytes = 0;
  uint32_t zero = 0;
  uint64_t payload_bytes = 0;
  uint64_t id = 0;  // of the request
};
static_assert(sizeof(FrameHeader) == 32);

// DATA_LOSS unless it is a header of this version within its bounds. Whether
// its payload is as it should be, the body says. REQUIRES as many bytes.
absl::StatusOr<FrameHeader> ParseHeader(const uint8_t* bytes);

// A tensor of a request, without its bytes. Checked by CheckMeshTensor.
struct WireTensor {
  uint64_t key = 0;
  uint64_t bytes = 0;
  // Where its bytes are, or are to go: an offset in the worker's arena, or
  // kInReceiveBuffer. Of shm; otherwise 0.
  uint64_t place = 0;
  v1::DType dtype = v1::DTYPE_UNSPECIFIED;
  MeshShape shape;
};
inline constexpr uint64_t kInReceiveBuffer = ~uint64_t{0};

struct WireRequest {
  std::vector<WireTensor> pushes;
  std::vector<WireTensor> pulls;
};

// A reply to a request, and the points 2 to 5 of its trace.
struct WireReply {
  absl::Status status;
  std::array<int64_t, 4> stamps{};
};

struct WireHello {
  uint32_t worker = 0;
  uint64_t life = 0;  // the worker's
  std::string token;
};

struct WireReceiveBuffer {
  uint64_t key = 0;
  uint64_t offset = 0;  // in the server's arena
  uint64_t bytes = 0;
};

// Whole frames, but for the payload.
std::string EncodeRequest(uint64_t id, const WireRequest& request,
                          uint64_t payload_bytes);
std::string EncodeReply(uint64_t id, const WireReply& reply,
                        uint64_t payload_bytes);
std::string EncodeHello(const WireHello& hello);
std::string EncodeReceiveBuffer(const WireReceiveBuffer& buffer);
std::string EncodeEmpty(FrameKind kind);

// DATA_LOSS, with the reason, for a body that is none.
absl::StatusOr<WireRequest> ParseRequest(absl::Span<const uint8_t> body);
absl::StatusOr<WireReply> ParseReply(absl::Span<const uint8_t> body);
absl::StatusOr<WireHello> ParseHello(absl::Span<const uint8_t> body);
absl::StatusOr<WireReceiveBuffer> ParseReceiveBuffer(
    absl::Span<const uint8_t> body);

// Of tensors that were parsed: cannot overflow.
uint64_t TotalBytes(absl::Span<const WireTensor> tensors);

// The longest reply there is: texts of errors are cut.
inline constexpr size_t kMaxReplyText = 512;
inline constexpr size_t kMaxReplyFrame =
    sizeof(FrameHeader) + 2 * 4 + 4 * 8 + kMaxReplyText;

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_WIRE_H_
