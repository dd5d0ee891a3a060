// Gateways that send what they should not.

#include <cstdint>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/loader/fake_cluster.h"
#include "libs/loader/receiving_trainer.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Trainer = ReceivingTrainer;
using Stream = FakeCluster::Stream;

TEST(RemoteReceivingChannel, GatewayThatIgnoresCreditIsCutOff) {
  Trainer trainer(
      {.batches = 10,
       .script =
           [](Stream& stream) {
             v1::ReceiveResponse response;
             for (uint64_t i = 0; i < 10; ++i) {
               v1::BatchError& error = *response.mutable_batch_error();
               error.set_channel_id(stream.subscribe().channel_id());
               error.set_batch_index(i);
               error.set_code(13);
               if (!stream.Send(response)) break;
             }
             return stream.AwaitClose();
           }},
      {.prefetch_size = 2});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  // The reader must not take credit back before all ten are sent.
  while (trainer->stats().missing == 0) std::this_thread::yield();
  const Trainer::Epoch got = trainer.Drain();
  ASSERT_THAT(got.errors, SizeIs(3));
  EXPECT_THAT(got.errors.back(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("credit")));
}

TEST(RemoteReceivingChannel, DuplicatesAreDroppedAndTheirCreditGoesBack) {
  Trainer trainer({.batches = 3,
                   .script =
                       [](Stream& stream) {
                         for (uint64_t i = 0; i < 3; ++i) {
                           stream.SendBatch(i);
                           stream.SendBatch(i);
                         }
                         stream.SendEnd();
                         return stream.AwaitClose();
                       }},
                  {.prefetch_size = 1});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  const Trainer::Epoch got = trainer.Drain();
  EXPECT_THAT(got.errors, IsEmpty());
  EXPECT_THAT(got.batches, ElementsAre(0, 1, 2));
  EXPECT_EQ(trainer->stats().duplicates, 3u);
}

TEST(RemoteReceivingChannel, MissingBatchesAreAnErrorAtTheEnd) {
  Trainer trainer({.batches = 5, .script = [](Stream& stream) {
                     for (const uint64_t i : {0, 1, 3}) stream.SendBatch(i);
                     stream.SendEnd();
                     return stream.AwaitClose();
                   }});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  const Trainer::Epoch got = trainer.Drain();
  EXPECT_THAT(got.batches, ElementsAre(0, 1, 3));
  EXPECT_THAT(got.errors, ElementsAre(StatusIs(absl::StatusCode::kDataLoss,
                                               HasSubstr("[2, 3), [4, 5)"))));
  EXPECT_EQ(trainer->stats().missing, 2u);
}

TEST(RemoteReceivingChannel, SeedsThatAreNotTheEpochsAreAnError) {
  Trainer trainer({.batches = 2, .script = [](Stream& stream) {
                     stream.SendBatch(0);
                     stream.SendBatch(1);
                     v1::EpochEnd end = stream.MakeEnd();
                     end.set_seed_digest(end.seed_digest() + 1);
                     stream.SendEnd(end);
                     return stream.AwaitClose();
                   }});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  EXPECT_THAT(
      trainer.Drain().errors,
      ElementsAre(StatusIs(absl::StatusCode::kDataLoss, HasSubstr("digest"))));
}

TEST(RemoteReceivingChannel, MalformedMessagesAreErrorsAndNeverCrash) {
  Trainer trainer({.batches = 5, .script = [](Stream& stream) {
                     v1::SampleMessage empty;
                     stream.SendEncoded(empty.SerializeAsString());
                     stream.SendEncoded(
                         EncodeMessage(stream.MakeHeader(1), {{"ids", {1}}}));
                     stream.SendEncoded(EncodeMessage(stream.MakeHeader(2),
                                                      {{"batch", {1.0F}, 1}}));
                     stream.SendEncoded(EncodeMessage(stream.MakeHeader(99),
                                                      {{"batch", {1}}}));
                     stream.Send(v1::ReceiveResponse());
                     stream.SendEnd();
                     return stream.AwaitClose();
                   }});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  const Trainer::Epoch got = trainer.Drain();
  EXPECT_THAT(got.batches, IsEmpty());
  ASSERT_THAT(got.errors, SizeIs(6));  // and the end's
  for (const absl::Status& error : got.errors) {
    EXPECT_THAT(error, StatusIs(absl::StatusCode::kDataLoss));
  }
  EXPECT_EQ(trainer->stats().missing, 5u);
}

TEST(RemoteReceivingChannel, BatchesOfEarlierEpochsInTheStreamAreDropped) {
  Trainer trainer({.batches = 2, .script = [](Stream& stream) {
                     v1::MessageHeader stale = stream.MakeHeader(0);
                     stale.set_epoch(4);
                     stream.SendEncoded(EncodeMessage(stale, {{"batch", {1}}}));
                     stream.SendAll();
                     return stream.AwaitClose();
                   }});
  ASSERT_THAT(trainer->StartEpoch(5), IsOk());
  EXPECT_THAT(trainer.Drain().batches, ElementsAre(0, 1));
  EXPECT_EQ(trainer->stats().stale, 1u);
}

}  // namespace
}  // namespace fairlead
