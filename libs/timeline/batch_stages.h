#ifndef FAIRLEAD_LIBS_TIMELINE_BATCH_STAGES_H_
#define FAIRLEAD_LIBS_TIMELINE_BATCH_STAGES_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {

// What a batch goes through on its way to a trainer, in this order. Each ends
// where the next one begins.
enum class BatchStage : size_t {
  kQueue,     // its channel could be served; the pool was busy with others
  kSample,    // a worker drew its topology, asking other partitions
  kFeatures,  // rows of other partitions, room in the channel, the gathering
  kCommit,    // handed to the channel
  kShm,       // lay in shared memory until the gateway took it
  kSend,      // waited in the gateway for credit and the transport
  kNetwork,   // until the trainer had all of it
  kConsume,   // waited in the trainer until it was asked for
};
inline constexpr size_t kBatchStages = 8;

// "queue", "sample" and so on: as metrics and traces have it.
absl::string_view BatchStageName(BatchStage stage);

// A batch's way, all on one clock: that of the storage host.
struct BatchStages {
  // Stage i is from points_ns[i] to points_ns[i + 1]; they never go back. A
  // point that was not reached is where the one before it is.
  std::array<uint64_t, kBatchStages + 1> points_ns{};

  // Whether the trainer has said when it got the batch; the last two stages are
  // empty if it has not.
  bool is_consumed = false;

  // The point between kNetwork and kConsume, and the one behind it, are off by
  // at most this much, both by the same.
  uint64_t error_ns = 0;

  uint64_t DurationNs(BatchStage stage) const {
    const auto i = static_cast<size_t>(stage);
    return points_ns[i + 1] - points_ns[i];
  }
};

// Whether a trainer's points are in the order that they can only be in.
bool IsInOrder(const v1::ConsumedBatch& consumed);

// Puts the points of `timeline` on the storage host's clock.
//
// No two clocks need agree. As in NTP: of the time between the gateway's
// sending of the batch and its hearing that it was consumed, the trainer held
// it for a part which its own clock has measured. The rest is what the network
// took, there and back. How it is divided nobody can know: each way is given
// half, so what is placed by that is off by no more than half.
//
// Believes nobody: stamps of the pool lie before the gateway's own, the
// trainer's between sending and hearing, whatever was claimed.
BatchStages PlaceStages(const v1::BatchTimeline& timeline);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TIMELINE_BATCH_STAGES_H_
