#include "libs/loader/encoded_batch.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/random/philox.h"
#include "libs/sampling/recovery.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

// Node and edge types put their name and a dot in front (parity 6.4).
bool IsSeedTensor(const TensorView& tensor) {
  return tensor.name == "batch" || absl::EndsWith(tensor.name, ".batch");
}

}  // namespace

absl::StatusOr<EncodedBatch> DecodeBatch(std::shared_ptr<const uint8_t> buffer,
                                         uint64_t bytes) {
  EncodedBatch batch;
  batch.buffer = std::move(buffer);
  batch.bytes = bytes;
  FAIRLEAD_ASSIGN_OR_RETURN(
      batch.message,
      ParseTensorMessage(absl::MakeConstSpan(batch.buffer.get(), bytes)));
  for (const TensorView& tensor : batch.message.tensors) {
    if (!IsSeedTensor(tensor)) continue;
    if (tensor.dtype != v1::DTYPE_INT64 || tensor.shape.size() != 1) {
      return absl::DataLossError(absl::StrCat(
          "tensor \"", tensor.name, "\" is not a list of int64 seed ids"));
    }
    for (size_t at = 0; kRecovers && at < tensor.bytes.size();
         at += sizeof(uint64_t)) {
      uint64_t seed = 0;
      std::memcpy(&seed, tensor.bytes.data() + at, sizeof(seed));
      batch.seed_digest += SplitMix64(seed);
    }
    return batch;
  }
  return absl::DataLossError("there is no tensor \"batch\" with the seeds");
}

absl::Status Land(const Landing& landing, EncodedBatch& batch) {
  if (landing.copy == nullptr) return absl::OkStatus();
  FAIRLEAD_ASSIGN_OR_RETURN(batch.copy, landing.copy(absl::MakeConstSpan(
                                            batch.buffer.get(), batch.bytes)));
  return absl::OkStatus();
}

ReceivedBatch ToReceived(EncodedBatch batch, absl::Duration now) {
  ReceivedBatch received;
  received.message = std::move(batch.message);
  received.buffer = std::move(batch.buffer);
  received.bytes = batch.bytes;
  received.copy = std::move(batch.copy);
  received.received = now;
  return received;
}

absl::Status ToStatus(const v1::BatchError& error) {
  const std::string what =
      absl::StrCat("channel ", error.channel_id(), ", epoch ", error.epoch(),
                   ", batch ", error.batch_index());
  if (error.code() < 1 || error.code() > 16) {
    return absl::DataLossError(absl::StrCat(what, ": its error has the code ",
                                            error.code(), ", which is none"));
  }
  return {static_cast<absl::StatusCode>(error.code()),
          absl::StrCat(what, ": ", error.message())};
}

}  // namespace fairlead
