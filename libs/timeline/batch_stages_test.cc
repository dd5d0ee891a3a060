#include "libs/timeline/batch_stages.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

// One that left the gateway at 700.
v1::BatchTimeline Sent() {
  v1::BatchTimeline timeline;
  timeline.mutable_pool()->set_queued_ns(100);
  timeline.mutable_pool()->set_started_ns(200);
  timeline.mutable_pool()->set_sampled_ns(300);
  timeline.mutable_pool()->set_features_ns(400);
  timeline.mutable_pool()->set_committed_ns(450);
  timeline.mutable_delivery()->set_received_ns(600);
  timeline.mutable_delivery()->set_sent_ns(700);
  return timeline;
}

// The trainer's clock is `offset` ahead of the gateway's.
v1::BatchTimeline Consumed(uint64_t there, uint64_t waited, uint64_t until_said,
                           uint64_t back, uint64_t offset) {
  v1::BatchTimeline timeline = Sent();
  v1::ConsumedBatch& consumed = *timeline.mutable_consumed();
  const uint64_t arrived = 700 + there;
  consumed.set_received_ns(arrived + offset);
  consumed.set_consumed_ns(arrived + waited + offset);
  consumed.set_reported_ns(arrived + waited + until_said + offset);
  timeline.set_heard_ns(arrived + waited + until_said + back);
  return timeline;
}

TEST(BatchStages, OfABatchThatIsUnderWayEndWhereItWasSent) {
  const BatchStages stages = PlaceStages(Sent());
  EXPECT_FALSE(stages.is_consumed);
  EXPECT_THAT(stages.points_ns,
              ElementsAre(100, 200, 300, 400, 450, 600, 700, 700, 700));
}

TEST(BatchStages, NeedNoClocksThatAgree) {
  for (const uint64_t offset :
       {uint64_t{0}, uint64_t{1} << 50, uint64_t{0} - 500, uint64_t{12345}}) {
    const BatchStages stages = PlaceStages(Consumed(
        /*there=*/40, /*waited=*/1000, /*until_said=*/7, /*back=*/40, offset));
    ASSERT_TRUE(stages.is_consumed) << offset;
    EXPECT_EQ(stages.DurationNs(BatchStage::kNetwork), 40u);
    EXPECT_EQ(stages.DurationNs(BatchStage::kConsume), 1000u);
    EXPECT_EQ(stages.error_ns, 40u);
  }
}

TEST(BatchStages, OfAPathThatIsSlowerOneWayAreOffByLessThanHalfOfIt) {
  const BatchStages stages = PlaceStages(Consumed(
      /*there=*/90, /*waited=*/500, /*until_said=*/0, /*back=*/10, 1 << 20));
  EXPECT_EQ(stages.DurationNs(BatchStage::kNetwork), 50u);  // it was 90
  EXPECT_EQ(stages.error_ns, 50u);
  EXPECT_EQ(stages.DurationNs(BatchStage::kConsume), 500u);
}

TEST(BatchStages, OfATrainerWhoseClockRunsFasterNeverGoBack) {
  v1::BatchTimeline timeline = Consumed(0, 1'000'000, 0, 0, 77);
  timeline.mutable_consumed()->set_consumed_ns(
      timeline.consumed().consumed_ns() + 50);
  timeline.mutable_consumed()->set_reported_ns(
      timeline.consumed().reported_ns() + 50);
  const BatchStages stages = PlaceStages(timeline);
  EXPECT_EQ(stages.DurationNs(BatchStage::kNetwork), 0u);
  EXPECT_EQ(stages.DurationNs(BatchStage::kConsume), 1'000'000u);
  EXPECT_EQ(stages.points_ns.back(), timeline.heard_ns());
}

TEST(BatchStages, OfPointsThatWereNotReachedAreEmpty) {
  v1::BatchTimeline timeline = Sent();
  timeline.mutable_pool()->clear_queued_ns();
  timeline.mutable_pool()->clear_features_ns();
  EXPECT_THAT(PlaceStages(timeline).points_ns,
              ElementsAre(200, 200, 300, 300, 450, 600, 700, 700, 700));
  EXPECT_THAT(PlaceStages(v1::BatchTimeline()).points_ns, Each(0));
}

TEST(BatchStages, OfATrainerThatConsumedBeforeItReceivedAreNotBelieved) {
  v1::BatchTimeline timeline = Consumed(10, 10, 10, 10, 0);
  timeline.mutable_consumed()->set_consumed_ns(
      timeline.consumed().received_ns() - 1);
  EXPECT_FALSE(IsInOrder(timeline.consumed()));
  EXPECT_FALSE(PlaceStages(timeline).is_consumed);
}

// Property: of whatever way a batch went, on whatever clocks.
TEST(BatchStages, AreOffByNoMoreThanTheySay) {
  std::mt19937_64 random(9);
  const auto pick = [&random] {
    // All magnitudes, from nothing to half an hour.
    const uint64_t bits = random() % 41;
    return random() & ((uint64_t{1} << bits) - 1);
  };
  for (int i = 0; i < 20000; ++i) {
    const uint64_t there = pick();
    const uint64_t waited = pick();
    const uint64_t back = pick();
    const v1::BatchTimeline timeline =
        Consumed(there, waited, pick(), back, random() >> 2);
    const BatchStages stages = PlaceStages(timeline);
    ASSERT_TRUE(
        std::is_sorted(stages.points_ns.begin(), stages.points_ns.end()));
    const uint64_t network = stages.DurationNs(BatchStage::kNetwork);
    const uint64_t off = network > there ? network - there : there - network;
    ASSERT_LE(off, stages.error_ns);
    ASSERT_LE(2 * stages.error_ns, there + back + 1);
    ASSERT_EQ(stages.DurationNs(BatchStage::kConsume), waited);
    ASSERT_LE(stages.points_ns.back(), timeline.heard_ns());
  }
}

// Property: of anything at all.
TEST(BatchStages, NeverGoBackWhateverIsClaimed) {
  std::mt19937_64 random(10);
  const std::vector<uint64_t> odd = {
      0, 1, 2, 700, UINT64_MAX, UINT64_MAX - 1, INT64_MAX, uint64_t{1} << 63};
  const auto pick = [&] {
    return random() % 2 == 0 ? odd[random() % odd.size()] : random();
  };
  for (int i = 0; i < 20000; ++i) {
    v1::BatchTimeline timeline;
    timeline.mutable_pool()->set_queued_ns(pick());
    timeline.mutable_pool()->set_started_ns(pick());
    timeline.mutable_pool()->set_sampled_ns(pick());
    timeline.mutable_pool()->set_features_ns(pick());
    timeline.mutable_pool()->set_committed_ns(pick());
    timeline.mutable_delivery()->set_received_ns(pick());
    timeline.mutable_delivery()->set_sent_ns(pick());
    timeline.mutable_consumed()->set_received_ns(pick());
    timeline.mutable_consumed()->set_consumed_ns(pick());
    timeline.mutable_consumed()->set_reported_ns(pick());
    timeline.set_heard_ns(pick());
    const BatchStages stages = PlaceStages(timeline);
    ASSERT_TRUE(
        std::is_sorted(stages.points_ns.begin(), stages.points_ns.end()))
        << timeline.ShortDebugString();
  }
}

TEST(BatchStages, HaveANameEach) {
  std::vector<std::string> names;
  for (size_t i = 0; i < kBatchStages; ++i) {
    names.emplace_back(BatchStageName(static_cast<BatchStage>(i)));
  }
  EXPECT_THAT(names, ElementsAre("queue", "sample", "features", "commit", "shm",
                                 "send", "network", "consume"));
}

}  // namespace
}  // namespace fairlead
