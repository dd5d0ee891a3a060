#ifndef FAIRLEAD_LIBS_LOADER_RECEIVE_RESPONSE_H_
#define FAIRLEAD_LIBS_LOADER_RECEIVE_RESPONSE_H_

#include <variant>

#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "libs/loader/buffer_pool.h"
#include "libs/loader/encoded_batch.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

struct DecodedResponse {
  v1::DeliveryStamps delivery;
  std::variant<EncodedBatch, v1::BatchError, v1::EpochEnd> event;
};

// Reads an encoded ReceiveResponse. A batch's bytes are copied once, from the
// transport's memory into one buffer of `pool`, such that the SampleMessage,
// not the response around it, starts aligned, and so every tensor in it does.
// DATA_LOSS if the response or the batch is not well-formed; otherwise as
// BufferPool::Take.
absl::StatusOr<DecodedResponse> DecodeReceiveResponse(
    grpc::ByteBuffer& response, BufferPool& pool);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_RECEIVE_RESPONSE_H_
