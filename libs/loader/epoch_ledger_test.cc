#include "libs/loader/epoch_ledger.h"

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Verdict = EpochLedger::Verdict;

constexpr uint64_t kChannel = 7;
constexpr uint64_t kEpoch = 3;

v1::MessageHeader Header(uint64_t batch_index, uint32_t attempt = 0) {
  v1::MessageHeader header;
  header.set_channel_id(kChannel);
  header.set_epoch(kEpoch);
  header.set_attempt(attempt);
  header.set_batch_index(batch_index);
  return header;
}

v1::EpochEnd End(uint64_t batches, uint64_t seed_digest) {
  v1::EpochEnd end;
  end.set_channel_id(kChannel);
  end.set_epoch(kEpoch);
  end.set_batches(batches);
  end.set_seed_digest(seed_digest);
  return end;
}

TEST(EpochLedger, CompletesWhenEveryBatchCameOnce) {
  EpochLedger ledger(kChannel, kEpoch, 2);
  EXPECT_EQ(ledger.OnBatch(Header(1), 40), Verdict::kNew);
  EXPECT_EQ(ledger.OnBatch(Header(0), 2), Verdict::kNew);
  EXPECT_THAT(ledger.OnEpochEnd(End(2, 42)), IsOk());
}

TEST(EpochLedger, EpochWithoutBatchesIsCompleteAtOnce) {
  const EpochLedger ledger(kChannel, kEpoch, 0);
  EXPECT_THAT(ledger.OnEpochEnd(End(0, 0)), IsOk());
}

TEST(EpochLedger, DropsWhatItHoldsWithoutCountingItsSeedsAgain) {
  EpochLedger ledger(kChannel, kEpoch, 1);
  EXPECT_EQ(ledger.OnBatch(Header(0), 42), Verdict::kNew);
  EXPECT_EQ(ledger.OnBatch(Header(0), 42), Verdict::kDuplicate);
  EXPECT_THAT(ledger.OnEpochEnd(End(1, 42)), IsOk());
}

TEST(EpochLedger, DropsOtherEpochsAndEarlierAttempts) {
  EpochLedger ledger(kChannel, kEpoch, 3);
  v1::MessageHeader old_epoch = Header(0);
  old_epoch.set_epoch(kEpoch - 1);
  EXPECT_EQ(ledger.OnBatch(old_epoch, 0), Verdict::kStale);
  ledger.NextAttempt();
  EXPECT_EQ(ledger.OnBatch(Header(0, /*attempt=*/0), 0), Verdict::kStale);
  EXPECT_EQ(ledger.OnBatch(Header(0, /*attempt=*/1), 0), Verdict::kNew);
  EXPECT_EQ(ledger.num_held(), 1u);
}

TEST(EpochLedger, RefusesOtherChannelsAndBatchesBeyondTheLast) {
  EpochLedger ledger(kChannel, kEpoch, 3);
  v1::MessageHeader other = Header(0);
  other.set_channel_id(kChannel + 1);
  EXPECT_EQ(ledger.OnBatch(other, 0), Verdict::kForeign);
  EXPECT_EQ(ledger.OnBatch(Header(3), 0), Verdict::kForeign);
  EXPECT_EQ(ledger.OnBatch(Header(UINT64_MAX), 0), Verdict::kForeign);
  EXPECT_EQ(ledger.num_held(), 0u);
}

TEST(EpochLedger, NamesWhatIsMissing) {
  EpochLedger ledger(kChannel, kEpoch, 10);
  for (const uint64_t i : {2, 3, 7}) ledger.OnBatch(Header(i), 0);
  EXPECT_THAT(
      ledger.OnEpochEnd(End(10, 0)),
      StatusIs(absl::StatusCode::kDataLoss,
               AllOf(HasSubstr("channel 7, epoch 3"), HasSubstr("7 of 10"),
                     HasSubstr("[0, 2), [4, 7), [8, 10)"))));
}

TEST(EpochLedger, SeesSeedsThatAreNotTheEpochs) {
  EpochLedger ledger(kChannel, kEpoch, 1);
  ledger.OnBatch(Header(0), 42);
  EXPECT_THAT(ledger.OnEpochEnd(End(1, 43)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("seeds")));
}

TEST(EpochLedger, SeesAnEpochOfAnotherLength) {
  EpochLedger ledger(kChannel, kEpoch, 1);
  ledger.OnBatch(Header(0), 42);
  EXPECT_THAT(ledger.OnEpochEnd(End(2, 42)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("after 2")));
}

TEST(EpochLedger, FailedBatchIsHeldAndItsSeedsAreNotExpected) {
  EpochLedger ledger(kChannel, kEpoch, 2);
  ledger.OnBatch(Header(0), 42);
  std::vector<v1::BatchRange> booked;
  v1::BatchError error;
  error.set_channel_id(kChannel);
  error.set_epoch(kEpoch);
  error.set_batch_index(1);
  EXPECT_EQ(ledger.OnBatchError(error, &booked), Verdict::kNew);
  EXPECT_EQ(ledger.OnBatchError(error, &booked), Verdict::kDuplicate);
  EXPECT_THAT(ledger.OnEpochEnd(End(2, 99)), IsOk());
}

TEST(EpochLedger, TellsItsOwnEndFromOthers) {
  EpochLedger ledger(kChannel, kEpoch, 1);
  EXPECT_TRUE(ledger.IsEndOfThis(End(1, 0)));
  v1::EpochEnd old_epoch = End(1, 0);
  old_epoch.set_epoch(kEpoch - 1);
  EXPECT_FALSE(ledger.IsEndOfThis(old_epoch));
  ledger.NextAttempt();
  EXPECT_FALSE(ledger.IsEndOfThis(End(1, 0)));
}

// Whatever comes, however often and in whatever order: what is held is the set
// of what came, in ranges that are sorted, disjoint and not adjacent.
TEST(EpochLedger, HeldRangesAreTheSetOfWhatCame) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream random(seed, 0, 0);
    const uint64_t batches = 1 + random.Below(60);
    EpochLedger ledger(kChannel, kEpoch, batches);
    std::set<uint64_t> expected;
    for (int step = 0; step < 120; ++step) {
      if (random.Below(20) == 0) ledger.NextAttempt();
      const uint64_t index = random.Below(batches);
      const bool is_new = expected.insert(index).second;
      ASSERT_EQ(ledger.OnBatch(Header(index, ledger.attempt()), 1),
                is_new ? Verdict::kNew : Verdict::kDuplicate);
      std::set<uint64_t> held;
      uint64_t previous_end = 0;
      bool first = true;
      for (const v1::BatchRange& range : ledger.held()) {
        ASSERT_LT(range.begin(), range.end());
        ASSERT_TRUE(first || range.begin() > previous_end);
        for (uint64_t i = range.begin(); i < range.end(); ++i) held.insert(i);
        previous_end = range.end();
        first = false;
      }
      ASSERT_EQ(held, expected);
      ASSERT_EQ(ledger.num_held(), expected.size());
      ASSERT_EQ(ledger.num_missing(), batches - expected.size());
    }
    v1::EpochEnd end = End(batches, expected.size());
    end.set_attempt(ledger.attempt());
    ASSERT_EQ(ledger.OnEpochEnd(end).ok(), expected.size() == batches);
  }
}

TEST(EpochLedgerTest, ErrorAnswersForTheBatchesItSaysWillNotBeTried) {
  EpochLedger ledger(kChannel, kEpoch, 10);
  ASSERT_EQ(ledger.OnBatch(Header(0), 1), Verdict::kNew);
  ASSERT_EQ(ledger.OnBatch(Header(5), 1), Verdict::kNew);
  std::vector<v1::BatchRange> booked;
  v1::BatchError error;
  error.set_channel_id(kChannel);
  error.set_epoch(kEpoch);
  error.set_batch_index(1);
  v1::BatchRange* const rest = error.add_also_failed();
  rest->set_begin(2);
  rest->set_end(1'000'000'000'000);  // as a broken pool might say
  EXPECT_EQ(ledger.OnBatchError(error, &booked), Verdict::kNew);
  EXPECT_EQ(ledger.num_missing(), 0u);
  EXPECT_EQ(ledger.OnBatchError(error, &booked), Verdict::kDuplicate);
  EXPECT_THAT(ledger.OnEpochEnd(End(10, 0)), IsOk());
}

TEST(EpochLedgerTest, CancelledEpochIsNoLoss) {
  EpochLedger ledger(kChannel, kEpoch, 10);
  ASSERT_EQ(ledger.OnBatch(Header(0), 1), Verdict::kNew);
  v1::EpochEnd end = End(10, 0);
  end.set_cancelled(true);
  EXPECT_THAT(
      ledger.OnEpochEnd(end),
      StatusIs(absl::StatusCode::kCancelled, ::testing::HasSubstr("9 of 10")));
}

// Wherever a trainer stops, with whatever booked and not handed on: a ledger
// restored from that takes what is left, and the epoch is whole.
TEST(EpochLedgerTest, RestoredLedgerTakesJustWhatWasNotHandedOn) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream random(seed, 1, 0);
    const uint64_t batches = 1 + random.Below(40);
    const auto digest = [](uint64_t index) { return 7 * index + 1; };
    EpochLedger ledger(kChannel, kEpoch, batches);
    std::vector<EpochLedger::Booking> waiting;
    std::set<uint64_t> handed_on;
    for (uint64_t step = 0; step < batches; ++step) {
      const uint64_t index = random.Below(batches);
      if (ledger.OnBatch(Header(index), digest(index)) != Verdict::kNew) {
        continue;
      }
      if (random.Below(2) == 0) {
        handed_on.insert(index);
        continue;
      }
      EpochLedger::Booking& booking = waiting.emplace_back();
      v1::BatchRange& range = booking.batches.emplace_back();
      range.set_begin(index);
      range.set_end(index + 1);
      booking.seed_digest = digest(index);
    }
    std::vector<const EpochLedger::Booking*> not_yet;
    for (const EpochLedger::Booking& booking : waiting) {
      not_yet.push_back(&booking);
    }
    EpochLedger resumed(kChannel, kEpoch, batches);
    ASSERT_THAT(resumed.Restore(ledger.ProgressWithout(not_yet)), IsOk());
    ASSERT_EQ(resumed.num_held(), handed_on.size());
    uint64_t all = 0;
    for (uint64_t index = 0; index < batches; ++index) {
      all += digest(index);
      ASSERT_EQ(
          resumed.OnBatch(Header(index), digest(index)),
          handed_on.contains(index) ? Verdict::kDuplicate : Verdict::kNew);
    }
    ASSERT_THAT(resumed.OnEpochEnd(End(batches, all)), IsOk());
  }
}

TEST(EpochLedgerTest, FailedBatchesThatWereNotHandedOnComeAgain) {
  EpochLedger ledger(kChannel, kEpoch, 4);
  v1::BatchError error;
  error.set_channel_id(kChannel);
  error.set_epoch(kEpoch);
  error.set_batch_index(1);
  v1::BatchRange* const rest = error.add_also_failed();
  rest->set_begin(2);
  rest->set_end(4);
  EpochLedger::Booking booking{.failed = true};
  ASSERT_EQ(ledger.OnBatchError(error, &booking.batches), Verdict::kNew);
  const EpochLedger::Booking* const not_yet[] = {&booking};
  const v1::EpochProgress progress = ledger.ProgressWithout(not_yet);
  EXPECT_EQ(progress.held_size(), 0);
  EXPECT_EQ(progress.failed_batches(), 0u);
  EXPECT_EQ(ledger.ProgressWithout({}).failed_batches(), 3u);
}

TEST(EpochLedgerTest, DamagedProgressIsRefused) {
  const auto restore = [](uint64_t batches,
                          std::vector<std::pair<uint64_t, uint64_t>> held) {
    v1::EpochProgress progress;
    progress.set_batches(batches);
    for (const auto& [begin, end] : held) {
      v1::BatchRange* const range = progress.add_held();
      range->set_begin(begin);
      range->set_end(end);
    }
    return EpochLedger(kChannel, kEpoch, 10).Restore(progress);
  };
  EXPECT_THAT(restore(10, {{0, 3}, {5, 10}}), IsOk());
  const auto bad =
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cursor"));
  EXPECT_THAT(restore(9, {}), bad);
  EXPECT_THAT(restore(10, {{0, 11}}), bad);
  EXPECT_THAT(restore(10, {{3, 3}}), bad);
  EXPECT_THAT(restore(10, {{5, 6}, {0, 3}}), bad);
  EXPECT_THAT(restore(10, {{0, 3}, {2, 4}}), bad);
}

}  // namespace
}  // namespace fairlead
