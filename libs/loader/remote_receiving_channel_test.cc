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
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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

// RC-07, RC-08.
TEST(RemoteReceivingChannel, ServersWithFiveAndWithoutBatchesAreFiveAndAnEnd) {
  std::atomic<int> streams = 0;
  Trainer trainer({.pools = 2,
                   .batches_of_pool = {{0, 5}, {1, 0}},
                   .script =
                       [&streams](Stream& stream) {
                         ++streams;
                         stream.SendAll();
                         return stream.AwaitClose();
                       }},
                  {.prefetch_size = 2});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  std::multiset<int64_t> seeds;
  for (int i = 0; i < 5; ++i) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch, trainer->Recv());
    ASSERT_TRUE(batch.has_value());
    EXPECT_EQ(batch->server, 0u);
    const auto of_batch = batch->message.Find("batch")->As<int64_t>();
    seeds.insert(of_batch.begin(), of_batch.end());
  }
  EXPECT_THAT(seeds, ElementsAre(0, 1, 10, 11, 20, 21, 30, 31, 40, 41));
  const uint64_t requested = trainer->stats().requested;
  for (int again = 0; again < 3; ++again) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto end, trainer->Recv());
    EXPECT_FALSE(end.has_value());
  }
  // Nobody is asked for what comes after an end.
  EXPECT_EQ(trainer->stats().requested, requested);
  trainer.Close();
  EXPECT_EQ(streams, 2);
  EXPECT_THAT(trainer.cluster.started(), SizeIs(2));
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
  refused({.max_prefetch_size = 0, .start_epoch = start}, "max_prefetch_size");
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

TEST(RemoteReceivingChannel, FailedBatchIsOneErrorAndTheRestGoesOn) {  // RC-09
  for (const char* text :
       {"no luck", "n\xC3\xA4h \xE2\x80\x94 \xE5\x8D\xB1", ""}) {
    SCOPED_TRACE(text);
    Trainer trainer({.batches = 3,
                     .script =
                         [text](Stream& stream) {
                           stream.SendBatch(0);
                           stream.SendError(1, absl::OutOfRangeError(text));
                           stream.SendBatch(2);
                           stream.SendEnd();
                           return stream.AwaitClose();
                         }},
                    {.prefetch_size = 1});
    ASSERT_THAT(trainer->StartEpoch(0), IsOk());
    const Trainer::Epoch got = trainer.Drain();
    EXPECT_THAT(got.batches, ElementsAre(0, 2));
    ASSERT_THAT(got.errors, ElementsAre(StatusIs(absl::StatusCode::kOutOfRange,
                                                 HasSubstr("batch 1: "))));
    EXPECT_THAT(std::string(got.errors[0].message()), EndsWith(text));  // RC-14
    EXPECT_EQ(trainer->stats().failed, 1u);
    EXPECT_EQ(trainer->stats().missing, 0u);
  }
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
