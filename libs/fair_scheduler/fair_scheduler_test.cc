#include "libs/fair_scheduler/fair_scheduler.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using ChannelId = FairScheduler::ChannelId;

constexpr absl::Duration kNow = absl::Seconds(1);
constexpr uint64_t kPlenty = 1'000'000;

void AddChannel(FairScheduler& scheduler, ChannelId channel, uint64_t backlog,
                uint64_t credit = kPlenty, uint32_t max_in_flight = 100) {
  ASSERT_THAT(scheduler.Add(channel, {.max_in_flight = max_in_flight}), IsOk());
  ASSERT_THAT(scheduler.SetBacklog(channel, backlog), IsOk());
  ASSERT_THAT(scheduler.SetCredit(channel, credit), IsOk());
}

// The next `turns` channels, each of whose batches ends at once.
std::vector<ChannelId> Serve(FairScheduler& scheduler, int turns) {
  std::vector<ChannelId> served;
  while (turns-- > 0) {
    const std::optional<ChannelId> next = scheduler.Next(kNow);
    if (!next.has_value()) break;
    served.push_back(*next);
    scheduler.OnDone(*next, absl::Milliseconds(1), kNow);
  }
  return served;
}

TEST(RoundRobinTest, EveryChannelGetsOneBatchAPass) {
  FairScheduler scheduler({.policy = SchedulingPolicy::kRoundRobin});
  AddChannel(scheduler, 1, /*backlog=*/1);
  AddChannel(scheduler, 2, /*backlog=*/10);
  AddChannel(scheduler, 3, /*backlog=*/100);

  EXPECT_THAT(Serve(scheduler, 8), ElementsAre(1, 2, 3, 2, 3, 2, 3, 2));
}

TEST(RoundRobinTest, ServesExactlyTheBacklogAndThenNothing) {
  FairScheduler scheduler({.policy = SchedulingPolicy::kRoundRobin});
  AddChannel(scheduler, 1, /*backlog=*/2);

  EXPECT_THAT(Serve(scheduler, 10), ElementsAre(1, 1));
  EXPECT_FALSE(scheduler.HasRunnable(kNow));
}

TEST(RoundRobinTest, ChannelWithoutCreditDelaysNobody) {
  FairScheduler scheduler({.policy = SchedulingPolicy::kRoundRobin});
  AddChannel(scheduler, 1, /*backlog=*/10, /*credit=*/0);
  AddChannel(scheduler, 2, /*backlog=*/10);

  EXPECT_THAT(Serve(scheduler, 3), ElementsAre(2, 2, 2));
  ASSERT_THAT(scheduler.SetCredit(1, 1), IsOk());
  EXPECT_THAT(Serve(scheduler, 3), ElementsAre(2, 1, 2));
}

TEST(RoundRobinTest, ChannelAtItsInFlightCapWaitsForACompletion) {
  FairScheduler scheduler({.policy = SchedulingPolicy::kRoundRobin});
  AddChannel(scheduler, 1, /*backlog=*/10, kPlenty, /*max_in_flight=*/2);

  EXPECT_EQ(scheduler.Next(kNow), 1u);
  EXPECT_EQ(scheduler.Next(kNow), 1u);
  EXPECT_EQ(scheduler.Next(kNow), std::nullopt);
  scheduler.OnDone(1, absl::ZeroDuration(), kNow);
  EXPECT_EQ(scheduler.Next(kNow), 1u);
}

// Parity G12: concurrency 2, room for 2 messages, a consumer that stopped:
// exactly 4 submits (2 finished into the ring, 2 held), then it is parked.
TEST(RoundRobinTest, StoppedConsumerParksTheChannelAfterFourSubmits) {
  FairScheduler scheduler({.policy = SchedulingPolicy::kRoundRobin});
  AddChannel(scheduler, 1, /*backlog=*/100, /*credit=*/4, /*max_in_flight=*/2);
  int submits = 0;
  for (int ring = 0; scheduler.Next(kNow).has_value(); ++ring) {
    ++submits;
    if (ring < 2) scheduler.OnDone(1, absl::ZeroDuration(), kNow);
  }
  EXPECT_EQ(submits, 4);
  EXPECT_FALSE(scheduler.HasRunnable(kNow));
}

TEST(RoundRobinTest, RemovedChannelIsNeverServedAndItsEndIsIgnored) {
  FairScheduler scheduler({.policy = SchedulingPolicy::kRoundRobin});
  AddChannel(scheduler, 1, /*backlog=*/10);
  ASSERT_EQ(scheduler.Next(kNow), 1u);
  scheduler.Remove(1);
  scheduler.OnDone(1, absl::ZeroDuration(), kNow);
  EXPECT_THAT(Serve(scheduler, 1), IsEmpty());
  EXPECT_THAT(scheduler.SetBacklog(1, 1),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(RoundRobinTest, BadLimitsAreRefusedByName) {
  FairScheduler scheduler({.policy = SchedulingPolicy::kRoundRobin});
  for (const double weight :
       {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(),
        std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(
        scheduler.Add(7, {.weight = weight}),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("weight")));
  }
  EXPECT_THAT(scheduler.Add(7, {.max_in_flight = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_THAT(scheduler.Add(7, {}), IsOk());
  EXPECT_THAT(scheduler.Add(7, {}), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST(FairSchedulerTest, PolicyNamesAreParsedAndOthersRefusedWithBoth) {
  EXPECT_EQ(*ParseSchedulingPolicy("deficit"), SchedulingPolicy::kDeficit);
  EXPECT_EQ(*ParseSchedulingPolicy("round_robin"),
            SchedulingPolicy::kRoundRobin);
  EXPECT_THAT(ParseSchedulingPolicy("lottery"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("deficit"), HasSubstr("round_robin"))));
}

class EveryPolicy : public ::testing::TestWithParam<SchedulingPolicy> {
 protected:
  FairScheduler scheduler_{{.policy = GetParam(), .starvation_bound = 16}};
};
INSTANTIATE_TEST_SUITE_P(All, EveryPolicy,
                         ::testing::Values(SchedulingPolicy::kRoundRobin,
                                           SchedulingPolicy::kDeficit));

TEST_P(EveryPolicy, PausedChannelIsNotServedUntilItIsResumed) {
  AddChannel(scheduler_, 1, /*backlog=*/10);
  ASSERT_THAT(scheduler_.SetPaused(1, true), IsOk());
  EXPECT_FALSE(scheduler_.HasRunnable(kNow));
  EXPECT_EQ(scheduler_.Next(kNow), std::nullopt);
  ASSERT_THAT(scheduler_.SetBacklog(1, 5), IsOk());  // does not resume it
  EXPECT_FALSE(scheduler_.HasRunnable(kNow));
  ASSERT_THAT(scheduler_.SetPaused(1, false), IsOk());
  EXPECT_EQ(scheduler_.Next(kNow), 1u);
}

TEST_P(EveryPolicy, RateHoldsAChannelBackUntilItsMoment) {
  ASSERT_THAT(scheduler_.Add(1, {.max_batches_per_second = 10}), IsOk());
  ASSERT_THAT(scheduler_.SetBacklog(1, kPlenty), IsOk());
  ASSERT_THAT(scheduler_.SetCredit(1, kPlenty), IsOk());
  EXPECT_EQ(scheduler_.Next(kNow), 1u);
  EXPECT_EQ(scheduler_.Next(kNow), std::nullopt);
  EXPECT_EQ(scheduler_.NextRateEvent(), kNow + absl::Milliseconds(100));
  EXPECT_FALSE(scheduler_.HasRunnable(kNow + absl::Milliseconds(99)));
  EXPECT_TRUE(scheduler_.HasRunnable(kNow + absl::Milliseconds(100)));
  EXPECT_EQ(scheduler_.Next(kNow + absl::Milliseconds(100)), 1u);
  // Time that passed unused gives no burst.
  const absl::Duration later = kNow + absl::Seconds(100);
  EXPECT_EQ(scheduler_.Next(later), 1u);
  EXPECT_EQ(scheduler_.Next(later), std::nullopt);
}

TEST_P(EveryPolicy, SaysWhenItsRateLetAChannelHaveItsBatch) {
  ASSERT_THAT(scheduler_.Add(1, {.max_batches_per_second = 10}), IsOk());
  ASSERT_THAT(scheduler_.SetBacklog(1, kPlenty), IsOk());
  ASSERT_THAT(scheduler_.SetCredit(1, kPlenty), IsOk());
  EXPECT_EQ(scheduler_.Next(kNow), 1u);
  EXPECT_LE(scheduler_.DueAt(1), kNow);
  EXPECT_EQ(scheduler_.Next(kNow + absl::Milliseconds(130)), 1u);
  EXPECT_EQ(scheduler_.DueAt(1), kNow + absl::Milliseconds(100));
  ASSERT_THAT(scheduler_.SetLimits(1, {}), IsOk());
  EXPECT_EQ(scheduler_.Next(kNow + absl::Milliseconds(140)), 1u);
  EXPECT_EQ(scheduler_.DueAt(1), absl::ZeroDuration());
  EXPECT_EQ(scheduler_.DueAt(2), absl::ZeroDuration());  // is not here
}

TEST_P(EveryPolicy, HigherPriorityGoesFirstAndLowerOnesAreNotStarved) {
  for (ChannelId id = 0; id < ChannelLimits::kPriorities; ++id) {
    ASSERT_THAT(scheduler_.Add(id, {.max_in_flight = 1000,
                                    .priority = static_cast<uint32_t>(id)}),
                IsOk());
    ASSERT_THAT(scheduler_.SetBacklog(id, kPlenty), IsOk());
    ASSERT_THAT(scheduler_.SetCredit(id, kPlenty), IsOk());
  }
  const std::vector<ChannelId> served = Serve(scheduler_, 800);
  for (size_t begin = 0; begin + 16 <= served.size(); ++begin) {
    for (ChannelId id = 0; id < ChannelLimits::kPriorities; ++id) {
      ASSERT_GE(
          std::count(served.begin() + static_cast<ptrdiff_t>(begin),
                     served.begin() + static_cast<ptrdiff_t>(begin + 16), id),
          1)
          << "priority " << id << " in the 16 decisions from " << begin;
    }
  }
  EXPECT_GE(std::count(served.begin(), served.end(), 3), 600);
}

TEST_P(EveryPolicy, LimitsChangeWhileItRuns) {
  AddChannel(scheduler_, 1, kPlenty, kPlenty, /*max_in_flight=*/1);
  ASSERT_EQ(scheduler_.Next(kNow), 1u);
  EXPECT_EQ(scheduler_.Next(kNow), std::nullopt);
  ASSERT_THAT(scheduler_.SetLimits(1, {.max_in_flight = 2}), IsOk());
  EXPECT_EQ(scheduler_.Next(kNow), 1u);
  EXPECT_EQ(scheduler_.Next(kNow), std::nullopt);
  EXPECT_THAT(scheduler_.SetLimits(1, {.weight = -1}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(scheduler_.SetLimits(2, {}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(DeficitTest, SleeperHasNoClaimForTheTimeItSlept) {
  FairScheduler scheduler;
  AddChannel(scheduler, 1, kPlenty);
  AddChannel(scheduler, 2, kPlenty, /*credit=*/0);
  Serve(scheduler, 1000);
  ASSERT_THAT(scheduler.SetCredit(2, kPlenty), IsOk());
  const std::vector<ChannelId> served = Serve(scheduler, 20);
  EXPECT_LE(std::count(served.begin(), served.end(), 2), 11);
}

TEST(DeficitTest, ChannelThatTurnsDearIsChargedWhatItCost) {
  FairScheduler scheduler;
  AddChannel(scheduler, 1, kPlenty);
  AddChannel(scheduler, 2, kPlenty);
  int of_dear = 0;
  for (int i = 0; i < 1100; ++i) {
    const ChannelId next = *scheduler.Next(kNow);
    of_dear += next == 2 ? 1 : 0;
    scheduler.OnDone(next, absl::Milliseconds(next == 2 ? 10 : 1), kNow);
  }
  EXPECT_NEAR(of_dear, 100, 3);
  EXPECT_NEAR(absl::FDivDuration(scheduler.CostOf(1), scheduler.CostOf(2)), 1,
              0.03);
}

}  // namespace
}  // namespace fairlead
