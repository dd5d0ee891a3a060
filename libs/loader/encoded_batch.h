#ifndef FAIRLEAD_LIBS_LOADER_ENCODED_BATCH_H_
#define FAIRLEAD_LIBS_LOADER_ENCODED_BATCH_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/loader/landing.h"
#include "libs/loader/received_batch.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// A batch in memory that it keeps. Copying it copies references.
struct EncodedBatch {
  std::shared_ptr<const uint8_t> buffer;  // owns what `message` points into
  uint64_t bytes = 0;                     // length of the SampleMessage
  TensorMessage message;

  std::shared_ptr<const void> copy;  // as Landing::copy made it, if any

  // Over its seeds, as EpochEnd defines it.
  uint64_t seed_digest = 0;
};

// Reads a SampleMessage in place. DATA_LOSS if it is none, or has no seeds.
absl::StatusOr<EncodedBatch> DecodeBatch(std::shared_ptr<const uint8_t> buffer,
                                         uint64_t bytes);

// Makes the copy of it that is wanted. Errors as landing.copy.
absl::Status Land(const Landing& landing, EncodedBatch& batch);

// As it is delivered; it was here at `now`.
ReceivedBatch ToReceived(EncodedBatch batch, absl::Duration now);

// The status that stands in the place of a batch. One that claims to be OK is a
// fault of its own.
absl::Status ToStatus(const v1::BatchError& error);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_ENCODED_BATCH_H_
