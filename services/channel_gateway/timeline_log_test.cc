#include "services/channel_gateway/timeline_log.h"

#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/telemetry/telemetry.h"
#include "libs/tensor_message/message_tag.h"
#include "libs/timeline/batch_stages.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kReader = 1;
constexpr absl::Duration kJustNow = absl::ZeroDuration();

ChannelMessageTag BatchTag(uint64_t epoch, uint64_t batch_index) {
  return {.kind = ChannelMessageTag::Kind::kBatch,
          .epoch = epoch,
          .batch_index = batch_index};
}

v1::BatchTimeline Sent(uint64_t channel, uint64_t batch_index,
                       uint64_t epoch = 0) {
  v1::BatchTimeline timeline;
  timeline.set_channel_id(channel);
  timeline.set_epoch(epoch);
  timeline.set_batch_index(batch_index);
  timeline.mutable_pool()->set_queued_ns(1000);
  timeline.mutable_pool()->set_started_ns(1500);
  timeline.mutable_pool()->set_committed_ns(2000);
  timeline.mutable_delivery()->set_received_ns(3000);
  timeline.mutable_delivery()->set_sent_ns(4000);
  return timeline;
}

v1::ConsumedBatch Consumed(uint64_t batch_index, uint64_t epoch = 0) {
  v1::ConsumedBatch consumed;
  consumed.set_epoch(epoch);
  consumed.set_batch_index(batch_index);
  consumed.set_received_ns(70);
  consumed.set_consumed_ns(80);
  consumed.set_reported_ns(90);
  return consumed;
}

std::vector<uint64_t> IndicesOf(const std::vector<v1::BatchTimeline>& all) {
  std::vector<uint64_t> indices;
  for (const v1::BatchTimeline& timeline : all) {
    indices.push_back(timeline.batch_index());
  }
  return indices;
}

TEST(TimelineLog, SamplesTheShareOfBatchesThatItIsTold) {
  Telemetry telemetry;
  const TimelineLog log({.every = 64}, telemetry);
  for (uint64_t channel = 1; channel <= 3; ++channel) {
    for (uint64_t epoch = 0; epoch < 5; ++epoch) {
      int sampled = 0;
      for (uint64_t index = 0; index < 640; ++index) {
        sampled +=
            log.IsSampled(channel, BatchTag(epoch, index), kJustNow) ? 1 : 0;
      }
      EXPECT_EQ(sampled, 10) << channel << ", " << epoch;
    }
  }
}

TEST(TimelineLog, EpochsThatAreShorterThanTheDistanceTakeTurns) {
  Telemetry telemetry;
  const TimelineLog log({.every = 64}, telemetry);
  int sampled = 0;
  for (uint64_t epoch = 0; epoch < 64; ++epoch) {
    for (uint64_t index = 0; index < 5; ++index) {
      sampled += log.IsSampled(1, BatchTag(epoch, index), kJustNow) ? 1 : 0;
    }
  }
  EXPECT_EQ(sampled, 5);
}

TEST(TimelineLog, SamplesOnlyBatchesAndNoneWhenItIsOff) {
  Telemetry telemetry;
  const ChannelMessageTag end{.kind = ChannelMessageTag::Kind::kEpochEnd};
  const TimelineLog every({.every = 1}, telemetry);
  EXPECT_FALSE(every.IsSampled(1, end, absl::Hours(1)));
  EXPECT_TRUE(every.IsSampled(1, BatchTag(0, 0), kJustNow));
  for (const TimelineOptions& off :
       {TimelineOptions{.every = 0},
        TimelineOptions{.every = 1, .max_timelines = 0}}) {
    const TimelineLog none(off, telemetry);
    EXPECT_FALSE(none.IsSampled(1, BatchTag(0, 0), kJustNow));
    EXPECT_FALSE(none.IsSampled(1, BatchTag(0, 0), absl::Hours(1)));
  }
}

TEST(TimelineLog, SlowStreamHasASampledBatchASecond) {
  Telemetry telemetry;
  const TimelineLog log({.every = 64}, telemetry);
  EXPECT_FALSE(log.IsSampled(1, BatchTag(0, 1), absl::Milliseconds(999)));
  EXPECT_TRUE(log.IsSampled(1, BatchTag(0, 1), absl::Seconds(1)));
}

TEST(TimelineLog, ATimelineIsCompletedWhenItsTrainerSaysSo) {
  Telemetry telemetry;
  TimelineLog log({}, telemetry);
  log.OnSent(kReader, Sent(7, 3));
  EXPECT_FALSE(log.List(7, 0).at(0).has_consumed());
  const std::optional<BatchStages> stages =
      log.OnConsumed(kReader, Consumed(3), absl::Nanoseconds(5000));
  ASSERT_TRUE(stages.has_value());
  EXPECT_EQ(stages->DurationNs(BatchStage::kConsume), 10u);
  EXPECT_FALSE(log.OnConsumed(kReader, Consumed(3), absl::Nanoseconds(6000)));
  const auto listed = log.List(7, 0);
  ASSERT_THAT(listed, SizeIs(1));
  EXPECT_EQ(listed[0].consumed().consumed_ns(), 80u);
  EXPECT_EQ(listed[0].heard_ns(), 5000u);
}

TEST(TimelineLog, ShowsTheStagesAsAHistogram) {
  Telemetry telemetry;
  TimelineLog log({}, telemetry);
  log.OnSent(kReader, Sent(7, 3));
  const auto count = [](const std::string& stage, int batches) {
    return HasSubstr("fairlead_gateway_timeline_seconds_count{stage=\"" +
                     stage + "\"} " + std::to_string(batches));
  };
  EXPECT_THAT(telemetry.Expose(), count("queue", 1));
  EXPECT_THAT(telemetry.Expose(), count("send", 1));
  EXPECT_THAT(telemetry.Expose(), count("network", 0));
  log.OnConsumed(kReader, Consumed(3), absl::Nanoseconds(5000));
  EXPECT_THAT(telemetry.Expose(), count("queue", 1));
  EXPECT_THAT(telemetry.Expose(), count("network", 1));
  EXPECT_THAT(telemetry.Expose(), count("consume", 1));
}

TEST(TimelineLog, KeepsTheLatestOfAChannelOrOfAll) {
  Telemetry telemetry;
  TimelineLog log({.every = 1, .max_timelines = 4}, telemetry);
  for (uint64_t i = 0; i < 10; ++i) log.OnSent(kReader, Sent(1 + i % 2, i));
  EXPECT_THAT(IndicesOf(log.List(0, 0)), ElementsAre(6, 7, 8, 9));
  EXPECT_THAT(IndicesOf(log.List(0, 2)), ElementsAre(8, 9));
  EXPECT_THAT(IndicesOf(log.List(2, 0)), ElementsAre(7, 9));
  EXPECT_THAT(IndicesOf(log.List(2, 1)), ElementsAre(9));
  EXPECT_THAT(log.List(3, 0), IsEmpty());
}

// What a trainer says counts only for what was sent to it, and once.
TEST(TimelineLog, IgnoresWhatWasNeverSent) {
  Telemetry telemetry;
  TimelineLog log({.every = 1, .max_timelines = 4}, telemetry);
  log.OnSent(kReader, Sent(7, 3, /*epoch=*/1));
  log.OnConsumed(kReader, Consumed(4, 1), absl::Nanoseconds(5000));
  log.OnConsumed(kReader, Consumed(3, 0), absl::Nanoseconds(5000));
  log.OnConsumed(kReader, Consumed(3, 2), absl::Nanoseconds(5000));
  log.OnConsumed(kReader + 1, Consumed(3, 1), absl::Nanoseconds(5000));
  v1::ConsumedBatch backwards = Consumed(3, 1);
  backwards.set_reported_ns(1);
  log.OnConsumed(kReader, backwards, absl::Nanoseconds(5000));
  EXPECT_FALSE(log.List(0, 0).at(0).has_consumed());

  log.OnConsumed(kReader, Consumed(3, 1), absl::Nanoseconds(5000));
  log.OnConsumed(kReader, Consumed(3, 1), absl::Nanoseconds(9000));
  EXPECT_EQ(log.List(0, 0).at(0).heard_ns(), 5000u);
}

TEST(TimelineLog, IgnoresWhatItHasForgotten) {
  Telemetry telemetry;
  TimelineLog log({.every = 1, .max_timelines = 2}, telemetry);
  for (uint64_t i = 0; i < 5; ++i) log.OnSent(kReader, Sent(7, i));
  log.OnConsumed(kReader, Consumed(0), absl::Nanoseconds(5000));
  log.OnConsumed(kReader, Consumed(4), absl::Nanoseconds(5000));
  const auto listed = log.List(0, 0);
  ASSERT_THAT(IndicesOf(listed), ElementsAre(3, 4));
  EXPECT_FALSE(listed[0].has_consumed());
  EXPECT_TRUE(listed[1].has_consumed());
}

TEST(TimelineLog, OfABatchThatIsSentAgainTheLaterSendingIsCompleted) {
  Telemetry telemetry;
  TimelineLog log({.every = 1, .max_timelines = 2}, telemetry);
  log.OnSent(kReader, Sent(7, 3));
  log.OnSent(kReader, Sent(7, 3));
  log.OnSent(kReader, Sent(7, 4));  // the first is forgotten, not the second
  log.OnConsumed(kReader, Consumed(3), absl::Nanoseconds(5000));
  const auto listed = log.List(0, 0);
  ASSERT_THAT(IndicesOf(listed), ElementsAre(3, 4));
  EXPECT_TRUE(listed[0].has_consumed());
}

TEST(TimelineLog, IsSafeFromManyThreads) {
  Telemetry telemetry;
  TimelineLog log({.every = 1, .max_timelines = 16}, telemetry);
  std::vector<std::thread> threads;
  for (uint64_t reader = 0; reader < 4; ++reader) {
    threads.emplace_back([&log, reader] {
      for (uint64_t i = 0; i < 500; ++i) {
        log.OnSent(reader, Sent(reader + 1, i));
        log.OnConsumed(reader, Consumed(i), absl::Nanoseconds(5000));
        EXPECT_LE(log.List(0, 0).size(), 16u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(log.List(0, 0), SizeIs(16));
}

}  // namespace
}  // namespace fairlead
