#include "libs/loader/remote_receiving_channel.h"

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/loader/fake_cluster.h"
#include "libs/loader/receiving_trainer.h"
#include "libs/loader/sampling_input.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using Trainer = ReceivingTrainer;
using Stream = FakeCluster::Stream;

TEST(RemoteReceivingChannel, DeliversEveryBatchOnceThenEndsForGood) {
  Trainer trainer({.batches = 20});
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    ASSERT_THAT(trainer->StartEpoch(epoch), IsOk());
    const Trainer::Epoch got = trainer.Drain();
    EXPECT_THAT(got.errors, IsEmpty());
    EXPECT_THAT(std::set<uint64_t>(got.batches.begin(), got.batches.end()),
                SizeIs(20));
    EXPECT_THAT(got.batches, SizeIs(20));
    for (int again = 0; again < 3; ++again) {  // RC-08
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch, trainer->Recv());
      EXPECT_FALSE(batch.has_value());
    }
  }
  const RemoteReceivingChannel::Stats stats = trainer->stats();
  EXPECT_EQ(stats.batches, 60u);
  EXPECT_EQ(stats.duplicates + stats.missing + stats.stale + stats.failed, 0u);
}

TEST(RemoteReceivingChannel, MessagesStartAlignedAndKeepTheirStamps) {
  Trainer trainer({.batches = 3});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  std::vector<ReceivedBatch> batches;
  while (true) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(auto batch, trainer->Recv());
    if (!batch.has_value()) break;
    batches.push_back(*std::move(batch));
  }
  ASSERT_THAT(batches, SizeIs(3));
  for (const ReceivedBatch& batch : batches) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(batch.buffer.get()) % 64, 0u);
    for (const TensorView& tensor : batch.message.tensors) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.bytes.data()) % 64, 0u);
    }
    EXPECT_GT(batch.delivery.sent_ns(), 0u);
    EXPECT_LE(batch.received, batch.consumed);
  }
}

// The last word too: a stream that has come to its end is left to say it, even
// where the next epoch begins at once, or the channel goes.
TEST(RemoteReceivingChannel, SaysWhenItConsumedEachBatchItIsAskedAbout) {
  std::vector<v1::ConsumedBatch> consumed;
  std::atomic<int> closed = 0;
  FakeCluster::Options options{.batches = 5, .timelines = true};
  options.script = [&closed](Stream& stream) {
    stream.SendAll();
    const grpc::Status status = stream.AwaitClose();
    ++closed;
    return status;
  };
  {
    Trainer trainer(std::move(options), {.prefetch_size = 2});
    for (uint64_t epoch = 0; epoch < 3; ++epoch) {
      ASSERT_THAT(trainer->StartEpoch(epoch), IsOk());
      ASSERT_THAT(trainer.Drain().batches, SizeIs(5));
    }
    trainer.Close();
    EXPECT_EQ(closed, 3);
    consumed = trainer.cluster.consumed();
  }
  ASSERT_THAT(consumed, SizeIs(15));
  std::set<std::pair<uint64_t, uint64_t>> which;
  for (const v1::ConsumedBatch& batch : consumed) {
    EXPECT_LE(batch.received_ns(), batch.consumed_ns());
    EXPECT_LE(batch.consumed_ns(), batch.reported_ns());
    which.emplace(batch.epoch(), batch.batch_index());
  }
  EXPECT_THAT(which, SizeIs(15));
}

TEST(RemoteReceivingChannel, SaysNothingOfBatchesItIsNotAskedAbout) {
  Trainer trainer({.batches = 5});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  ASSERT_THAT(trainer.Drain().batches, SizeIs(5));
  trainer.Close();
  EXPECT_THAT(trainer.cluster.consumed(), IsEmpty());
}

TEST(RemoteReceivingChannel, EpochWithoutBatchesEndsAtOnce) {
  Trainer trainer({.batches = 0});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  EXPECT_THAT(trainer.Drain().batches, IsEmpty());
}

TEST(RemoteReceivingChannel, ReceivesFromSeveralServers) {
  Trainer trainer({.batches = 5, .pools = 3});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  EXPECT_THAT(trainer.Drain().batches, SizeIs(15));
}

TEST(RemoteReceivingChannel, MaskedServersAreNeverAsked) {  // RC-04
  Trainer one({.batches = 5, .pools = 2}, {.active_mask = {true, false}});
  ASSERT_THAT(one->StartEpoch(0), IsOk());
  EXPECT_THAT(one.Drain().batches, SizeIs(5));
  EXPECT_THAT(one.cluster.started(), SizeIs(1));

  Trainer none({.batches = 5, .pools = 2}, {.active_mask = {false, false}});
  ASSERT_THAT(none->StartEpoch(0), IsOk());
  EXPECT_THAT(none.Drain().batches, IsEmpty());
  EXPECT_THAT(none.cluster.started(), IsEmpty());
}

TEST(RemoteReceivingChannel, OptionsThatCannotWorkAreRefused) {
  const auto start =
      [](size_t, uint64_t, uint32_t,
         absl::Span<const v1::BatchRange>) -> absl::StatusOr<SamplingChannel> {
    return SamplingChannel{};
  };
  const auto refused = [&](RemoteReceivingChannel::Options options,
                           const char* why) {
    EXPECT_THAT(RemoteReceivingChannel::Create(std::move(options)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  refused({.num_servers = 0, .start_epoch = start}, "num_servers");
  refused({.prefetch_size = 0, .start_epoch = start}, "prefetch_size");
  refused({.credit_bytes = 0, .start_epoch = start}, "credit_bytes");
  refused({.num_servers = 2, .active_mask = {true}, .start_epoch = start},
          "1 entries for 2 servers");
  refused({.start_epoch = nullptr}, "start_epoch");
}

TEST(RemoteReceivingChannel, RecvBeforeAnEpochIsAnError) {
  Trainer trainer({});
  EXPECT_THAT(trainer->Recv(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                        HasSubstr("StartEpoch")));
}

// The gateway may send prefetch_size batches ahead, and no more until the
// trainer takes one: the credit it is given never exceeds that (RC-03).
TEST(RemoteReceivingChannel, SlowTrainerHoldsTheGatewayBack) {
  constexpr uint64_t kPrefetch = 3;
  std::promise<void> all_credit_used;
  std::promise<uint64_t> next_credit;
  std::atomic<uint64_t> taken = 0;
  Trainer trainer(
      {.batches = 10,
       .script =
           [&](Stream& stream) {
             EXPECT_EQ(stream.subscribe().credit().messages(), kPrefetch);
             EXPECT_EQ(stream.subscribe().credit().bytes(), 1000u);
             for (uint64_t i = 0; i < kPrefetch; ++i) stream.SendBatch(i);
             all_credit_used.set_value();
             stream.AwaitCredit(kPrefetch + 1);  // blocks until Recv
             next_credit.set_value(taken.load());
             for (uint64_t i = kPrefetch; i < 10; ++i) stream.SendBatch(i);
             stream.SendEnd();
             return stream.AwaitClose();
           }},
      {.prefetch_size = kPrefetch, .credit_bytes = 1000});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  all_credit_used.get_future().wait();
  taken = 1;
  ASSERT_THAT(trainer->Recv(), IsOk());
  EXPECT_EQ(next_credit.get_future().get(), 1u);
  EXPECT_THAT(trainer.Drain().batches, SizeIs(9));
}

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

TEST(RemoteReceivingChannel, FailedBatchIsOneErrorAndTheRestGoesOn) {  // RC-09
  Trainer trainer({.batches = 3,
                   .script =
                       [](Stream& stream) {
                         stream.SendBatch(0);
                         stream.SendError(1, absl::OutOfRangeError("näh"));
                         stream.SendBatch(2);
                         stream.SendEnd();
                         return stream.AwaitClose();
                       }},
                  {.prefetch_size = 1});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  const Trainer::Epoch got = trainer.Drain();
  EXPECT_THAT(got.batches, ElementsAre(0, 2));
  EXPECT_THAT(got.errors, ElementsAre(StatusIs(
                              absl::StatusCode::kOutOfRange,
                              AllOf(HasSubstr("batch 1"), HasSubstr("näh")))));
  EXPECT_EQ(trainer->stats().failed, 1u);
  EXPECT_EQ(trainer->stats().missing, 0u);
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

// RC-10, where the original delivers them.
TEST(RemoteReceivingChannel, NothingOfABrokenOffEpochComesLater) {
  for (uint64_t taken = 0; taken <= 6; ++taken) {
    SCOPED_TRACE(taken);
    Trainer trainer({.batches = 6});
    ASSERT_THAT(trainer->StartEpoch(0), IsOk());
    for (uint64_t i = 0; i < taken; ++i) ASSERT_THAT(trainer->Recv(), IsOk());
    ASSERT_THAT(trainer->StartEpoch(1), IsOk());
    for (int i = 0; i < 6; ++i) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch, trainer->Recv());
      ASSERT_TRUE(batch.has_value());
      EXPECT_EQ(batch->message.header.epoch(), 1u);
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto end, trainer->Recv());
    EXPECT_FALSE(end.has_value());
  }
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

TEST(RemoteReceivingChannel, CancelWakesRecv) {
  Trainer trainer(
      {.batches = 1, .script = [](Stream& s) { return s.AwaitClose(); }});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  std::thread canceller([&] { trainer->Cancel(); });
  EXPECT_THAT(trainer->Recv(), StatusIs(absl::StatusCode::kCancelled));
  canceller.join();
}

TEST(RemoteReceivingChannel, ErrorOfStartEpochComesBack) {
  Trainer trainer({.on_start_epoch = [](const v1::StartEpochRequest&) {
    return absl::NotFoundError("channel 1: gone");
  }});
  EXPECT_THAT(trainer->StartEpoch(0),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("gone")));
  EXPECT_THAT(trainer->Recv(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace fairlead
