// Trainers are killed with SIGKILL in the midst of their epochs, services
// beside them, and the next process of each goes on from the cursor that it
// left: what all of them consumed together is every batch once (parity W-22).

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsFullScale;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::Program;
using ::fairlead::testing::TestCluster;
using ::fairlead::testing::TwoHosts;

constexpr size_t kEpochs = 2;

class Resume : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(TestCluster::Options options, TwoHosts());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
  }

  absl::StatusOr<ChildProcess> StartTrainer(const std::string& name,
                                            const std::string& state) {
    return ChildProcess::Start(
        {Program("integration_tests/harness:resuming_trainer"),
         absl::StrCat("--registry=", cluster_->registry().address()),
         absl::StrCat("--name=", name), absl::StrCat("--state=", state),
         absl::StrCat("--epochs=", kEpochs)},
        {});
  }

  // What a state says has been consumed, sorted.
  static std::vector<std::string> Consumed(const std::string& state) {
    std::vector<std::string> batches;
    std::ifstream in(state);
    std::string line;
    std::getline(in, line);  // the cursor
    while (std::getline(in, line)) batches.push_back(line);
    std::sort(batches.begin(), batches.end());
    return batches;
  }

  std::unique_ptr<TestCluster> cluster_;
};

TEST_F(Resume, WhatAllProcessesOfATrainerConsumedIsEveryBatchOnce) {
  const std::string undisturbed = NewFolder() + "/state";
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(ChildProcess trainer,
                                StartTrainer("undisturbed", undisturbed));
  while (true) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto line, trainer.ReadLine(kPatience));
    if (!line.has_value()) break;
  }
  ASSERT_THAT(trainer.Wait(kPatience), IsOkAndHolds(0));
  const std::vector<std::string> owed = Consumed(undisturbed);
  ASSERT_EQ(owed.size(), kEpochs * 64);

  RandomStream random(2026, 9, 0);
  int kills = 0;
  for (int run = 0; run < (IsFullScale() ? 20 : 1); ++run) {
    const std::string state = NewFolder() + "/state";
    const std::string name = absl::StrCat("trainer-", run);
    bool finished = false;
    while (!finished) {
      SCOPED_TRACE(absl::StrCat("run ", run, ", kill ", kills));
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(trainer, StartTrainer(name, state));
      for (size_t more = 1 + random.Below(25); more > 0 && !finished; --more) {
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto line,
                                      trainer.ReadLine(kPatience));
        finished = !line.has_value();
      }
      if (finished) break;
      trainer.Signal(SIGKILL);
      EXPECT_THAT(trainer.Wait(kPatience), IsOkAndHolds(128 + SIGKILL));
      ++kills;
      if (kills % 3 == 0) {
        const size_t victim = random.Below(cluster_->services().size());
        ASSERT_THAT(cluster_->KillAndRestart(victim), IsOk());
      }
    }
    EXPECT_THAT(trainer.Wait(kPatience), IsOkAndHolds(0));
    EXPECT_EQ(Consumed(state), owed);
  }
  printf("trainers killed: %d\n", kills);
  EXPECT_GT(kills, 0);
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
