// The registry's store has no room left: what would change the state is refused
// by name, batches flow on, and room is all it takes for everything to work
// again.

#include <sys/resource.h>
#include <sys/types.h>

#include <csignal>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
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

using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::TestCluster;
using ::testing::AllOf;
using ::testing::HasSubstr;

// No file of the process may grow beyond so much from now on: what a full disk
// is, as far as a program can tell, and takes no privilege.
void LimitFiles(pid_t pid, rlim_t bytes) {
  const rlimit limit = {bytes, RLIM_INFINITY};
  ASSERT_EQ(prlimit(pid, RLIMIT_FSIZE, &limit, nullptr), 0);
}

TEST(FullStore, RefusesChangesByNameAndNeedsOnlyRoom) {
  // The services inherit it: a write that is refused is an error, not a death.
  signal(SIGXFSZ, SIG_IGN);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto cluster,
                                TestCluster::Start({.dataset = dataset}));
  const std::vector<std::string> kLoad = {"--split=all", "--batch_size=16",
                                          "--fanout=5,5", "--shuffle"};
  std::vector<std::string> endless = kLoad;
  endless.push_back("--epochs=1000000");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto running,
                                RunningLoad::Start(*cluster, endless));
  ASSERT_TRUE(running->AwaitBatches(1));

  const pid_t registry = cluster->registry().process().pid();
  LimitFiles(registry, 1);
  // A trainer that would join is told what is wrong, and where.
  std::vector<std::string> impatient = kLoad;
  impatient.push_back("--connect_timeout=1s");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome refused,
                                cluster->RunLoadgen(impatient));
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("UNAVAILABLE"),
                                 HasSubstr(cluster->folder() + "/store.db"),
                                 HasSubstr("is its disk full?")));
  // Several epochs' worth: their starts change nothing that is stored.
  EXPECT_TRUE(running->AwaitBatches(5 * 64));

  LimitFiles(registry, RLIM_INFINITY);
  EXPECT_THAT(cluster->Load(kLoad), IsOk());
  EXPECT_TRUE(running->AwaitBatches(64));
  EXPECT_THAT(cluster->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
