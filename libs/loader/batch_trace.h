#ifndef FAIRLEAD_LIBS_LOADER_BATCH_TRACE_H_
#define FAIRLEAD_LIBS_LOADER_BATCH_TRACE_H_

#include <optional>

#include "absl/time/time.h"
#include "libs/loader/received_batch.h"
#include "libs/timeline/batch_stages.h"

namespace fairlead {

// When a batch passed each point of its way to the trainer. Only differences
// mean anything, and only of points on one clock: the first group is on the
// clock of the host that sampled the batch, the second on the trainer's. With
// collocated and multi-process workers both are the same clock, and there is no
// gateway: `taken` and `sent` are `received`.
//
//   if (*batch.trace().In(BatchStage::kQueue) > absl::Seconds(1)) ...
//
// In a version without some stamp its point is that of the one before it.
struct BatchTrace {
  absl::Duration queued;     // its channel could be served
  absl::Duration started;    // a worker took it
  absl::Duration sampled;    // its topology was there
  absl::Duration features;   // its features and labels were gathered
  absl::Duration committed;  // it was handed to the channel
  absl::Duration taken;      // the gateway took it from shared memory
  absl::Duration sent;       // the gateway gave it to the transport

  absl::Duration received;  // it was whole
  absl::Duration consumed;  // the trainer got it

  bool has_one_clock = false;

  // How long it was in a stage. Nullopt for kNetwork between two clocks: the
  // gateway knows that, to half of the way there and back, and shows it as
  // `fairlead_gateway_timeline_seconds` and in `fairleadctl trace`.
  std::optional<absl::Duration> In(BatchStage stage) const;
};

BatchTrace TraceOf(const ReceivedBatch& batch);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_BATCH_TRACE_H_
