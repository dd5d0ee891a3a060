// What does not fit is refused before anything is made, and a dry run says so
// in numbers.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestCluster;
using ::testing::HasSubstr;

class Admission : public ::testing::Test {
 protected:
  void SetUp() override {
    TestCluster::Options options;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    options.pool_flags = {"--shm_budget=20MB"};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
  }
  void TearDown() override { EXPECT_THAT(cluster_->Stop(), IsOk()); }

  // Runs loadgen with buffers of 8 MB each, of which there is room for two.
  Outcome Run(std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--buffer_bytes=8MB", "--fanout=2",
                               "--batch_size=64", "--json"});
    auto outcome = cluster_->RunLoadgen(flags);
    EXPECT_THAT(outcome, IsOk());
    return *std::move(outcome);
  }

  std::unique_ptr<TestCluster> cluster_;
};

TEST_F(Admission, DryRunSaysWhatALoadWouldTakeAndMakesNothing) {
  for (int i = 0; i < 3; ++i) {
    const Outcome outcome = Run({"--dry_run", "--clients=2"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json plan = nlohmann::json::parse(outcome.out);
    const nlohmann::json& server = plan["servers"].at(0);
    EXPECT_EQ(server["shm_bytes"]["needed"], 16 << 20);
    EXPECT_EQ(server["shm_bytes"]["used"], 0);
    EXPECT_EQ(server["shm_bytes"]["budget"], 20 << 20);
    EXPECT_GT(server["batches"], 0);
  }
}

TEST_F(Admission, DryRunNamesTheServerThatHasNoRoom) {
  const Outcome outcome = Run({"--dry_run", "--clients=3"});
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("server_rank 0: has no room for 3"));
}

TEST_F(Admission, LoadThatDoesNotFitIsRefusedWithTheNumbersAndLeavesNothing) {
  const Outcome outcome = Run({"--clients=3"});
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("8388608 bytes are wanted"));
  EXPECT_EQ(Run({"--clients=2"}).exit_code, 0);
}

}  // namespace
}  // namespace fairlead
