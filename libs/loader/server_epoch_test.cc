#include "libs/loader/server_epoch.h"

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/loader/epoch_ledger.h"
#include "libs/loader/sampling_input.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

using State = ServerEpoch::State;

constexpr uint64_t kChannel = 7;
constexpr absl::Duration kNow = absl::Seconds(1);
const absl::Time kStart = absl::FromUnixSeconds(1000);
const absl::Status kLost = absl::UnavailableError("link lost");

SamplingChannel Channel() {
  SamplingChannel channel;
  channel.channel_id = kChannel;
  channel.gateway_address = "gateway:1";
  channel.batches = 10;
  return channel;
}

// A server that streams epoch 3.
ServerEpoch Streaming(const ServerEpoch::Limits& limits = {}) {
  ServerEpoch server(limits);
  server.Start(EpochLedger(kChannel, /*epoch=*/3, /*batches=*/10),
               /*backoff_seed=*/1);
  server.Attach(Channel(), {}, kNow);
  return server;
}

v1::MessageHeader Header(const ServerEpoch& server, uint64_t index) {
  v1::MessageHeader header;
  header.set_channel_id(kChannel);
  header.set_epoch(3);
  header.set_attempt(server.ledger().attempt());
  header.set_batch_index(index);
  return header;
}

TEST(ServerEpoch, SubscribesWithCreditForWhatMayStillCome) {
  ServerEpoch server({.prefetch_size = 4, .credit_bytes = 1000});
  server.Start(EpochLedger(kChannel, 3, 10), 1);
  const v1::Subscribe first = server.Attach(Channel(), {}, kNow);
  EXPECT_EQ(first.channel_id(), kChannel);
  EXPECT_EQ(first.epoch(), 3u);
  EXPECT_EQ(first.credit().messages(), 4u);
  EXPECT_EQ(first.credit().bytes(), 1000u);

  const v1::Subscribe some_wait =
      server.Attach(Channel(), {.batches = 3, .bytes = 600}, kNow);
  EXPECT_EQ(some_wait.credit().messages(), 1u);
  EXPECT_EQ(some_wait.credit().bytes(), 400u);

  // A batch that is larger than all credit passes alone.
  const v1::Subscribe all_wait =
      server.Attach(Channel(), {.batches = 5, .bytes = 2000}, kNow);
  EXPECT_EQ(all_wait.credit().messages(), 0u);
  EXPECT_EQ(all_wait.credit().bytes(), 0u);
}

TEST(ServerEpoch, CreditIsTakenAndReturned) {
  ServerEpoch server = Streaming({.prefetch_size = 2});
  EXPECT_TRUE(server.TakeCredit(kNow));
  EXPECT_TRUE(server.TakeCredit(kNow));
  EXPECT_FALSE(server.TakeCredit(kNow));
  EXPECT_EQ(server.ReturnCredit(/*waited=*/{}, kNow), 1u);
  EXPECT_TRUE(server.TakeCredit(kNow));
}

TEST(ServerEpoch, CreditIsRefundedForWhatDoesNotReachTheTrainer) {
  ServerEpoch server = Streaming({.prefetch_size = 1});
  EXPECT_TRUE(server.TakeCredit(kNow));
  server.RefundCredit(kNow);
  EXPECT_EQ(server.credit(), 1u);
}

TEST(ServerEpoch, BreakIsTriedAgainAsTheNextAttempt) {
  ServerEpoch server = Streaming();
  EXPECT_EQ(server.state(), State::kStreaming);
  EXPECT_EQ(server.Break(kLost, kStart), std::nullopt);
  EXPECT_EQ(server.state(), State::kBroken);
  EXPECT_GT(server.retry_at(), kStart);
  server.Recover();
  EXPECT_EQ(server.state(), State::kRecovering);
  EXPECT_EQ(server.ledger().attempt(), 1u);
  EXPECT_EQ(server.Attach(Channel(), {}, kNow).attempt(), 1u);
  EXPECT_EQ(server.state(), State::kStreaming);
}

TEST(ServerEpoch, OnlyABreakThatAnotherTryMayMendIsTriedAgain) {
  using absl::StatusCode;
  for (const StatusCode code :
       {StatusCode::kUnavailable, StatusCode::kDeadlineExceeded,
        StatusCode::kCancelled, StatusCode::kInternal, StatusCode::kUnknown}) {
    ServerEpoch server = Streaming();
    EXPECT_EQ(server.Break(absl::Status(code, "why"), kStart), std::nullopt)
        << absl::StatusCodeToString(code);
  }
  for (const StatusCode code :
       {StatusCode::kAborted, StatusCode::kPermissionDenied,
        StatusCode::kInvalidArgument, StatusCode::kFailedPrecondition}) {
    ServerEpoch server = Streaming();
    const auto over = server.Break(absl::Status(code, "why"), kStart);
    ASSERT_TRUE(over.has_value()) << absl::StatusCodeToString(code);
    EXPECT_THAT(*over, StatusIs(code, AllOf(HasSubstr("channel 7, epoch 3"),
                                            HasSubstr("gateway:1: why"))));
  }
}

// The gateway does not know why a channel is gone; the registry does.
TEST(ServerEpoch, ChannelThatTheGatewayDoesNotKnowIsAskedForOnce) {
  ServerEpoch server = Streaming();
  const absl::Status gone = absl::NotFoundError("gone");
  EXPECT_EQ(server.Break(gone, kStart), std::nullopt);
  server.Recover();
  const auto over = server.Break(gone, kStart);
  ASSERT_TRUE(over.has_value());
  EXPECT_THAT(*over, StatusIs(absl::StatusCode::kNotFound));
}

TEST(ServerEpoch, GivesUpOnceNothingCameForTheRecoveryTimeout) {
  ServerEpoch server = Streaming({.recovery_timeout = absl::Minutes(2)});
  absl::Time now = kStart;
  std::optional<absl::Status> over;
  int tries = 0;
  while (!(over = server.Break(kLost, now)).has_value()) {
    now = server.retry_at();
    server.Recover();
    ASSERT_LT(++tries, 10000);
  }
  EXPECT_THAT(*over,
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("within 2m"), HasSubstr("link lost"))));
  EXPECT_GT(tries, 2);
  EXPECT_LT(now, kStart + absl::Minutes(2));
}

TEST(ServerEpoch, ABatchPutsOffGivingUp) {
  ServerEpoch server = Streaming({.recovery_timeout = absl::Minutes(2)});
  for (int i = 0; i < 5; ++i) {
    const absl::Time now = kStart + i * absl::Minutes(3);
    EXPECT_EQ(server.Break(kLost, now), std::nullopt);
    server.Recover();
    server.Attach(Channel(), {}, kNow);
    EpochLedger::Booking booking;
    ASSERT_EQ(server.OnBatch(Header(server, i), /*seed_digest=*/5, &booking),
              EpochLedger::Verdict::kNew);
    ASSERT_EQ(booking.batches.size(), 1u);
    EXPECT_EQ(booking.batches[0].begin(), static_cast<uint64_t>(i));
    EXPECT_EQ(booking.seed_digest, 5u);
  }
}

TEST(ServerEpoch, WhatComesTwiceIsNoProgress) {
  ServerEpoch server = Streaming({.recovery_timeout = absl::Minutes(2)});
  EpochLedger::Booking booking;
  server.OnBatch(Header(server, 4), 5, &booking);
  ASSERT_EQ(server.Break(kLost, kStart), std::nullopt);
  server.Recover();
  server.Attach(Channel(), {}, kNow);
  EXPECT_EQ(server.OnBatch(Header(server, 4), 5, &booking),
            EpochLedger::Verdict::kDuplicate);
  EXPECT_TRUE(server.Break(kLost, kStart + absl::Minutes(2)).has_value());
}

TEST(ServerEpoch, FailedBatchesAreBookedAsSuch) {
  ServerEpoch server = Streaming();
  v1::BatchError error;
  error.set_channel_id(kChannel);
  error.set_epoch(3);
  error.set_batch_index(2);
  EpochLedger::Booking booking;
  EXPECT_EQ(server.OnBatchError(error, &booking), EpochLedger::Verdict::kNew);
  EXPECT_TRUE(booking.failed);
  ASSERT_EQ(booking.batches.size(), 1u);
  EXPECT_EQ(booking.batches[0].begin(), 2u);
  EXPECT_EQ(server.ledger().num_held(), 1u);
}

}  // namespace
}  // namespace fairlead
