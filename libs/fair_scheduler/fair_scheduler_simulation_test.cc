// The scheduler under virtual time: against a slow, obvious model while a
// seeded driver does anything in any order; and with workers, for how it
// shares.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/fair_scheduler/fair_scheduler.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;

using ChannelId = FairScheduler::ChannelId;

// --- anything, in any order
// --------------------------------------------------

struct Model {
  ChannelLimits limits;
  bool paused = false;
  uint64_t backlog = 0;
  uint64_t credit = 0;
  uint32_t in_flight = 0;
  absl::Duration next_at;
  uint32_t passed_over = 0;  // decisions since it could run, was it not served

  bool CanRun(absl::Duration now) const {
    return !paused && backlog > 0 && credit > 0 &&
           in_flight < limits.max_in_flight &&
           (limits.max_batches_per_second == 0 || next_at <= now);
  }
};

class Simulation {
 public:
  Simulation(SchedulingPolicy policy, uint64_t seed)
      : random_(seed, 0, 0),
        scheduler_({.policy = policy, .starvation_bound = kBound}) {}

  // Empty if all went well.
  std::string Run(int steps) {
    for (int step = 0; step < steps && error_.empty(); ++step) Step();
    return error_;
  }

 private:
  static constexpr uint32_t kBound = 12;
  static constexpr ChannelId kChannels = 12;

  ChannelLimits RandomLimits() {
    return {.weight = 0.5 + static_cast<double>(random_.Below(8)),
            .max_in_flight = static_cast<uint32_t>(1 + random_.Below(3)),
            .priority = static_cast<uint32_t>(
                random_.Below(ChannelLimits::kPriorities)),
            .max_batches_per_second = random_.Below(4) == 0 ? 100.0 : 0.0};
  }

  void Check(bool condition, const std::string& what) {
    if (!condition && error_.empty()) error_ = what;
  }

  void Step() {
    now_ += absl::Microseconds(static_cast<int64_t>(random_.Below(2000)));
    const ChannelId id = random_.Below(kChannels);
    const auto it = model_.find(id);
    if (it == model_.end()) {
      if (random_.Below(3) == 0) {
        const ChannelLimits limits = RandomLimits();
        Check(scheduler_.Add(id, limits).ok(), "Add");
        model_[id].limits = limits;
      } else {
        Check(!scheduler_.SetBacklog(id, 1).ok(), "SetBacklog of nobody");
      }
      return;
    }
    Model& channel = it->second;
    switch (random_.Below(12)) {
      case 0:
        if (random_.Below(20) == 0) {
          scheduler_.Remove(id);
          model_.erase(it);
        }
        break;
      case 1:
        channel.backlog = random_.Below(20);
        Check(scheduler_.SetBacklog(id, channel.backlog).ok(), "SetBacklog");
        break;
      case 2:
      case 3:
        channel.credit = random_.Below(6);
        Check(scheduler_.SetCredit(id, channel.credit).ok(), "SetCredit");
        break;
      case 4:
        channel.paused = random_.Below(4) == 0;
        Check(scheduler_.SetPaused(id, channel.paused).ok(), "SetPaused");
        break;
      case 5:
        if (random_.Below(10) == 0) {
          channel.limits = RandomLimits();
          channel.passed_over = 0;
          Check(scheduler_.SetLimits(id, channel.limits).ok(), "SetLimits");
        }
        break;
      case 6:
      case 7:
      case 8:
        if (channel.in_flight == 0) break;
        --channel.in_flight;
        scheduler_.OnDone(
            id, absl::Microseconds(static_cast<int64_t>(random_.Below(9000))),
            now_);
        break;
      default:
        Decide();
    }
  }

  void Decide() {
    std::array<bool, ChannelLimits::kPriorities> can_run{};
    for (const auto& [id, channel] : model_) {
      if (channel.CanRun(now_)) can_run[channel.limits.priority] = true;
    }
    const bool any = std::count(can_run.begin(), can_run.end(), true) > 0;
    Check(scheduler_.HasRunnable(now_) == any, "HasRunnable");
    const std::optional<ChannelId> next = scheduler_.Next(now_);
    // Work conserving: somebody is served if anybody can be.
    Check(next.has_value() == any, "Next says something else than the model");
    if (!next.has_value() || !error_.empty()) return;
    Model& served = model_.at(*next);
    Check(served.CanRun(now_), "served what cannot run");
    --served.backlog;
    --served.credit;
    ++served.in_flight;
    if (served.limits.max_batches_per_second > 0) {
      served.next_at = std::max(served.next_at, now_) +
                       absl::Seconds(1 / served.limits.max_batches_per_second);
    }
    for (uint32_t priority = 0; priority < can_run.size(); ++priority) {
      uint32_t& passed = passed_over_[priority];
      passed = !can_run[priority] || priority == served.limits.priority
                   ? 0
                   : passed + 1;
      Check(passed < kBound, "a priority starves");
    }
  }

  RandomStream random_;
  FairScheduler scheduler_;
  std::map<ChannelId, Model> model_;
  std::array<uint32_t, ChannelLimits::kPriorities> passed_over_{};
  absl::Duration now_;
  std::string error_;
};

TEST(FairSchedulerSimulation, AgreesWithTheModelWhateverIsDone) {
  // FAIRLEAD_SEED=n runs just that seed again.
  const char* replay = std::getenv("FAIRLEAD_SEED");
  const uint64_t first =
      replay == nullptr ? 0 : std::strtoull(replay, nullptr, 10);
  const uint64_t seeds = replay == nullptr ? 60 : 1;
  constexpr int kSteps = 10'000;  // 60 seeds, 2 policies: 1.2 million steps
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    for (const SchedulingPolicy policy :
         {SchedulingPolicy::kRoundRobin, SchedulingPolicy::kDeficit}) {
      ASSERT_EQ(Simulation(policy, seed).Run(kSteps), "")
          << "run it again with --test_env=FAIRLEAD_SEED=" << seed;
    }
  }
}

// --- with workers
// ------------------------------------------------------------

struct Load {
  absl::Duration cost;  // of a batch, on a worker of speed 1
  ChannelLimits limits = {};
  uint64_t batches = 1 << 30;  // in its epoch
  uint64_t credit = 1 << 30;   // that is ever given
};

struct Served {
  std::vector<uint64_t> batches;      // by channel
  std::vector<absl::Duration> cost;   // by channel
  std::vector<absl::Duration> ended;  // when its epoch was done
  absl::Duration end;
};

// Workers of these speeds, each always at work on what the scheduler says.
Served Simulate(SchedulingPolicy policy, const std::vector<Load>& loads,
                const std::vector<double>& workers, absl::Duration until) {
  FairScheduler scheduler({.policy = policy});
  for (ChannelId id = 0; id < loads.size(); ++id) {
    EXPECT_THAT(scheduler.Add(id, loads[id].limits), IsOk());
    EXPECT_THAT(scheduler.SetBacklog(id, loads[id].batches), IsOk());
    EXPECT_THAT(scheduler.SetCredit(id, loads[id].credit), IsOk());
  }
  Served served{.batches = std::vector<uint64_t>(loads.size(), 0),
                .cost = std::vector<absl::Duration>(loads.size()),
                .ended = std::vector<absl::Duration>(loads.size())};
  struct End {
    absl::Duration at;
    size_t worker;
    ChannelId channel;
    absl::Duration cost;
    bool operator>(const End& other) const { return at > other.at; }
  };
  std::priority_queue<End, std::vector<End>, std::greater<>> under_way;
  std::vector<size_t> idle;
  for (size_t worker = 0; worker < workers.size(); ++worker) {
    idle.push_back(worker);
  }
  absl::Duration now;
  while (true) {
    while (!idle.empty()) {
      const std::optional<ChannelId> next = scheduler.Next(now);
      if (!next.has_value()) break;
      const absl::Duration cost = loads[*next].cost / workers[idle.back()];
      under_way.push({now + cost, idle.back(), *next, cost});
      idle.pop_back();
    }
    if (under_way.empty() || under_way.top().at > until) break;
    const End end = under_way.top();
    under_way.pop();
    now = end.at;
    scheduler.OnDone(end.channel, end.cost, now);
    idle.push_back(end.worker);
    served.cost[end.channel] += end.cost;
    if (++served.batches[end.channel] == loads[end.channel].batches) {
      served.ended[end.channel] = now;
    }
  }
  served.end = now;
  return served;
}

// Jain's index of how evenly the cost is shared: 1 is even, 1/n all to one.
double JainOfCost(const Served& served) {
  double sum = 0;
  double squares = 0;
  for (const absl::Duration cost : served.cost) {
    sum += absl::ToDoubleSeconds(cost);
    squares += absl::ToDoubleSeconds(cost) * absl::ToDoubleSeconds(cost);
  }
  return sum * sum / (static_cast<double>(served.cost.size()) * squares);
}

std::vector<Load> OneHeavyAndSevenLight(uint64_t light_batches = 1 << 30) {
  // Fanout 25,20,10 against 5,5: some hundred times the edges.
  std::vector<Load> loads = {{.cost = absl::Milliseconds(100)}};
  for (int i = 0; i < 7; ++i) {
    loads.push_back({.cost = absl::Milliseconds(1), .batches = light_batches});
  }
  return loads;
}

TEST(FairSchedulerShares, CostIsSharedEvenlyWhateverBatchesCost) {
  const Served deficit =
      Simulate(SchedulingPolicy::kDeficit, OneHeavyAndSevenLight(), {1, 1},
               absl::Seconds(300));
  const Served round_robin =
      Simulate(SchedulingPolicy::kRoundRobin, OneHeavyAndSevenLight(), {1, 1},
               absl::Seconds(300));
  EXPECT_GE(JainOfCost(deficit), 0.98);
  EXPECT_LE(JainOfCost(round_robin), 0.25);
  printf("Jain index of cost: deficit %.4f, round_robin %.4f\n",
         JainOfCost(deficit), JainOfCost(round_robin));
}

TEST(FairSchedulerShares, LightEpochTakesLittleMoreThanItsFairShareOfTime) {
  constexpr uint64_t kBatches = 5000;
  const Served served =
      Simulate(SchedulingPolicy::kDeficit, OneHeavyAndSevenLight(kBatches),
               {1, 1}, absl::Seconds(300));
  // An eighth of two workers each.
  const absl::Duration fair = kBatches * absl::Milliseconds(1) / (2.0 / 8);
  for (size_t light = 1; light < 8; ++light) {
    ASSERT_GT(served.ended[light], absl::ZeroDuration());
    EXPECT_LE(served.ended[light], 1.25 * fair);
  }
}

TEST(FairSchedulerShares, WeightsAreShares) {
  std::vector<Load> loads;
  for (const double weight : {1.0, 2.0, 4.0}) {
    loads.push_back({.cost = absl::Milliseconds(1) * (5 - weight),
                     .limits = {.weight = weight}});
  }
  const Served served =
      Simulate(SchedulingPolicy::kDeficit, loads, {1, 1}, absl::Seconds(100));
  for (size_t i = 0; i < loads.size(); ++i) {
    EXPECT_NEAR(absl::ToDoubleSeconds(served.cost[i]),
                200 * loads[i].limits.weight / 7,
                200 * loads[i].limits.weight / 7 * 0.05);
  }
}

TEST(FairSchedulerShares, PausedConsumerTakesNothingFromTheOthers) {
  const std::vector<Load> seven(7, {.cost = absl::Milliseconds(3)});
  std::vector<Load> eight = seven;
  eight.push_back({.cost = absl::Milliseconds(3), .credit = 4});
  const absl::Duration time = absl::Seconds(60);
  const Served alone =
      Simulate(SchedulingPolicy::kDeficit, seven, {1, 1}, time);
  const Served beside =
      Simulate(SchedulingPolicy::kDeficit, eight, {1, 1}, time);
  EXPECT_EQ(beside.batches[7], 4u);
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_GE(static_cast<double>(beside.batches[i]),
              0.95 * static_cast<double>(alone.batches[i]));
  }
}

// Workers take the next batch of a channel as they become free (W-08): one
// that is five times slower costs the epoch what it lost, and no more.
TEST(FairSchedulerShares, SlowWorkerDoesNotDecideTheEpochsTime) {
  const std::vector<Load> loads = {{.cost = absl::Milliseconds(2),
                                    .limits = {.max_in_flight = 8},
                                    .batches = 6000}};
  for (const size_t others : {2, 3}) {
    std::vector<double> workers(others + 1, 1.0);
    const absl::Duration even =
        Simulate(SchedulingPolicy::kDeficit, loads, workers, absl::Hours(1))
            .end;
    workers.back() = 0.2;
    const absl::Duration skewed =
        Simulate(SchedulingPolicy::kDeficit, loads, workers, absl::Hours(1))
            .end;
    const double ratio = absl::FDivDuration(skewed, even);
    const auto n = static_cast<double>(others);
    EXPECT_LE(ratio, 1.01 * (n + 1) / (n + 0.2));
    printf("%zu workers and one 5 times slower: epoch %.3f times as long\n",
           others, ratio);
  }
}

}  // namespace
}  // namespace fairlead
