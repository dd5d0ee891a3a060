// Services are killed with SIGKILL, again and again, while trainers load: each
// trainer gets every batch of its epochs once, the same bytes as ever, and
// nothing is left behind.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::Scrape;
using ::fairlead::testing::TestCluster;

// How many messages the gateway that lives now has handed to trainers.
double Delivered(TestCluster& cluster) {
  const auto metrics = Scrape(cluster.gateway().metrics_address());
  if (!metrics.ok()) return 0;
  double delivered = 0;
  for (const auto& [name, value] : *metrics) {
    if (absl::StartsWith(name, "fairlead_gateway_messages_total")) {
      delivered += value;
    }
  }
  return delivered;
}

TEST(Chaos, EveryBatchComesOnceWhateverIsKilled) {
  const char* scale = std::getenv("FAIRLEAD_TEST_SCALE");
  const int kills_wanted =
      scale != nullptr && std::string(scale) == "full" ? 200 : 20;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto cluster,
                                TestCluster::Start({.dataset = dataset}));
  const std::vector<std::string> load = {"--split=all",     "--clients=3",
                                         "--epochs=4",      "--shuffle",
                                         "--batch_size=16", "--fanout=5,5"};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json undisturbed,
                                cluster->Load(load));

  RandomStream random(2026, 7, 0);
  std::array<int, 3> kills{};
  uint64_t recoveries = 0;
  int all_kills = 0;
  // As many loads as it takes: how far one gets between two kills is the
  // machine's affair.
  while (all_kills < kills_wanted) {
    std::future<absl::StatusOr<nlohmann::json>> disturbed =
        std::async(std::launch::async, [&] { return cluster->Load(load); });
    const auto is_over = [&disturbed] {
      return disturbed.wait_for(std::chrono::seconds(0)) ==
             std::future_status::ready;
    };
    while (!is_over()) {
      // Killed in the midst of things, not before they have begun.
      const double from = Delivered(*cluster);
      const auto more = static_cast<double>(random.Below(40));
      while (!is_over() && Delivered(*cluster) < from + more) {
      }
      const size_t victim = random.Below(3);
      SCOPED_TRACE(absl::StrCat("kill ", all_kills, ": service ", victim));
      ASSERT_THAT(cluster->KillAndRestart(victim), IsOk());
      ++kills[victim];
      ++all_kills;
    }
    const absl::StatusOr<nlohmann::json> report = disturbed.get();
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ((*report)["duplicates"], 0);
    EXPECT_EQ((*report)["missing"], 0);
    EXPECT_EQ((*report)["batches"], undisturbed["batches"]);
    EXPECT_EQ((*report)["digest"], undisturbed["digest"]);
    recoveries += (*report)["recoveries"].get<uint64_t>();
  }
  printf("killed: registry %d, pool %d, gateway %d; %lu recoveries\n", kills[0],
         kills[1], kills[2], recoveries);
  EXPECT_GT(*std::min_element(kills.begin(), kills.end()), 0);
  EXPECT_GT(recoveries, 0u);
  EXPECT_THAT(cluster->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
