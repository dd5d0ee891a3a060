#include "libs/loader/batch_trace.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "absl/time/time.h"
#include "libs/loader/received_batch.h"
#include "libs/timeline/batch_stages.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

std::optional<absl::Duration> BatchTrace::In(BatchStage stage) const {
  switch (stage) {
    case BatchStage::kQueue:
      return started - queued;
    case BatchStage::kSample:
      return sampled - started;
    case BatchStage::kFeatures:
      return features - sampled;
    case BatchStage::kCommit:
      return committed - features;
    case BatchStage::kShm:
      return taken - committed;
    case BatchStage::kSend:
      return sent - taken;
    case BatchStage::kNetwork:
      if (!has_one_clock) return std::nullopt;
      return received - sent;
    case BatchStage::kConsume:
      break;
  }
  return consumed - received;
}

BatchTrace TraceOf(const ReceivedBatch& batch) {
  const v1::TraceStamps& pool = batch.message.header.trace();
  const auto time = [](uint64_t nanoseconds) {
    return absl::Nanoseconds(static_cast<int64_t>(nanoseconds));
  };
  BatchTrace trace{.queued = time(pool.queued_ns()),
                   .started = time(pool.started_ns()),
                   .sampled = time(pool.sampled_ns()),
                   .features = time(pool.features_ns()),
                   .committed = time(pool.committed_ns()),
                   .taken = time(batch.delivery.received_ns()),
                   .sent = time(batch.delivery.sent_ns()),
                   .received = batch.received,
                   .consumed = std::max(batch.received, batch.consumed)};
  trace.has_one_clock = batch.delivery.sent_ns() == 0;
  if (trace.has_one_clock) trace.taken = trace.sent = trace.received;
  const std::initializer_list<absl::Duration*> points = {
      &trace.queued,    &trace.started, &trace.sampled, &trace.features,
      &trace.committed, &trace.taken,   &trace.sent};
  // What is known begins with the first point that was stamped.
  const auto first = std::find_if(
      points.begin(), points.end(),
      [](const auto* point) { return *point != absl::ZeroDuration(); });
  absl::Duration before =
      first == points.end() ? absl::ZeroDuration() : **first;
  for (absl::Duration* const point : points) {
    before = *point = std::max(before, *point);
  }
  return trace;
}

}  // namespace fairlead
