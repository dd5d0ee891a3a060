#include "services/channel_gateway/timeline_log.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "libs/telemetry/metric_names.h"

namespace fairlead {

namespace {

// Of a stream without a sampled batch.
constexpr absl::Duration kLongestGap = absl::Seconds(1);

}  // namespace

TimelineLog::TimelineLog(const TimelineOptions& options, Telemetry& telemetry)
    : options_(options) {
  for (size_t i = 0; i < kBatchStages; ++i) {
    stage_seconds_[i] = &telemetry.Histogram(
        metrics::kGatewayTimelineSeconds, DurationBuckets(),
        {{"stage", std::string(BatchStageName(static_cast<BatchStage>(i)))}});
  }
}

bool TimelineLog::IsSampled(uint64_t channel_id, const ChannelMessageTag& tag,
                            absl::Duration since_last) const {
  return options_.every > 0 && options_.max_timelines > 0 &&
         tag.kind == ChannelMessageTag::Kind::kBatch &&
         // Not the first batch of every epoch of every channel, which is one
         // like no other.
         ((channel_id + tag.epoch + tag.batch_index) % options_.every == 0 ||
          since_last >= kLongestGap);
}

void TimelineLog::Observe(const BatchStages& stages, BatchStage first,
                          BatchStage last) {
  for (auto i = static_cast<size_t>(first); i <= static_cast<size_t>(last);
       ++i) {
    stage_seconds_[i]->Observe(1e-9 * static_cast<double>(stages.DurationNs(
                                          static_cast<BatchStage>(i))));
  }
}

void TimelineLog::OnSent(uint64_t reader, v1::BatchTimeline timeline) {
  Observe(PlaceStages(timeline), BatchStage::kQueue, BatchStage::kSend);
  const Key key{reader, timeline.epoch(), timeline.batch_index()};
  MutexLock lock(&mutex_);
  if (entries_.size() >= options_.max_timelines) {
    const auto forgotten = unreported_.find(entries_.front().key);
    if (forgotten != unreported_.end() && forgotten->second == first_) {
      unreported_.erase(forgotten);
    }
    entries_.pop_front();
    ++first_;
  }
  // Of a batch that was sent twice, the later sending is the one that counts.
  unreported_.insert_or_assign(key, first_ + entries_.size());
  entries_.push_back({key, std::move(timeline)});
}

std::optional<BatchStages> TimelineLog::OnConsumed(
    uint64_t reader, const v1::ConsumedBatch& consumed, absl::Duration now) {
  if (!IsInOrder(consumed)) return std::nullopt;
  BatchStages stages;
  {
    MutexLock lock(&mutex_);
    const auto sent =
        unreported_.find({reader, consumed.epoch(), consumed.batch_index()});
    if (sent == unreported_.end()) return std::nullopt;
    v1::BatchTimeline& timeline = entries_[sent->second - first_].timeline;
    unreported_.erase(sent);
    *timeline.mutable_consumed() = consumed;
    timeline.set_heard_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(now)));
    stages = PlaceStages(timeline);
  }
  Observe(stages, BatchStage::kNetwork, BatchStage::kConsume);
  return stages;
}

std::vector<v1::BatchTimeline> TimelineLog::List(uint64_t channel_id,
                                                 uint64_t limit) const {
  std::vector<v1::BatchTimeline> latest;
  {
    MutexLock lock(&mutex_);
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      if (limit != 0 && latest.size() == limit) break;
      if (channel_id == 0 || entry->timeline.channel_id() == channel_id) {
        latest.push_back(entry->timeline);
      }
    }
  }
  std::reverse(latest.begin(), latest.end());
  return latest;
}

}  // namespace fairlead
