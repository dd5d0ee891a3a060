#include "libs/rpc/backoff.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "libs/rpc/retry_budget.h"

namespace fairlead::rpc {
namespace {

constexpr absl::Time kStart = absl::UnixEpoch();

TEST(BackoffTest, DoublesUpToItsBoundWithJitterBelow) {
  Backoff backoff(1, absl::Milliseconds(100), absl::Milliseconds(400));
  for (const int full : {100, 200, 400, 400}) {
    const absl::Duration wait = backoff.Next();
    EXPECT_GE(wait, absl::Milliseconds(full) / 2);
    EXPECT_LT(wait, absl::Milliseconds(full));
  }
  backoff.Reset();
  EXPECT_LT(backoff.Next(), absl::Milliseconds(100));
}

TEST(BackoffTest, CallersWithOtherSeedsWaitOtherTimes) {
  EXPECT_NE(Backoff(1).Next(), Backoff(2).Next());
}

// When each of `clients`, which all fail at the start, tries again within
// `outage`.
std::vector<std::vector<absl::Time>> Tries(uint64_t clients,
                                           absl::Duration outage) {
  std::vector<std::vector<absl::Time>> tries(clients);
  for (uint64_t client = 0; client < clients; ++client) {
    Backoff backoff(client);
    absl::Time now = kStart;
    while ((now += backoff.Next()) < kStart + outage) {
      tries[client].push_back(now);
    }
  }
  return tries;
}

TEST(BackoffTest, NobodyTriesMoreOftenThanItsBoundSays) {
  for (const int seconds : {1, 2, 5, 10, 60}) {
    const absl::Duration outage = absl::Seconds(seconds);
    size_t most = 0;
    for (const auto& of_client : Tries(1000, outage)) {
      most = std::max(most, of_client.size());
    }
    EXPECT_LE(most, Backoff::MostTries(outage)) << outage;
    EXPECT_GT(most, Backoff::MostTries(outage) / 3) << "a loose bound";
  }
  EXPECT_EQ(Backoff::MostTries(absl::ZeroDuration()), 0u);
  EXPECT_EQ(Backoff::MostTries(absl::Seconds(10)), 14u);
}

// Those who failed together do not come back together.
TEST(BackoffTest, TriesOfManyAreSpread) {
  constexpr uint64_t kClients = 1000;
  constexpr absl::Duration kWindow = absl::Milliseconds(100);
  std::map<int64_t, size_t> in_window;
  size_t late = 0;
  for (const auto& of_client : Tries(kClients, absl::Seconds(60))) {
    for (const absl::Time at : of_client) {
      // By then each waits its longest.
      if (at < kStart + absl::Seconds(10)) continue;
      ++in_window[(at - kStart) / kWindow];
      ++late;
    }
  }
  const size_t mean = late / static_cast<size_t>(absl::Seconds(50) / kWindow);
  // Waits are 1.5 s in the mean.
  EXPECT_NEAR(static_cast<double>(mean), kClients / 15.0, 3);
  for (const auto& [window, tries] : in_window) {
    EXPECT_LT(tries, 2 * mean) << "at " << window * kWindow;
  }
}

TEST(RetryBudgetTest, ManyCallersTogetherTryNoMoreThanItAllows) {
  constexpr double kPerSecond = 20;
  constexpr int kAtOnce = 10;
  constexpr absl::Duration kOutage = absl::Seconds(30);
  RetryBudget budget(kPerSecond, kAtOnce);
  std::multimap<absl::Time, Backoff> waiting;  // by when it tries
  for (uint64_t client = 0; client < 500; ++client) {
    waiting.emplace(kStart, Backoff(client));
  }
  std::vector<absl::Time> tries;
  while (waiting.begin()->first < kStart + kOutage) {
    auto client = waiting.extract(waiting.begin());
    const absl::Time now = client.key();
    // The first is no retry.
    if (now > kStart) tries.push_back(now);
    client.key() = std::max(now + client.mapped().Next(), budget.Take(now));
    waiting.insert(std::move(client));
  }
  const double most = kPerSecond * absl::ToDoubleSeconds(kOutage) + kAtOnce;
  EXPECT_LE(static_cast<double>(tries.size()), most + 1);
  EXPECT_GT(static_cast<double>(tries.size()), most / 2);
}

TEST(RetryBudgetTest, IsNotFeltByFew) {
  RetryBudget budget(1, 2);
  EXPECT_EQ(budget.Take(kStart), kStart);
  EXPECT_EQ(budget.Take(kStart), kStart);
  EXPECT_EQ(budget.Take(kStart), kStart + absl::Seconds(1));
  const absl::Time later = kStart + absl::Minutes(1);
  EXPECT_EQ(budget.Take(later), later);
}

}  // namespace
}  // namespace fairlead::rpc
