#ifndef FAIRLEAD_LIBS_LOADER_RECEIVED_BATCH_H_
#define FAIRLEAD_LIBS_LOADER_RECEIVED_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {

// A batch as bytes that are tensors in place, wherever it was made.
struct ReceivedBatch {
  TensorMessage message;                  // its views point into `buffer`
  std::shared_ptr<const uint8_t> buffer;  // keeps them alive; 64-byte aligned
  uint64_t bytes = 0;                     // of the encoded message
  std::shared_ptr<const void> copy;       // as Landing::copy made it, if any
  size_t server = 0;                      // local index of the server
  v1::DeliveryStamps delivery;            // on the gateway's clock, if any
  absl::Duration received;  // it was whole, on this host's monotonic clock
  absl::Duration consumed;  // the trainer got it, likewise
};

// What a stream of batches has done since it was made.
struct ReceiveStats {
  uint64_t batches = 0;     // delivered
  uint64_t bytes = 0;       // of these
  uint64_t duplicates = 0;  // dropped: held already
  uint64_t stale = 0;       // dropped: of an earlier epoch or attempt
  uint64_t missing = 0;     // never received of epochs that came to their end
  uint64_t failed = 0;      // ended as a BatchError
  uint64_t recoveries = 0;  // epochs gone on with after a break
  uint64_t queued = 0;      // here, and not yet asked for
  uint64_t requested = 0;   // batches that remote servers were asked for
  uint64_t prefetch = 0;    // that may be under way from all of them
  absl::Duration starting;  // epochs, on remote servers
  absl::Duration waited;    // by the trainer, for batches
  uint64_t stalls = 0;      // of these waits, those of a second or longer
  absl::Duration decoding;  // of what came from remote servers
  absl::Duration landing;   // of such batches, after that: see Landing::copy
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_RECEIVED_BATCH_H_
