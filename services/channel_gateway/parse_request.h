#ifndef FAIRLEAD_SERVICES_CHANNEL_GATEWAY_PARSE_REQUEST_H_
#define FAIRLEAD_SERVICES_CHANNEL_GATEWAY_PARSE_REQUEST_H_

#include "grpcpp/grpcpp.h"
#include "grpcpp/support/proto_buffer_reader.h"

namespace fairlead {

// Reads a request off the wire. The reader leaves `bytes` as it was.
template <typename Request>
bool ParseRequest(const grpc::ByteBuffer& bytes, Request* request) {
  grpc::ByteBuffer copy(bytes);  // shares the slices
  grpc::ProtoBufferReader reader(&copy);
  return reader.status().ok() && request->ParseFromZeroCopyStream(&reader);
}

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_CHANNEL_GATEWAY_PARSE_REQUEST_H_
