#ifndef FAIRLEAD_SERVICES_CHANNEL_GATEWAY_RESPONSE_FRAME_H_
#define FAIRLEAD_SERVICES_CHANNEL_GATEWAY_RESPONSE_FRAME_H_

#include <cstdint>

#include "absl/time/time.h"
#include "grpcpp/support/byte_buffer.h"
#include "services/channel_gateway/delivery.h"

namespace fairlead {

// A ReceiveResponse as bytes: a small slice with the stamps and the tag and
// length of the message's field, then one slice that is the message in shared
// memory. Nothing is copied; the message is let go of when the transport is
// done with that slice. `message` is used up. The trainer of a batch with a
// `timeline` is to say when it consumed it.
grpc::ByteBuffer FrameReceiveResponse(DeliveredMessage& message,
                                      absl::Duration now, bool timeline);

// The same within a FetchMessageResponse.
grpc::ByteBuffer FrameFetchResponse(DeliveredMessage& message,
                                    absl::Duration now);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_CHANNEL_GATEWAY_RESPONSE_FRAME_H_
