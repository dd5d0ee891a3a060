#include "libs/timeline/batch_stages.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

absl::string_view BatchStageName(BatchStage stage) {
  constexpr std::array<absl::string_view, kBatchStages> kNames = {
      "queue", "sample", "features", "commit",
      "shm",   "send",   "network",  "consume"};
  return kNames[static_cast<size_t>(stage)];
}

bool IsInOrder(const v1::ConsumedBatch& consumed) {
  return consumed.received_ns() <= consumed.consumed_ns() &&
         consumed.consumed_ns() <= consumed.reported_ns();
}

BatchStages PlaceStages(const v1::BatchTimeline& timeline) {
  const v1::TraceStamps& pool = timeline.pool();
  const uint64_t received = timeline.delivery().received_ns();
  const uint64_t sent = std::max(received, timeline.delivery().sent_ns());

  BatchStages stages;
  std::array<uint64_t, kBatchStages + 1>& points = stages.points_ns;
  points = {pool.queued_ns(),
            pool.started_ns(),
            pool.sampled_ns(),
            pool.features_ns(),
            pool.committed_ns(),
            received,
            sent,
            sent,
            sent};
  // What is known begins with the first point that was stamped.
  const auto first = std::find_if(points.begin(), points.end(),
                                  [](uint64_t point) { return point != 0; });
  if (first == points.end()) return stages;
  std::fill(points.begin(), first, *first);
  uint64_t before = 0;
  for (size_t i = 0; i <= static_cast<size_t>(BatchStage::kShm); ++i) {
    before = std::clamp(points[i], before, received);
    points[i] = before;
  }

  if (!timeline.has_consumed() || !IsInOrder(timeline.consumed()) ||
      timeline.heard_ns() < sent) {
    return stages;
  }
  const v1::ConsumedBatch& consumed = timeline.consumed();
  const uint64_t between = timeline.heard_ns() - sent;
  // More than there was if its clock runs faster, or lies.
  const uint64_t held =
      std::min(between, consumed.reported_ns() - consumed.received_ns());
  const uint64_t path = between - held;
  stages.is_consumed = true;
  stages.error_ns = path - path / 2;
  points[7] = sent + path / 2;
  points[8] = points[7] +
              std::min(held, consumed.consumed_ns() - consumed.received_ns());
  return stages;
}

}  // namespace fairlead
