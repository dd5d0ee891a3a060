#include "libs/fair_scheduler/round_robin_scheduler.h"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
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

TEST(RoundRobinSchedulerTest, EveryChannelGetsOneBatchAPass) {
  RoundRobinScheduler scheduler;
  AddChannel(scheduler, 1, /*backlog=*/1);
  AddChannel(scheduler, 2, /*backlog=*/10);
  AddChannel(scheduler, 3, /*backlog=*/100);

  EXPECT_THAT(Serve(scheduler, 8), ElementsAre(1, 2, 3, 2, 3, 2, 3, 2));
}

TEST(RoundRobinSchedulerTest, ServesExactlyTheBacklogAndThenNothing) {
  RoundRobinScheduler scheduler;
  AddChannel(scheduler, 1, /*backlog=*/2);

  EXPECT_THAT(Serve(scheduler, 10), ElementsAre(1, 1));
  EXPECT_FALSE(scheduler.HasRunnable(kNow));
}

TEST(RoundRobinSchedulerTest, ChannelWithoutCreditDelaysNobody) {
  RoundRobinScheduler scheduler;
  AddChannel(scheduler, 1, /*backlog=*/10, /*credit=*/0);
  AddChannel(scheduler, 2, /*backlog=*/10);

  EXPECT_THAT(Serve(scheduler, 3), ElementsAre(2, 2, 2));
  ASSERT_THAT(scheduler.SetCredit(1, 1), IsOk());
  EXPECT_THAT(Serve(scheduler, 3), ElementsAre(2, 1, 2));
}

TEST(RoundRobinSchedulerTest, ChannelAtItsInFlightCapWaitsForACompletion) {
  RoundRobinScheduler scheduler;
  AddChannel(scheduler, 1, /*backlog=*/10, kPlenty, /*max_in_flight=*/2);

  EXPECT_EQ(scheduler.Next(kNow), 1u);
  EXPECT_EQ(scheduler.Next(kNow), 1u);
  EXPECT_EQ(scheduler.Next(kNow), std::nullopt);
  scheduler.OnDone(1, absl::ZeroDuration(), kNow);
  EXPECT_EQ(scheduler.Next(kNow), 1u);
}

// Parity G12: concurrency 2, room for 2 messages, a consumer that stopped:
// exactly 4 submits (2 finished into the ring, 2 held), then it is parked.
TEST(RoundRobinSchedulerTest, StoppedConsumerParksTheChannelAfterFourSubmits) {
  RoundRobinScheduler scheduler;
  AddChannel(scheduler, 1, /*backlog=*/100, /*credit=*/4, /*max_in_flight=*/2);
  int submits = 0;
  for (int ring = 0; scheduler.Next(kNow).has_value(); ++ring) {
    ++submits;
    if (ring < 2) scheduler.OnDone(1, absl::ZeroDuration(), kNow);
  }
  EXPECT_EQ(submits, 4);
  EXPECT_FALSE(scheduler.HasRunnable(kNow));
}

TEST(RoundRobinSchedulerTest, RemovedChannelIsNeverServedAndItsEndIsIgnored) {
  RoundRobinScheduler scheduler;
  AddChannel(scheduler, 1, /*backlog=*/10);
  ASSERT_EQ(scheduler.Next(kNow), 1u);
  scheduler.Remove(1);
  scheduler.OnDone(1, absl::ZeroDuration(), kNow);
  EXPECT_THAT(Serve(scheduler, 1), IsEmpty());
  EXPECT_THAT(scheduler.SetBacklog(1, 1),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(RoundRobinSchedulerTest, BadLimitsAreRefusedByName) {
  RoundRobinScheduler scheduler;
  for (const double weight :
       {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(),
        std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(scheduler.Add(7, {.weight = weight}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("channel 7: weight")));
  }
  EXPECT_THAT(scheduler.Add(7, {.max_in_flight = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_THAT(scheduler.Add(7, {}), IsOk());
  EXPECT_THAT(scheduler.Add(7, {}), StatusIs(absl::StatusCode::kAlreadyExists));
}

// Any calls in any order: what is served has backlog, credit and room, and a
// scheduler that says nothing can run is right.
TEST(RoundRobinSchedulerTest, NeverServesBeyondBacklogCreditOrCap) {
  struct Model {
    uint64_t backlog = 0;
    uint64_t credit = 0;
    uint32_t in_flight = 0;
    uint32_t cap = 0;
  };
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream random(seed, 0, 0);
    RoundRobinScheduler scheduler;
    std::map<ChannelId, Model> model;
    for (int step = 0; step < 5000; ++step) {
      const ChannelId id = random.Below(8);
      const auto it = model.find(id);
      switch (random.Below(6)) {
        case 0:
          if (it == model.end()) {
            const auto cap = static_cast<uint32_t>(1 + random.Below(3));
            ASSERT_THAT(scheduler.Add(id, {.max_in_flight = cap}), IsOk());
            model[id].cap = cap;
          } else if (random.Below(4) == 0) {
            scheduler.Remove(id);
            model.erase(it);
          }
          break;
        case 1:
          if (it == model.end()) break;
          it->second.backlog = random.Below(5);
          ASSERT_THAT(scheduler.SetBacklog(id, it->second.backlog), IsOk());
          break;
        case 2:
          if (it == model.end()) break;
          it->second.credit = random.Below(5);
          ASSERT_THAT(scheduler.SetCredit(id, it->second.credit), IsOk());
          break;
        case 3:
          if (it == model.end() || it->second.in_flight == 0) break;
          --it->second.in_flight;
          scheduler.OnDone(id, absl::ZeroDuration(), kNow);
          break;
        default: {
          bool any = false;
          for (const auto& [other, m] : model) {
            any = any || (m.backlog > 0 && m.credit > 0 && m.in_flight < m.cap);
          }
          ASSERT_EQ(scheduler.HasRunnable(kNow), any);
          const std::optional<ChannelId> next = scheduler.Next(kNow);
          ASSERT_EQ(next.has_value(), any);
          if (!any) break;
          Model& chosen = model.at(*next);
          ASSERT_GT(chosen.backlog--, 0u);
          ASSERT_GT(chosen.credit--, 0u);
          ASSERT_LT(chosen.in_flight++, chosen.cap);
        }
      }
    }
  }
}

}  // namespace
}  // namespace fairlead
