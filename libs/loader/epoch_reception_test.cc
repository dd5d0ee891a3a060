#include "libs/loader/epoch_reception.h"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/loader/encoded_batch.h"
#include "libs/loader/epoch_ledger.h"
#include "libs/loader/prefetch_tuner.h"
#include "libs/loader/sampling_input.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Optional;

using Reply = EpochReception::Reply;

constexpr uint64_t kBatchBytes = 100;
const absl::Status kLost = absl::UnavailableError("link lost");
const absl::Time kStart = absl::FromUnixSeconds(1000);

// Server i has channel i + 1, and ten batches.
SamplingChannel ChannelOf(size_t server) {
  SamplingChannel channel;
  channel.channel_id = server + 1;
  channel.gateway_address = "gateway:1";
  channel.batches = 10;
  return channel;
}

EpochReception Receiving(size_t servers = 1, uint64_t prefetch_size = 4) {
  EpochReception reception(
      servers, {.prefetch_size = prefetch_size, .credit_bytes = 1000});
  for (size_t i = 0; i < servers; ++i) {
    reception.Start(i, EpochLedger(i + 1, /*epoch=*/0, /*batches=*/10), i);
    reception.Attach(i, ChannelOf(i), absl::ZeroDuration());
  }
  return reception;
}

Reply SendAt(EpochReception& reception, size_t server, uint64_t index,
             absl::Duration now) {
  EncodedBatch batch;
  v1::MessageHeader& header = batch.message.header;
  header.set_channel_id(server + 1);
  header.set_attempt(reception.server(server).ledger().attempt());
  header.set_batch_index(index);
  batch.bytes = kBatchBytes;
  return reception.OnBatch(server, batch, v1::DeliveryStamps(), now);
}

Reply Send(EpochReception& reception, size_t server, uint64_t index) {
  return SendAt(reception, server, index, absl::ZeroDuration());
}

Reply Fail(EpochReception& reception, size_t server, uint64_t index) {
  v1::BatchError error;
  error.set_channel_id(server + 1);
  error.set_attempt(reception.server(server).ledger().attempt());
  error.set_batch_index(index);
  error.set_code(static_cast<int>(absl::StatusCode::kOutOfRange));
  return reception.OnBatchError(server, error, absl::ZeroDuration());
}

EpochReception::Next Take(EpochReception& reception) {
  return reception.Take(/*waited=*/absl::ZeroDuration(),
                        /*now=*/absl::ZeroDuration());
}

TEST(EpochReception, CreditOfABatchGoesBackOnceItIsTaken) {
  EpochReception reception = Receiving();
  EXPECT_EQ(Send(reception, 0, 3), Reply::kNone);
  EXPECT_EQ(reception.server(0).credit(), 3u);
  const EpochReception::Next next =
      reception.Take(absl::ZeroDuration(), absl::Seconds(5));
  ASSERT_TRUE(next.result.ok());
  EXPECT_EQ(next.result->consumed, absl::Seconds(5));
  EXPECT_TRUE(next.returns_credit);
  EXPECT_EQ(next.messages, 1u);
  EXPECT_EQ(next.bytes, kBatchBytes);
  EXPECT_EQ(reception.server(0).credit(), 4u);
  EXPECT_FALSE(reception.has_next());
}

TEST(EpochReception, WhatIsNotDeliveredGivesItsCreditBackAtOnce) {
  EpochReception reception = Receiving();
  Send(reception, 0, 3);
  EXPECT_EQ(Send(reception, 0, 3), Reply::kReturnCredit);
  EXPECT_EQ(reception.server(0).credit(), 3u);
  EXPECT_EQ(reception.stats().duplicates, 1u);
  EXPECT_EQ(reception.stats().queued, 1u);
}

TEST(EpochReception, ServerWithoutCreditIsCutOffAndSaidSo) {
  EpochReception reception = Receiving(/*servers=*/1, /*prefetch_size=*/1);
  EXPECT_EQ(Send(reception, 0, 0), Reply::kNone);
  EXPECT_EQ(Send(reception, 0, 1), Reply::kCutOff);
  EXPECT_TRUE(reception.is_over());
  EXPECT_TRUE(Take(reception).result.ok());
  EXPECT_THAT(Take(reception).result,
              StatusIs(absl::StatusCode::kInternal, HasSubstr("credit")));
  EXPECT_EQ(reception.stats().missing, 9u);
}

// What waits has its place in the new stream's credit, and gives it back there;
// a failure had its place in the stream that broke.
TEST(EpochReception, NewStreamIsOwedTheCreditOfBatchesThatWait) {
  EpochReception reception = Receiving();
  Send(reception, 0, 0);
  Fail(reception, 0, 1);
  ASSERT_TRUE(reception.Break(0, kLost, kStart));
  reception.Recover(0);
  const v1::Subscribe again =
      reception.Attach(0, ChannelOf(0), absl::ZeroDuration());
  EXPECT_EQ(again.credit().messages(), 3u);
  EXPECT_EQ(again.credit().bytes(), 1000 - kBatchBytes);
  EXPECT_TRUE(Take(reception).returns_credit);
  EXPECT_FALSE(Take(reception).returns_credit);
  EXPECT_EQ(reception.server(0).credit(), 4u);
}

// More waits than the new stream could ask for: nothing more is asked for until
// less does.
TEST(EpochReception, NewStreamAsksForNothingBeyondThePrefetch) {
  EpochReception reception = Receiving(/*servers=*/1, /*prefetch_size=*/2);
  Send(reception, 0, 0);
  Send(reception, 0, 1);
  ASSERT_TRUE(reception.Break(0, kLost, kStart));
  reception.Recover(0);
  EXPECT_EQ(reception.Attach(0, ChannelOf(0), absl::ZeroDuration())
                .credit()
                .messages(),
            0u);
  EXPECT_EQ(Take(reception).messages, 1u);
  EXPECT_EQ(Take(reception).messages, 1u);
  EXPECT_EQ(reception.server(0).credit(), 2u);
}

// A message that cannot be read and had no credit leaves none behind.
TEST(EpochReception, UnreadableMessageWithoutCreditReturnsNone) {
  EpochReception reception = Receiving(/*servers=*/1, /*prefetch_size=*/1);
  Send(reception, 0, 0);
  reception.OnUnreadable(0, absl::DataLossError("cut short"), kBatchBytes,
                         absl::ZeroDuration());
  EXPECT_EQ(Take(reception).messages, 1u);
  EXPECT_FALSE(Take(reception).returns_credit);
  EXPECT_EQ(reception.server(0).credit(), 1u);
}

TEST(EpochReception, PrefetchThatGrewIsAskedFor) {
  constexpr absl::Duration kLink = absl::Seconds(1);
  EpochReception reception = Receiving(/*servers=*/1, kAutoPrefetch);
  EXPECT_EQ(reception.stats().prefetch, 4u);
  uint64_t asked = reception.server(0).credit();
  absl::Duration now;
  for (uint64_t i = 0; i < 10; ++i) {
    // Each comes as long after it was asked for as the link takes, and the
    // trainer has waited for it all of the time.
    if (i % 4 == 0) now += kLink;
    SendAt(reception, 0, i, now);
    asked += reception.Take(/*waited=*/now, now).messages;
  }
  EXPECT_EQ(reception.stats().prefetch, 5u);
  EXPECT_EQ(reception.server(0).credit(), 5u);
  EXPECT_EQ(asked, 10 + 5u);
  EXPECT_EQ(reception.stats().requested, asked);
}

TEST(EpochReception, ServerThatBrokeFirstIsTriedFirst) {
  EpochReception reception = Receiving(/*servers=*/3);
  EXPECT_EQ(reception.FirstToRetry(), std::nullopt);
  reception.Break(2, kLost, kStart);
  reception.Break(0, kLost, kStart + absl::Minutes(1));
  EXPECT_THAT(reception.FirstToRetry(), Optional(2u));
  reception.Recover(2);
  EXPECT_THAT(reception.FirstToRetry(), Optional(0u));
}

TEST(EpochReception, IsOverOnceEveryServersPartIs) {
  EpochReception reception = Receiving(/*servers=*/2);
  EXPECT_FALSE(reception.Break(0, absl::AbortedError("taken over"), kStart));
  EXPECT_FALSE(reception.is_over());
  EXPECT_FALSE(reception.Break(1, absl::AbortedError("taken over"), kStart));
  EXPECT_TRUE(reception.is_over());
  EXPECT_EQ(reception.stats().missing, 20u);
}

TEST(EpochReception, ServerIsConsumedOnceItsPartIsOverAndAllOfItTaken) {
  EpochReception reception = Receiving(/*servers=*/2);
  EXPECT_FALSE(reception.IsConsumed(0));
  Send(reception, 0, 0);
  Send(reception, 1, 0);
  v1::EpochEnd end;
  end.set_channel_id(1);
  reception.OnEpochEnd(0, end);
  EXPECT_FALSE(reception.IsConsumed(0));
  Take(reception);
  Take(reception);
  EXPECT_FALSE(reception.IsConsumed(0));  // what was missing is an error
  Take(reception);
  EXPECT_TRUE(reception.IsConsumed(0));
  EXPECT_FALSE(reception.IsConsumed(1));
}

TEST(EpochReception, ProgressIsWhatWasTaken) {
  EpochReception reception = Receiving();
  Send(reception, 0, 0);
  Send(reception, 0, 1);
  EXPECT_EQ(reception.progress(0).held_size(), 0);
  Take(reception);
  ASSERT_EQ(reception.progress(0).held_size(), 1);
  EXPECT_EQ(reception.progress(0).held(0).end(), 1u);
}

TEST(EpochReception, NothingOfADroppedEpochIsDelivered) {
  EpochReception reception = Receiving();
  Send(reception, 0, 0);
  reception.Drop();
  EXPECT_TRUE(reception.is_over());
  EXPECT_FALSE(reception.has_next());
}

}  // namespace
}  // namespace fairlead
