// Streams that break, and servers that go away.

#include <atomic>
#include <cstdint>
#include <future>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "libs/loader/fake_cluster.h"
#include "libs/loader/receiving_trainer.h"
#include "libs/status/status_matchers.h"

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

const grpc::Status kLinkLost(grpc::StatusCode::UNAVAILABLE, "link lost");

TEST(RemoteReceivingChannel, BrokenStreamIsResumedWithWhatIsMissing) {
  Trainer trainer({.batches = 6, .script = [](Stream& stream) {
                     if (stream.attempt() < 3) {
                       // One more batch in each attempt, from the back.
                       stream.SendBatch(5 - stream.attempt());
                       return kLinkLost;
                     }
                     stream.SendAll();
                     return stream.AwaitClose();
                   }});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  const Trainer::Epoch got = trainer.Drain();
  EXPECT_THAT(got.errors, IsEmpty());
  EXPECT_THAT(got.batches, UnorderedElementsAre(0, 1, 2, 3, 4, 5));
  const std::vector<v1::StartEpochRequest> started = trainer.cluster.started();
  ASSERT_THAT(started, SizeIs(4));
  for (uint32_t attempt = 0; attempt < 4; ++attempt) {
    EXPECT_EQ(started[attempt].attempt(), attempt);
    ASSERT_EQ(started[attempt].held_size(), attempt == 0 ? 0 : 1);
    if (attempt == 0) continue;
    EXPECT_EQ(started[attempt].held(0).begin(), 6 - attempt);
    EXPECT_EQ(started[attempt].held(0).end(), 6u);
  }
  EXPECT_EQ(trainer->stats().recoveries, 3u);
  EXPECT_EQ(trainer->stats().duplicates, 0u);
}

// What waits for the trainer counts against the new stream's credit, or each
// break would let the queue grow by another prefetch_size.
TEST(RemoteReceivingChannel, ResumedStreamGetsCreditForTheRestOnly) {
  std::promise<uint64_t> second_credit;
  Trainer trainer(
      {.batches = 5,
       .script =
           [&](Stream& stream) {
             if (stream.attempt() == 0) {
               stream.SendBatch(0);
               stream.SendBatch(1);
               return kLinkLost;
             }
             second_credit.set_value(stream.subscribe().credit().messages());
             stream.SendAll();
             return stream.AwaitClose();
           }},
      {.prefetch_size = 3});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  EXPECT_EQ(second_credit.get_future().get(), 1u);
  EXPECT_THAT(trainer.Drain().batches, UnorderedElementsAre(0, 1, 2, 3, 4));
}

TEST(RemoteReceivingChannel, StreamThatBreaksBeforeTheEndMarkIsResumed) {
  Trainer trainer({.batches = 2, .script = [](Stream& stream) {
                     if (stream.attempt() == 0) {
                       stream.SendBatch(0);
                       stream.SendBatch(1);
                       return grpc::Status::OK;  // but no end
                     }
                     stream.SendAll();
                     return stream.AwaitClose();
                   }});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  const Trainer::Epoch got = trainer.Drain();
  EXPECT_THAT(got.errors, IsEmpty());
  EXPECT_THAT(got.batches, ElementsAre(0, 1));
}

TEST(RemoteReceivingChannel, ResumesAgainWhenTheRegistryIsAwayMeanwhile) {
  std::atomic<int> refusals = 2;
  Trainer trainer({.batches = 2,
                   .script =
                       [](Stream& stream) {
                         if (stream.attempt() == 0) return kLinkLost;
                         stream.SendAll();
                         return stream.AwaitClose();
                       },
                   .on_start_epoch =
                       [&](const v1::StartEpochRequest& request) {
                         return request.attempt() > 0 && refusals-- > 0
                                    ? absl::UnavailableError("pool is away")
                                    : absl::OkStatus();
                       }});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  EXPECT_THAT(trainer.Drain().batches, UnorderedElementsAre(0, 1));
}

TEST(RemoteReceivingChannel, GivesUpWhenAServerStaysAway) {
  Trainer trainer({.batches = 4,
                   .script =
                       [](Stream& stream) {
                         stream.SendBatch(0);
                         return kLinkLost;
                       },
                   .on_start_epoch =
                       [](const v1::StartEpochRequest& request) {
                         return request.attempt() > 0
                                    ? absl::UnavailableError("pool is away")
                                    : absl::OkStatus();
                       }},
                  {.recovery_timeout = absl::Milliseconds(200)});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  const Trainer::Epoch got = trainer.Drain();
  EXPECT_THAT(got.batches, ElementsAre(0));
  ASSERT_THAT(got.errors, SizeIs(1));
  EXPECT_THAT(got.errors[0],
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("could not be resumed within 200ms"),
                             HasSubstr("pool is away"))));
  EXPECT_EQ(trainer->stats().missing, 3u);
}

// Another reader has the channel: taking it back would start a fight.
TEST(RemoteReceivingChannel, TakenOverStreamIsNotResumed) {
  Trainer trainer({.batches = 4, .script = [](Stream& stream) {
                     stream.SendBatch(0);
                     return grpc::Status(grpc::StatusCode::ABORTED,
                                         "taken over");
                   }});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  const Trainer::Epoch got = trainer.Drain();
  EXPECT_THAT(got.batches, ElementsAre(0));
  EXPECT_THAT(got.errors, ElementsAre(StatusIs(absl::StatusCode::kAborted,
                                               HasSubstr("taken over"))));
  EXPECT_THAT(trainer.cluster.started(), SizeIs(1));
}

grpc::Status Gone() { return {grpc::StatusCode::NOT_FOUND, "gone"}; }

TEST(RemoteReceivingChannel, ChannelThatWentWithItsLeaseIsMadeAnew) {
  FakeCluster* cluster = nullptr;
  Trainer trainer({.batches = 4, .script = [&cluster](Stream& stream) {
                     if (stream.attempt() == 0) {
                       stream.SendBatch(2);
                       cluster->EndLeases();
                       return Gone();
                     }
                     stream.SendAll();
                     return stream.AwaitClose();
                   }});
  cluster = &trainer.cluster;
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  const Trainer::Epoch got = trainer.Drain();
  EXPECT_THAT(got.errors, IsEmpty());
  EXPECT_THAT(got.batches, UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_EQ(trainer->stats().duplicates, 0u);
  // Between two epochs as well.
  cluster->EndLeases();
  ASSERT_THAT(trainer->StartEpoch(1), IsOk());
}

TEST(RemoteReceivingChannel, ChannelThatSomebodyElseDestroyedIsNotMadeAnew) {
  FakeCluster* cluster = nullptr;
  Trainer trainer({.batches = 4, .script = [&cluster](Stream& stream) {
                     stream.SendBatch(2);
                     cluster->DestroyChannels();
                     return Gone();
                   }});
  cluster = &trainer.cluster;
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  const Trainer::Epoch got = trainer.Drain();
  EXPECT_THAT(got.batches, ElementsAre(2));
  EXPECT_THAT(got.errors,
              ElementsAre(StatusIs(absl::StatusCode::kNotFound,
                                   HasSubstr("destroyed by somebody else"))));
}

TEST(RemoteReceivingChannel, LossOfOneServerLeavesTheOthers) {
  Trainer trainer({.batches = 4, .pools = 2, .script = [](Stream& stream) {
                     if (stream.subscribe().channel_id() % 2 == 0) {
                       return grpc::Status(
                           grpc::StatusCode::FAILED_PRECONDITION, "no");
                     }
                     stream.SendAll();
                     return stream.AwaitClose();
                   }});
  ASSERT_THAT(trainer->StartEpoch(0), IsOk());
  const Trainer::Epoch got = trainer.Drain();
  EXPECT_THAT(got.batches, UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_THAT(got.errors,
              ElementsAre(StatusIs(absl::StatusCode::kFailedPrecondition)));
}

}  // namespace
}  // namespace fairlead
