#ifndef FAIRLEAD_LIBS_TENSOR_MESSAGE_TENSOR_MESSAGE_H_
#define FAIRLEAD_LIBS_TENSOR_MESSAGE_TENSOR_MESSAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// The encoding of protos/fairlead/v1/messages.proto: named tensors written in
// place, and read in place. Both sides work on plain bytes.

inline constexpr uint64_t kTensorAlignment = 64;

// Bytes of one element; 0 for a dtype that is not known.
uint64_t DTypeSize(v1::DType dtype);

struct TensorSpec {
  std::string name;
  v1::DType dtype = v1::DTYPE_UNSPECIFIED;
  std::vector<int64_t> shape;
};

// Where everything of one message goes: known before a byte of it is written,
// so that the right amount of space can be reserved.
//
//   auto layout = MessageLayout::Plan(header, specs);
//   auto space = channel->Reserve(layout->total_bytes(), ...);
//   layout->WriteFrame(space->bytes());
//   Gather(layout->tensor_bytes(space->bytes(), 0));  // each tensor in place
//   layout->Stamp(space->bytes(), trace);             // last, if wanted
class MessageLayout {
 public:
  // `header` says channel, epoch, batch and attempt; its `tensors` are made
  // from `specs`, its `trace` is overwritten. INVALID_ARGUMENT for a dtype
  // that is not known, a negative dimension, a repeated or empty name;
  // RESOURCE_EXHAUSTED beyond protobuf's 2 GiB.
  static absl::StatusOr<MessageLayout> Plan(v1::MessageHeader header,
                                            absl::Span<const TensorSpec> specs);

  uint64_t total_bytes() const { return payload_offset_ + payload_bytes_; }

  // Writes all but the tensors: header, padding, the payload's tag and length,
  // and zeros between tensors. REQUIRES message.size() == total_bytes().
  void WriteFrame(absl::Span<uint8_t> message) const;

  // The bytes of tensor `i` of `specs`. 64-byte aligned if `message` is.
  absl::Span<uint8_t> tensor_bytes(absl::Span<uint8_t> message, int i) const;

  // Overwrites the trace stamps of a frame that WriteFrame has written.
  void Stamp(absl::Span<uint8_t> message, const v1::TraceStamps& trace) const;

 private:
  struct Extent {
    uint64_t offset;  // in the payload
    uint64_t bytes;
  };

  std::string frame_;  // the bytes before the payload
  std::vector<Extent> tensors_;
  uint64_t payload_offset_ = 0;
  uint64_t payload_bytes_ = 0;
  uint64_t trace_offset_ = 0;  // of the encoded TraceStamps
};

struct TensorView {
  std::string name;
  v1::DType dtype = v1::DTYPE_UNSPECIFIED;
  std::vector<int64_t> shape;
  absl::Span<const uint8_t> bytes;  // aligned to 64 if the message is

  // The elements, where the dtype is T's.
  template <typename T>
  absl::Span<const T> As() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// A message as read: views into the caller's bytes, nothing copied but the
// header. Every length, offset, dtype and shape is checked against the bytes
// before it is believed.
struct TensorMessage {
  v1::MessageHeader header;
  std::vector<TensorView> tensors;

  // Null if there is none of that name.
  const TensorView* Find(absl::string_view name) const;
};

// DATA_LOSS, with the reason, if `message` is not a well-formed SampleMessage.
absl::StatusOr<TensorMessage> ParseTensorMessage(
    absl::Span<const uint8_t> message);

// A 64-bit hash of what a batch is: its epoch, batch index and tensors (name,
// dtype, shape, bytes), in whatever order they stand. Channel, attempt and
// trace do not count, so the same batch made again has the same digest. The
// digest of an epoch is the sum, modulo 2^64, of those of its batches.
uint64_t ContentDigest(const TensorMessage& message);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESSAGE_TENSOR_MESSAGE_H_
