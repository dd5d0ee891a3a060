// The road of a batch through real processes: every seed once per epoch and
// trainer, and the same bytes whatever makes them.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::TestCluster;
using ::nlohmann::json;

constexpr int kScale = 11;
constexpr int kTrainSeeds = (1 << kScale) * 6 / 10;

const std::vector<std::string> kTwoEpochsTwoClients = {
    "--fanout=5,3", "--batch_size=100", "--epochs=2", "--clients=2",
    "--shuffle",    "--features",       "--seed=3"};

TEST(RoadTest, EveryClientGetsEverySeedOncePerEpoch) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset,
                                MakeKronecker(kScale));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto cluster,
                                TestCluster::Start({.dataset = dataset}));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const json load,
                                cluster->Load(kTwoEpochsTwoClients));

  EXPECT_EQ(load["batches"], 2 * 2 * ((kTrainSeeds + 99) / 100));
  EXPECT_EQ(load["seeds"], 2 * 2 * kTrainSeeds);
  EXPECT_EQ(load["unique_seeds"], kTrainSeeds);
  EXPECT_EQ(load["duplicates"], 0);
  EXPECT_EQ(load["missing"], 0);
  EXPECT_THAT(cluster->Stop(), IsOk());
}

TEST(RoadTest, DigestDependsOnTheSeedAndNotOnRunsOrWorkers) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset,
                                MakeKronecker(kScale));
  std::vector<json> digests;
  for (const int workers : {1, 3}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto cluster,
        TestCluster::Start({.dataset = dataset, .workers = workers}));
    for (int run = 0; run < 2; ++run) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const json load,
                                    cluster->Load(kTwoEpochsTwoClients));
      digests.push_back(load["digest"]);
    }
    std::vector<std::string> other_seed = kTwoEpochsTwoClients;
    other_seed.push_back("--seed=4");
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const json other, cluster->Load(other_seed));
    EXPECT_NE(other["digest"], digests[0]);
    EXPECT_THAT(cluster->Stop(), IsOk());
  }
  EXPECT_THAT(digests, ::testing::Each(digests[0]));
}

TEST(RoadTest, TrainerThatLeavesInTheMiddleLeavesNothingBehind) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset,
                                MakeKronecker(kScale));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto cluster,
                                TestCluster::Start({.dataset = dataset}));
  std::vector<std::string> flags = kTwoEpochsTwoClients;
  flags.push_back("--max_batches=3");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const json load, cluster->Load(flags));
  EXPECT_GT(load["batches"], 0);
  EXPECT_THAT(cluster->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
