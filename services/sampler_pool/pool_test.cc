#include "services/sampler_pool/pool.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <new>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"
#include "services/sampler_pool/channel_reader.h"
#include "services/sampler_pool/pool_fixture.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::kBatches;
using ::fairlead::testing::PoolFixture;
using ::fairlead::testing::ReceivedEpoch;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

class PoolTest : public PoolFixture {};

TEST_F(PoolTest, EpochHasEveryBatchOnceAndThenItsEnd) {
  StartPool(/*workers=*/3);
  Register(Spec(1));
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    ASSERT_THAT(StartEpoch(1, epoch), IsOk());
    const ReceivedEpoch result = Drain(1, epoch);
    EXPECT_EQ(result.digests.size(), kBatches);
    EXPECT_EQ(result.end.batches(), kBatches);
    EXPECT_EQ(result.end.failed_batches(), 0u);
    EXPECT_EQ(result.end.seed_digest(), result.seed_digest);
  }
}

TEST_F(PoolTest, BatchesAreTheSameWhateverMakesThem) {
  std::vector<std::map<uint64_t, uint64_t>> digests;
  for (const int workers : {1, 4}) {
    StartPool(workers);
    Register(Spec(1));
    ASSERT_THAT(StartEpoch(1, 5), IsOk());
    digests.push_back(Drain(1, 5).digests);
    readers_.clear();
    pool_.reset();
  }
  EXPECT_EQ(digests[0], digests[1]);
}

// Parity W-01: a consumer that takes nothing parks its own channel alone.
TEST_F(PoolTest, StoppedConsumerDelaysNobodyElse) {
  StartPool(/*workers=*/1);
  Register(Spec(1, /*buffer_bytes=*/100'000));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  Register(Spec(2));
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    ASSERT_THAT(StartEpoch(2, epoch), IsOk());
    EXPECT_EQ(Drain(2, epoch).digests.size(), kBatches);
  }
  EXPECT_EQ(Drain(1, 0).digests.size(), kBatches);  // and loses nothing
}

TEST_F(PoolTest, BatchesLargerThanWasPromisedWaitForRoomAndAllArrive) {
  StartPool(/*workers=*/4);
  // A batch is some 20 kB, and at first an eighth of this is promised.
  Register(Spec(1, /*buffer_bytes=*/40'000));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  const ReceivedEpoch result = Drain(1, 0);
  EXPECT_EQ(result.digests.size(), kBatches);
  EXPECT_EQ(result.end.failed_batches(), 0u);
}

TEST_F(PoolTest, BatchThatNeverFitsIsAnErrorInItsPlaceAndTheEpochEnds) {
  StartPool(/*workers=*/2);
  Register(Spec(1, /*buffer_bytes=*/4096));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  const ReceivedEpoch result = Drain(1, 0);
  EXPECT_TRUE(result.digests.empty());
  ASSERT_EQ(result.errors.size(), kBatches);
  EXPECT_THAT(result.errors.at(0).message(), HasSubstr("buffer_bytes"));
  EXPECT_EQ(result.end.failed_batches(), kBatches);
}

TEST_F(PoolTest, AttemptMakesOnlyWhatIsNotHeld) {
  StartPool(/*workers=*/2);
  Register(Spec(1));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  const ReceivedEpoch whole = Drain(1, 0);
  ASSERT_THAT(StartEpoch(1, 0, /*attempt=*/1, {{0, 3}, {5, kBatches - 1}}),
              IsOk());
  const ReceivedEpoch rest = Drain(1, 0, /*attempt=*/1);
  EXPECT_THAT(
      rest.digests,
      ::testing::ElementsAre(
          ::testing::Pair(3, whole.digests.at(3)),
          ::testing::Pair(4, whole.digests.at(4)),
          ::testing::Pair(kBatches - 1, whole.digests.at(kBatches - 1))));
  EXPECT_EQ(rest.end.batches(), kBatches);
}

TEST_F(PoolTest, NextEpochCancelsWhatIsLeftAndStaleStartsChangeNothing) {
  StartPool(/*workers=*/2);
  Register(Spec(1, /*buffer_bytes=*/60'000));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  ASSERT_THAT(StartEpoch(1, 7), IsOk());
  ASSERT_THAT(StartEpoch(1, 7), IsOk());
  ASSERT_THAT(StartEpoch(1, 3), IsOk());
  EXPECT_EQ(Drain(1, 7).digests.size(), kBatches);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::ChannelDescription description,
                                pool_->DescribeInput(1));
  EXPECT_EQ(description.epoch(), 7u);
  EXPECT_EQ(description.completed_batches(), kBatches);
  EXPECT_EQ(description.state(), v1::CHANNEL_STATE_IDLE);
}

TEST_F(PoolTest, UnregisteredChannelIsClosedAmidItsEpoch) {
  StartPool(/*workers=*/2);
  Register(Spec(1, /*buffer_bytes=*/60'000));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  pool_->UnregisterInput(1);
  pool_->UnregisterInput(1);
  EXPECT_THAT(readers_.at(1)->AwaitClosed(),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(StartEpoch(1, 1), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(PoolTest, RegisteringTwiceIsOneChannelOrAMismatch) {
  StartPool(/*workers=*/1);
  Register(Spec(1));
  EXPECT_THAT(pool_->RegisterInput(Spec(1)), IsOk());
  v1::ChannelSpec other = Spec(1);
  other.mutable_config()->set_batch_size(7);
  EXPECT_THAT(pool_->RegisterInput(other),
              StatusIs(absl::StatusCode::kAlreadyExists));
  v1::ChannelSpec bad = Spec(2);
  bad.mutable_config()->set_batch_size(0);
  EXPECT_THAT(
      pool_->RegisterInput(bad),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("batch_size")));
  EXPECT_THAT(pool_->RegisterInput(Spec(3, /*buffer_bytes=*/1 << 30)),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("--shm_budget")));
}

// A pool that was restarted is asked for its channels before it has heard of
// them from the registry: that they are gone would be a lie.
TEST_F(PoolTest, UntilItsChannelsAreAssignedWhatIsNotHereMayStillCome) {
  StartPool({.awaits_assignments = true});
  EXPECT_THAT(StartEpoch(1, 0), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(pool_->DescribeInput(1),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(pool_->Reconcile({}, {Spec(1)}), ::testing::IsEmpty());
  EXPECT_THAT(StartEpoch(1, 0), IsOk());
  EXPECT_THAT(StartEpoch(2, 0), StatusIs(absl::StatusCode::kNotFound));
  // What it held and should not any more, goes; what came meanwhile, stays.
  EXPECT_THAT(pool_->RegisterInput(Spec(3)), IsOk());
  EXPECT_THAT(pool_->Reconcile({1}, {}), ::testing::IsEmpty());
  EXPECT_THAT(StartEpoch(1, 1), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(StartEpoch(3, 0), IsOk());
}

// --- failures inside (W-14, N-07)
// --------------------------------------------

// What fails three batches in a hundred, each time it is tried.
absl::Status FailSome(uint64_t /*channel*/, uint64_t batch_index) {
  if (batch_index % 33 != 1) return absl::OkStatus();
  return absl::InternalError("injected");
}

TEST_F(PoolTest, PoisonousBatchIsTriedThriceAndThenAnErrorInItsPlace) {
  Mutex mutex;
  std::map<uint64_t, int> tries;
  StartPool(/*workers=*/3, [&](uint64_t channel, uint64_t batch_index) {
    MutexLock lock(&mutex);
    ++tries[batch_index];
    return FailSome(channel, batch_index);
  });
  Register(Spec(1));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  const ReceivedEpoch result = Drain(1, 0);
  EXPECT_EQ(result.digests.size() + result.errors.size(), kBatches);
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_THAT(result.errors.at(1).message(), HasSubstr("injected"));
  EXPECT_EQ(result.end.failed_batches(), 1u);
  {
    MutexLock lock(&mutex);
    EXPECT_EQ(tries.at(1), 3);
    EXPECT_EQ(tries.at(2), 1);
  }
}

TEST_F(PoolTest, BatchThatFailsOnceIsMadeAllTheSame) {
  std::atomic<int> failures = 0;
  StartPool(/*workers=*/2, [&failures](uint64_t, uint64_t batch_index) {
    return batch_index == 3 && failures++ == 0 ? absl::UnavailableError("once")
                                               : absl::OkStatus();
  });
  Register(Spec(1));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  const ReceivedEpoch result = Drain(1, 0);
  EXPECT_EQ(result.digests.size(), kBatches);
  EXPECT_EQ(result.end.seed_digest(), result.seed_digest);
}

TEST_F(PoolTest, WorkerSurvivesAnException) {
  StartPool(/*workers=*/1, [](uint64_t, uint64_t batch_index) -> absl::Status {
    if (batch_index == 2) throw std::bad_alloc();
    return absl::OkStatus();
  });
  Register(Spec(1));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  const ReceivedEpoch result = Drain(1, 0);
  EXPECT_EQ(result.digests.size(), kBatches - 1);
  EXPECT_EQ(result.errors.count(2), 1u);
}

TEST_F(PoolTest, FailingChannelBeginsNoFurtherBatchAndAccountsForAll) {
  StartPool(/*workers=*/2, FailSome);
  v1::ChannelSpec spec = Spec(1);
  spec.set_failure_policy(v1::FAILURE_POLICY_FAIL);
  Register(spec);
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  const ReceivedEpoch result = Drain(1, 0);
  ASSERT_EQ(result.errors.size(), 1u);
  uint64_t failed = 1;
  for (const v1::BatchRange& range : result.errors.at(1).also_failed()) {
    failed += range.end() - range.begin();
  }
  EXPECT_EQ(result.digests.size() + failed, kBatches);
  EXPECT_EQ(result.end.failed_batches(), failed);
}

// --- control of a live channel (N-20)
// ------------------------------------------

TEST_F(PoolTest, PausedChannelMakesNothingUntilItIsResumed) {
  StartPool(/*workers=*/2);
  v1::ChannelSpec spec = Spec(1);
  spec.mutable_control()->set_paused(true);
  Register(spec);
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  EXPECT_EQ(pool_->DescribeInput(1)->state(), v1::CHANNEL_STATE_PAUSED);
  EXPECT_EQ(pool_->DescribeInput(1)->submitted_batches(), 0u);
  ASSERT_THAT(pool_->UpdateInput(1, {}), IsOk());
  EXPECT_EQ(Drain(1, 0).digests.size(), kBatches);
}

// No batch was queued before its channel could have been served for it.
TEST_F(PoolTest, StampsAreInOrderAndBeginWhenTheChannelCouldBeServed) {
  StartPool(/*workers=*/2);
  Register(Spec(1));
  const auto now = [this] {
    return static_cast<uint64_t>(
        absl::ToInt64Nanoseconds(clock_.MonotonicNow()));
  };
  for (uint64_t epoch = 0; epoch < 2; ++epoch) {
    v1::ChannelControl control;
    control.set_paused(true);
    ASSERT_THAT(pool_->UpdateInput(1, control), IsOk());
    ASSERT_THAT(StartEpoch(1, epoch), IsOk());
    const uint64_t resumed = now();
    control.set_paused(false);
    ASSERT_THAT(pool_->UpdateInput(1, control), IsOk());
    const ReceivedEpoch result = Drain(1, epoch);
    const uint64_t drained = now();
    EXPECT_EQ(result.traces.size(), kBatches);
    for (const auto& [index, trace] : result.traces) {
      EXPECT_LE(resumed, trace.queued_ns());
      EXPECT_LE(trace.queued_ns(), trace.started_ns());
      EXPECT_LE(trace.started_ns(), trace.sampled_ns());
      EXPECT_LE(trace.sampled_ns(), trace.features_ns());
      EXPECT_LE(trace.features_ns(), trace.committed_ns());
      EXPECT_LE(trace.committed_ns(), drained);
    }
  }
}

TEST_F(PoolTest, CancelledEpochEndsInBandAndTheNextOneRuns) {
  StartPool(/*workers=*/2);
  Register(Spec(1, /*buffer_bytes=*/60'000));
  ASSERT_THAT(StartEpoch(1, 0), IsOk());
  ASSERT_THAT(pool_->CancelEpoch(1, 5), IsOk());  // is not in that one
  ASSERT_THAT(pool_->CancelEpoch(1, 0), IsOk());
  ASSERT_THAT(pool_->CancelEpoch(1, 0), IsOk());
  EXPECT_TRUE(Drain(1, 0).end.cancelled());
  ASSERT_THAT(StartEpoch(1, 1), IsOk());
  const ReceivedEpoch next = Drain(1, 1);
  EXPECT_EQ(next.digests.size(), kBatches);
  EXPECT_FALSE(next.end.cancelled());
}

TEST_F(PoolTest, BadControlIsRefusedByFieldAndChangesNothing) {
  StartPool(/*workers=*/1);
  Register(Spec(1));
  v1::ChannelControl control;
  control.set_weight(-1);
  EXPECT_THAT(
      pool_->UpdateInput(1, control),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("weight")));
  EXPECT_EQ(pool_->DescribeInput(1)->control().weight(), 0);
  control.set_weight(3);
  ASSERT_THAT(pool_->UpdateInput(1, control), IsOk());
  EXPECT_EQ(pool_->DescribeInput(1)->control().weight(), 3);
  EXPECT_THAT(pool_->UpdateInput(2, control),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(PoolTest, ManyCallsForOneChannelMakeItOnce) {
  StartPool(/*workers=*/1);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [this] { EXPECT_THAT(pool_->RegisterInput(Spec(1)), IsOk()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool_->DescribeAll().size(), 1u);
}

TEST_F(PoolTest, IdleChannelsTakeNoSharedMemory) {
  StartPool(/*workers=*/1, {}, /*max_channels=*/2000);
  for (uint64_t id = 1; id <= 1000; ++id) {
    ASSERT_THAT(pool_->RegisterInput(Spec(id, /*buffer_bytes=*/8192)), IsOk());
  }
  // The doorbell alone.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_),
                          std::filesystem::directory_iterator()),
            1);
}

// Everything at once, for TSan to look at: trainers that load, and hands that
// describe, weigh, pause and resume them, and make and destroy channels beside
// them.
TEST_F(PoolTest, StressOfTrainersAndHandsEndsWithEveryBatch) {
  static constexpr uint64_t kTrainers = 4;
  constexpr uint64_t kEpochs = 6;
  StartPool(/*workers=*/3, FailSome);
  for (uint64_t id = 1; id <= kTrainers; ++id) {
    Register(Spec(id, /*buffer_bytes=*/120'000));
  }
  std::vector<std::thread> trainers;
  for (uint64_t id = 1; id <= kTrainers; ++id) {
    trainers.emplace_back([this, id] {
      for (uint64_t epoch = 0; epoch < kEpochs; ++epoch) {
        ASSERT_THAT(StartEpoch(id, epoch), IsOk());
        const ReceivedEpoch result = Drain(id, epoch);
        EXPECT_EQ(result.digests.size() + result.errors.size(), kBatches);
      }
    });
  }
  std::vector<std::thread> hands;
  for (uint64_t hand = 0; hand < 2; ++hand) {
    hands.emplace_back([this, hand] {
      for (uint64_t i = 0; i < 300; ++i) {
        RandomStream random(17, i, static_cast<uint32_t>(hand));
        const uint64_t id = 1 + random.Below(kTrainers);
        v1::ChannelControl control;
        control.set_weight(1 + static_cast<double>(random.Below(4)));
        control.set_priority(static_cast<uint32_t>(random.Below(4)));
        control.set_paused(true);
        EXPECT_THAT(pool_->UpdateInput(id, control), IsOk());
        EXPECT_THAT(pool_->DescribeInput(id), IsOk());
        control.set_paused(false);
        EXPECT_THAT(pool_->UpdateInput(id, control), IsOk());
        const uint64_t other = 100 + hand;
        EXPECT_THAT(pool_->RegisterInput(Spec(other, 8192)), IsOk());
        EXPECT_THAT(StartEpoch(other, i), IsOk());
        EXPECT_GE(pool_->DescribeAll().size(), kTrainers);
        pool_->UnregisterInput(other);
        // Its last batches come to their end before it may come again.
        while (absl::IsUnavailable(
            pool_->RegisterInput(Spec(other, 8192)).status())) {
          std::this_thread::yield();
        }
        pool_->UnregisterInput(other);
        while (pool_->DescribeInput(other).ok()) std::this_thread::yield();
      }
    });
  }
  for (std::thread& hand : hands) hand.join();
  for (std::thread& trainer : trainers) trainer.join();
}

}  // namespace
}  // namespace fairlead
