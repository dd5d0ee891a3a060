#include "libs/loader/batch_trace.h"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "libs/loader/received_batch.h"
#include "libs/timeline/batch_stages.h"

namespace fairlead {
namespace {

ReceivedBatch Made() {
  ReceivedBatch batch;
  v1::TraceStamps& trace = *batch.message.header.mutable_trace();
  trace.set_queued_ns(1000);
  trace.set_started_ns(1010);
  trace.set_sampled_ns(1030);
  trace.set_features_ns(1060);
  trace.set_committed_ns(1061);
  return batch;
}

TEST(BatchTrace, OfARemoteBatchHasTheDurationsOfEachClock) {
  ReceivedBatch batch = Made();
  batch.delivery.set_received_ns(1100);
  batch.delivery.set_sent_ns(1150);
  batch.received = absl::Nanoseconds(7);  // that clock has just begun
  batch.consumed = absl::Nanoseconds(9);
  const BatchTrace trace = TraceOf(batch);
  EXPECT_FALSE(trace.has_one_clock);
  EXPECT_EQ(trace.In(BatchStage::kQueue), absl::Nanoseconds(10));
  EXPECT_EQ(trace.In(BatchStage::kSample), absl::Nanoseconds(20));
  EXPECT_EQ(trace.In(BatchStage::kFeatures), absl::Nanoseconds(30));
  EXPECT_EQ(trace.In(BatchStage::kCommit), absl::Nanoseconds(1));
  EXPECT_EQ(trace.In(BatchStage::kShm), absl::Nanoseconds(39));
  EXPECT_EQ(trace.In(BatchStage::kSend), absl::Nanoseconds(50));
  EXPECT_EQ(trace.In(BatchStage::kNetwork), std::nullopt);
  EXPECT_EQ(trace.In(BatchStage::kConsume), absl::Nanoseconds(2));
}

TEST(BatchTrace, WithoutAGatewayIsOnOneClockAndSumsUp) {
  ReceivedBatch batch = Made();
  batch.received = absl::Nanoseconds(1200);
  batch.consumed = absl::Nanoseconds(1300);
  const BatchTrace trace = TraceOf(batch);
  EXPECT_TRUE(trace.has_one_clock);
  EXPECT_EQ(trace.taken, trace.received);
  EXPECT_EQ(trace.sent, trace.received);
  absl::Duration sum;
  for (size_t i = 0; i < kBatchStages; ++i) {
    const auto in = trace.In(static_cast<BatchStage>(i));
    ASSERT_TRUE(in.has_value());
    sum += *in;
  }
  EXPECT_EQ(sum, trace.consumed - trace.queued);
}

TEST(BatchTrace, PointsThatWereNotStampedAreWhereTheOneBeforeIs) {
  ReceivedBatch batch = Made();
  batch.message.header.mutable_trace()->clear_queued_ns();
  batch.message.header.mutable_trace()->clear_features_ns();
  batch.received = absl::Nanoseconds(1200);
  const BatchTrace trace = TraceOf(batch);
  EXPECT_EQ(trace.queued, trace.started);
  EXPECT_EQ(trace.features, trace.sampled);
  EXPECT_EQ(trace.consumed, trace.received);  // not yet
}

}  // namespace
}  // namespace fairlead
