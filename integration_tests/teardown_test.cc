// Two storage hosts and two compute processes are ended in the right order and
// in every wrong one, with epochs under way: each process comes to its end by
// itself, and nothing is left (parity DS-15).

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsFullScale;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::Partition;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestCluster;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// A service drains for so long at most...
constexpr char kDrain[] = "--drain=500ms";
// ...and has ended then, however slow the machine.
constexpr absl::Duration kBound = absl::Seconds(30);

// What ends together: compute processes, pools, gateways, the registry.
constexpr char kCompute = 'c';

class Teardown : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string whole, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(dataset_, Partition(whole, 2));
  }

  // Starts a cluster and its trainers, and ends them group by group.
  static void EndInOrder(const std::string& groups) {
    SCOPED_TRACE(groups);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto cluster, TestCluster::Start({.dataset = dataset_,
                                                .partitions = 2,
                                                .host_per_partition = true,
                                                .registry_flags = {kDrain},
                                                .pool_flags = {kDrain},
                                                .gateway_flags = {kDrain}}));
    std::vector<std::unique_ptr<RunningLoad>> compute;
    for (const char* loaders : {"--clients=1", "--clients=2"}) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          compute.emplace_back(),
          RunningLoad::Start(
              *cluster, {loaders, "--split=all", "--batch_size=16",
                         "--fanout=5,5", "--epochs=1000000",
                         "--connect_timeout=1s", "--recovery_timeout=1s"}));
    }
    for (const auto& loaders : compute) {
      ASSERT_TRUE(loaders->AwaitBatches(5));
    }
    bool registry_lives = true;
    for (const char group : groups) {
      if (group == kCompute) {
        for (const auto& loaders : compute) {
          // Without a registry they give up by themselves.
          if (registry_lives) loaders->Signal(SIGTERM);
          // Well if nobody went before them; by giving up, which is an error
          // and no crash, if the registry has; else it is a matter of who was
          // quicker.
          const absl::Status end = loaders->Finish().status();
          const auto gave_up =
              StatusIs(absl::StatusCode::kInternal, HasSubstr("ended with 1:"));
          if (groups.front() == kCompute) {
            EXPECT_THAT(end, IsOk());
          } else if (!registry_lives) {
            EXPECT_THAT(end, gave_up);
          } else {
            EXPECT_THAT(end, AnyOf(IsOk(), gave_up));
          }
        }
        continue;
      }
      if (group == 'r') registry_lives = false;
      for (size_t i = 0; i < cluster->names().size(); ++i) {
        if (cluster->names()[i].front() == group) {
          cluster->services()[i].process().Signal(SIGTERM);
        }
      }
      for (size_t i = 0; i < cluster->names().size(); ++i) {
        if (cluster->names()[i].front() != group) continue;
        EXPECT_THAT(cluster->services()[i].process().Wait(kBound),
                    IsOkAndHolds(0))
            << cluster->names()[i];
      }
    }
    EXPECT_THAT(cluster->CheckNothingIsLeft(), IsOk());
  }

  static std::string dataset_;
};

std::string Teardown::dataset_;

TEST_F(Teardown, ComputeThenStorageThenRegistry) { EndInOrder("cgpr"); }

TEST_F(Teardown, EveryWrongOrderEndsToo) {
  if (!IsFullScale()) {
    // Of each group one order in which it goes first.
    for (const char* groups : {"rpgc", "prcg", "gcrp"}) EndInOrder(groups);
    return;
  }
  std::string groups = "cgpr";
  while (std::next_permutation(groups.begin(), groups.end())) {
    EndInOrder(groups);
  }
}

}  // namespace
}  // namespace fairlead
