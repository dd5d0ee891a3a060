// Services are killed with SIGKILL, again and again, while trainers load: each
// trainer gets every batch of its epochs once, the same bytes as ever, nothing
// is left behind, and nobody who survives grows.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/clock/clock.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::Arrival;
using ::fairlead::testing::BatchDigests;
using ::fairlead::testing::IsFullScale;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::ResidentBytes;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::TestCluster;
using ::fairlead::testing::TwoHosts;

constexpr uint64_t kClients = 3;
constexpr double kMiB = 1 << 20;

// Far more than any of these needs, and far less than a leak of one channel's
// buffers, threads or graph a kill would come to.
constexpr uint64_t kSlackBytes = 64 << 20;

struct Kill {
  std::string service;
  std::optional<uint64_t> server;  // the host that it is on; the registry: none
  absl::Duration at;               // RealClock::MonotonicNow()
};

// From the kill to the first batch off the wire that only a mended road can
// have brought: of a later epoch or attempt of that host's channel, for each
// client that still got one. After the registry's death nothing breaks, and
// any batch will do.
std::vector<absl::Duration> TimesToRecover(const Kill& kill,
                                           const std::vector<Arrival>& all) {
  std::map<uint64_t, std::vector<Arrival>> by_client;
  for (const Arrival& batch : all) {
    if (kill.server.value_or(batch.server) == batch.server) {
      by_client[batch.client].push_back(batch);
    }
  }
  std::vector<absl::Duration> times;
  for (auto& [client, batches] : by_client) {
    std::sort(batches.begin(), batches.end(),
              [](const Arrival& a, const Arrival& b) {
                return a.received < b.received;
              });
    std::optional<std::pair<uint64_t, uint64_t>> before;
    for (const Arrival& batch : batches) {
      const std::pair<uint64_t, uint64_t> run = {batch.epoch, batch.attempt};
      if (batch.received <= kill.at) {
        before = run;
      } else if (!kill.server.has_value() || !before.has_value() ||
                 run > *before) {
        times.push_back(batch.received - kill.at);
        break;
      }
    }
  }
  return times;
}

// By nearest rank.
absl::Duration Percentile(std::vector<absl::Duration> times, size_t percent) {
  std::sort(times.begin(), times.end());
  return times.empty() ? absl::ZeroDuration()
                       : times[(times.size() - 1) * percent / 100];
}

class Chaos : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(TestCluster::Options options, TwoHosts());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto undisturbed,
                                  RunningLoad::Start(*cluster_, kLoad));
    ASSERT_THAT(undisturbed->Finish(), IsOk());
    owed_ = undisturbed->Digests();
    ASSERT_THAT(undisturbed->CheckExact(owed_, kClients), IsOk());
    ASSERT_EQ(owed_.size(), 4u * 64u);
    resident_ = Resident();
  }

  std::vector<uint64_t> Resident() {
    std::vector<uint64_t> resident;
    for (auto& service : cluster_->services()) {
      resident.push_back(ResidentBytes(service.process().pid()));
    }
    return resident;
  }

  // Kills these services at once, and starts them again in their order.
  void Strike(std::vector<size_t> victims) {
    std::sort(victims.begin(), victims.end());
    for (const size_t victim : victims) {
      const std::string& name = cluster_->names()[victim];
      const std::optional<uint64_t> host =
          victim == 0 ? std::nullopt
                      : std::optional<uint64_t>((victim - 1) / 2);
      kills_.push_back({name, host, RealClock().MonotonicNow()});
      ASSERT_THAT(cluster_->Kill(victim), IsOk()) << name;
    }
    for (const size_t victim : victims) {
      ASSERT_THAT(cluster_->Restart(victim), IsOk())
          << cluster_->names()[victim];
    }
  }

  // As many loads as it takes for so many kills, of what `choose` says: how far
  // one gets between two kills is the machine's affair.
  template <typename Choose>
  void LoadUnderFire(size_t kills_wanted, RandomStream& random, Choose choose) {
    size_t counted = 0;
    while (kills_.size() < kills_wanted) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load,
                                    RunningLoad::Start(*cluster_, kLoad));
      // Struck in the midst of things, not before they have begun.
      while (load->AwaitBatches(1 + random.Below(40))) {
        SCOPED_TRACE(absl::StrCat("kill ", kills_.size()));
        Strike(choose());
        if (HasFatalFailure()) return;
      }
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json report,
                                    load->Finish());
      EXPECT_EQ(report["duplicates"], 0);
      EXPECT_EQ(report["missing"], 0);
      EXPECT_THAT(load->CheckExact(owed_, kClients), IsOk());
      recoveries_ += report["recoveries"].get<uint64_t>();
      const std::vector<Arrival> arrivals = load->arrivals();
      for (; counted < kills_.size(); ++counted) {
        const std::string& name = kills_[counted].service;
        std::vector<absl::Duration>& times =
            times_[name.substr(0, name.find('-'))];
        for (const absl::Duration time :
             TimesToRecover(kills_[counted], arrivals)) {
          times.push_back(time);
        }
      }
    }
  }

  // Prints what came to pass, and checks that nobody grew.
  void Report() {
    std::map<std::string, int> by_service;
    for (const Kill& kill : kills_) ++by_service[kill.service];
    printf("killed: %s; %lu recoveries\n",
           absl::StrJoin(by_service, ", ", absl::PairFormatter(" ")).c_str(),
           recoveries_);
    for (const auto& [kind, times] : times_) {
      printf(
          "from the kill of a %s to the next batch: p50 %.0f ms, p99 %.0f ms "
          "(%zu times)\n",
          kind.c_str(), absl::ToDoubleMilliseconds(Percentile(times, 50)),
          absl::ToDoubleMilliseconds(Percentile(times, 99)), times.size());
    }
    const std::vector<uint64_t> now = Resident();
    for (size_t i = 0; i < now.size(); ++i) {
      const std::string& name = cluster_->names()[i];
      printf("%s: %.1f MiB resident, undisturbed %.1f MiB\n", name.c_str(),
             static_cast<double>(now[i]) / kMiB,
             static_cast<double>(resident_[i]) / kMiB);
      EXPECT_GT(now[i], 0u) << name;
      EXPECT_LT(now[i], resident_[i] + kSlackBytes) << name;
    }
  }

  const std::vector<std::string> kLoad = {
      "--split=all",  absl::StrCat("--clients=", kClients),
      "--epochs=4",   "--batch_size=16",
      "--fanout=5,5", "--shuffle"};
  std::unique_ptr<TestCluster> cluster_;
  BatchDigests owed_;
  std::vector<uint64_t> resident_;  // of each service, undisturbed
  std::vector<Kill> kills_;
  uint64_t recoveries_ = 0;
  std::map<std::string, std::vector<absl::Duration>> times_;  // to recover
};

TEST_F(Chaos, EveryBatchComesOnceWhateverIsKilled) {
  RandomStream random(2026, 7, 0);
  const size_t services = cluster_->services().size();
  std::vector<size_t> deck;
  const auto draw = [&] {
    if (deck.empty()) {
      deck.resize(services);
      std::iota(deck.begin(), deck.end(), 0);
      for (size_t i = services - 1; i > 0; --i) {
        std::swap(deck[i], deck[random.Below(i + 1)]);
      }
    }
    const size_t victim = deck.back();
    deck.pop_back();
    return victim;
  };
  // Every service in each round, in any order; now and then two at once.
  LoadUnderFire(IsFullScale() ? 200 : 20, random, [&] {
    std::vector<size_t> victims = {draw()};
    if (random.Below(4) == 0 && !deck.empty()) victims.push_back(draw());
    return victims;
  });
  if (HasFatalFailure()) return;
  EXPECT_GT(recoveries_, 0u);
  Report();
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

// What a registry or a pool keeps for a gateway goes with the gateway.
TEST_F(Chaos, ServicesThatSurviveDoNotGrow) {
  RandomStream random(2026, 8, 0);
  const std::vector<size_t> gateways = {cluster_->IndexOf("gateway-0"),
                                        cluster_->IndexOf("gateway-1")};
  LoadUnderFire(IsFullScale() ? 100 : 8, random,
                [&] { return std::vector<size_t>{gateways[random.Below(2)]}; });
  if (HasFatalFailure()) return;
  Report();
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
