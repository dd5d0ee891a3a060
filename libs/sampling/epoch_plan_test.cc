#include "libs/sampling/epoch_plan.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::Eq;

TEST(EpochPlanTest, CountsBatchesAsTheGoldenVectorsDo) {  // parity G1
  EXPECT_EQ(ComputeNumBatches(0, 2, false), 0u);
  EXPECT_EQ(ComputeNumBatches(1, 2, true), 0u);
  EXPECT_EQ(ComputeNumBatches(1, 2, false), 1u);
  EXPECT_EQ(ComputeNumBatches(5, 2, false), 3u);
  EXPECT_EQ(ComputeNumBatches(5, 2, true), 2u);
}

TEST(EpochPlanTest, SplitsSeedsBetweenWorkersAsTheGoldenVectorsDo) {  // G2
  EXPECT_THAT(ComputeWorkerSeedRanges(7, 2, 3),
              ElementsAre(SeedRange{0, 2}, SeedRange{2, 4}, SeedRange{4, 7}));
  EXPECT_THAT(ComputeWorkerSeedRanges(1, 2, 3),
              ElementsAre(SeedRange{0, 0}, SeedRange{0, 0}, SeedRange{0, 1}));
  EXPECT_THAT(ComputeWorkerSeedRanges(10, 4, 2),
              ElementsAre(SeedRange{0, 4}, SeedRange{4, 10}));
  EXPECT_THAT(ComputeWorkerSeedRanges(100, 7, 4),
              ElementsAre(SeedRange{0, 28}, SeedRange{28, 56},
                          SeedRange{56, 77}, SeedRange{77, 100}));
  EXPECT_THAT(ComputeWorkerSeedRanges(0, 5, 2),
              ElementsAre(SeedRange{0, 0}, SeedRange{0, 0}));
  EXPECT_THAT(ComputeWorkerSeedRanges(8, 8, 3),
              ElementsAre(SeedRange{0, 8}, SeedRange{8, 8}, SeedRange{8, 8}));
}

TEST(EpochPlanTest, WorkerRangesCoverAllSeedsAndKeepTheNumberOfBatches) {
  for (uint64_t round = 0; round < 500; ++round) {
    RandomStream random(1, round, 0);
    const uint64_t seeds = random.Below(200);
    const uint64_t batch_size = 1 + random.Below(20);
    const uint64_t workers = 1 + random.Below(8);
    for (const bool drop_last : {false, true}) {
      uint64_t from = 0;
      uint64_t batches = 0;
      for (const SeedRange& range :
           ComputeWorkerSeedRanges(seeds, batch_size, workers)) {
        ASSERT_EQ(range.begin, from);
        from = range.end;
        batches +=
            ComputeNumBatches(range.end - range.begin, batch_size, drop_last);
      }
      ASSERT_EQ(from, seeds);
      ASSERT_EQ(batches, ComputeNumBatches(seeds, batch_size, drop_last));
    }
  }
}

TEST(EpochPlanTest, SlicesElevenItemsAsTheGoldenVectorsDo) {  // parity G3
  const auto slice = [](uint64_t start, uint64_t end, uint64_t denominator) {
    return SplitSlice(11, {.start_numerator = start,
                           .end_numerator = end,
                           .denominator = denominator});
  };
  EXPECT_THAT(slice(0, 2, 2), IsOkAndHolds(Eq(SeedRange{0, 11})));
  EXPECT_THAT(slice(0, 1, 2), IsOkAndHolds(Eq(SeedRange{0, 5})));
  EXPECT_THAT(slice(1, 2, 2), IsOkAndHolds(Eq(SeedRange{5, 11})));
  EXPECT_THAT(slice(2, 4, 5), IsOkAndHolds(Eq(SeedRange{4, 8})));
  EXPECT_THAT(slice(4, 5, 5), IsOkAndHolds(Eq(SeedRange{8, 11})));
  EXPECT_THAT(slice(1, 2, 3), IsOkAndHolds(Eq(SeedRange{3, 7})));
  EXPECT_THAT(slice(2, 1, 3), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(slice(0, 4, 3), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(slice(0, 0, 0), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(EpochOrderTest, IsTheInputsOrderUnlessShuffled) {
  const EpochOrder order(5, /*shuffle=*/false, /*seed=*/1, /*epoch=*/2);
  for (uint64_t i = 0; i < 5; ++i) EXPECT_EQ(order[i], i);
}

std::vector<uint64_t> Positions(uint64_t length, uint64_t seed,
                                uint64_t epoch) {
  const EpochOrder order(length, /*shuffle=*/true, seed, epoch);
  std::vector<uint64_t> all;
  for (uint64_t i = 0; i < length; ++i) all.push_back(order[i]);
  return all;
}

// Of lists that are held, and of others: squares, primes, one more than either.
constexpr uint64_t kLengths[] = {
    1, 2, 1000, 1 << 16, 65'537, 257 * 257, (1 << 16) + 2, 99'991, 400'000};

TEST(EpochOrderTest, ShuffledIsAPermutationThatSeedAndEpochDecide) {
  for (const uint64_t length : kLengths) {
    const std::vector<uint64_t> first = Positions(length, 1, 0);
    std::vector<bool> seen(length, false);
    for (const uint64_t position : first) {
      ASSERT_LT(position, length);
      ASSERT_FALSE(seen[position]) << position << " of " << length;
      seen[position] = true;
    }
    EXPECT_EQ(Positions(length, 1, 0), first);
    if (length < 10) continue;
    EXPECT_NE(Positions(length, 1, 1), first);
    EXPECT_NE(Positions(length, 2, 0), first);
  }
}

TEST(EpochOrderTest, AnyPermutationOfAShortListIsAsLikely) {
  constexpr int kTimes = 24'000;
  std::map<std::vector<uint64_t>, int> times;
  for (uint64_t epoch = 0; epoch < kTimes; ++epoch) {
    ++times[Positions(4, /*seed=*/3, epoch)];
  }
  EXPECT_EQ(times.size(), 24u);
  for (const auto& [positions, n] : times) {
    EXPECT_NEAR(n, kTimes / 24, 160);  // five standard deviations
  }
}

TEST(EpochOrderTest, WhereAPositionGoesHasNoPattern) {
  for (const uint64_t length : {uint64_t{1} << 16, uint64_t{300'007}}) {
    for (uint64_t epoch = 0; epoch < 10; ++epoch) {
      const std::vector<uint64_t> order = Positions(length, 5, epoch);
      // Parts of the epoch against parts of the list: all meet as often.
      constexpr uint64_t kParts = 16;
      std::vector<double> meet(kParts * kParts, 0);
      // How far one seed is from the next: any distance is as likely.
      std::vector<double> distance(kParts, 0);
      uint64_t ascending = 0;
      for (uint64_t i = 0; i < length; ++i) {
        ++meet[i * kParts / length * kParts + order[i] * kParts / length];
        const uint64_t next = order[(i + 1) % length];
        ++distance[(next + length - order[i]) % length * kParts / length];
        if (next > order[i]) ++ascending;
      }
      const auto chi_squared = [](const std::vector<double>& counts,
                                  double expected) {
        double sum = 0;
        for (const double n : counts) {
          sum += (n - expected) * (n - expected) / expected;
        }
        return sum;
      };
      const double n = static_cast<double>(length);
      // Five standard deviations over the mean, of 225 and 15 free counts.
      EXPECT_LT(chi_squared(meet, n / (kParts * kParts)), 225 + 5 * 21.3);
      EXPECT_LT(chi_squared(distance, n / kParts), 15 + 5 * 5.5);
      EXPECT_NEAR(static_cast<double>(ascending), n / 2, 5 * std::sqrt(n / 12));
    }
  }
}

TEST(EpochOrderTest, LongListsTakeNoTimeToOrder) {
  constexpr uint64_t kLength = uint64_t{1} << 60;  // as a list: 8 exabytes
  const EpochOrder order(kLength, /*shuffle=*/true, /*seed=*/1, /*epoch=*/0);
  std::set<uint64_t> seen;
  for (uint64_t i = 0; i < 1000; ++i) {
    EXPECT_LT(order[kLength - 1 - i], kLength);
    seen.insert(order[kLength - 1 - i]);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(EpochCursorTest, HandsOutWhatIsNotHeldOnceEach) {
  for (uint64_t round = 0; round < 300; ++round) {
    RandomStream random(2, round, 0);
    const uint64_t batches = random.Below(60);
    std::set<uint64_t> expected;
    std::vector<BatchIndexRange> held;
    for (uint64_t i = 0; i < batches; ++i) {
      if (random.Below(3) != 0) {
        expected.insert(i);
      } else if (!held.empty() && held.back().end == i) {
        held.back().end = i + 1;
      } else {
        held.push_back({i, i + 1});
      }
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochCursor cursor,
                                  EpochCursor::Create(batches, held));
    ASSERT_EQ(cursor.remaining(), expected.size());
    for (const uint64_t index : expected) {
      ASSERT_EQ(cursor.Next(), std::optional(index));
    }
    ASSERT_EQ(cursor.Next(), std::nullopt);
  }
}

TEST(EpochCursorTest, HeldRangesThatMakeNoSenseAreRefused) {
  using Ranges = std::vector<BatchIndexRange>;
  for (const Ranges& bad : {Ranges{{3, 3}}, Ranges{{5, 4}}, Ranges{{0, 11}},
                            Ranges{{4, 6}, {5, 7}}, Ranges{{6, 7}, {1, 2}}}) {
    EXPECT_THAT(EpochCursor::Create(10, bad),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(EpochCursorTest, RestIsWhatNextWouldHaveHandedOut) {
  const std::vector<BatchIndexRange> held = {{0, 2}, {5, 6}, {8, 10}};
  for (const uint64_t batches : {10, 14}) {
    for (int handed_out = 0; handed_out < 8; ++handed_out) {
      auto cursor = EpochCursor::Create(batches, held);
      auto same = EpochCursor::Create(batches, held);
      for (int i = 0; i < handed_out; ++i) {
        (void)cursor->Next();
        (void)same->Next();
      }
      std::vector<uint64_t> expected;
      while (const std::optional<uint64_t> next = same->Next()) {
        expected.push_back(*next);
      }
      std::vector<uint64_t> rest;
      for (const BatchIndexRange& range : cursor->TakeRest()) {
        for (uint64_t i = range.begin; i < range.end; ++i) rest.push_back(i);
      }
      EXPECT_EQ(rest, expected);
      EXPECT_EQ(cursor->remaining(), 0u);
      EXPECT_EQ(cursor->Next(), std::nullopt);
    }
  }
}

}  // namespace
}  // namespace fairlead
