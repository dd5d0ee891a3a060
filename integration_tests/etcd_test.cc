// A cluster whose registries keep their state in etcd, while they and members
// of etcd are killed and start again: batches flow, and what changes the state
// waits.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/status/status_matchers.h"
#include "services/registry/etcd_cluster.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BatchDigests;
using ::fairlead::testing::EtcdCluster;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::TestCluster;

constexpr uint64_t kClients = 3;

class Etcd : public ::testing::Test {
 protected:
  void Start(size_t members, int registries) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(etcd_,
                                  EtcdCluster::Start(members, NewFolder()));
    TestCluster::Options options;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    options.registries = registries;
    options.registry_flags = {"--store=" + etcd_->store_spec("/fairlead/")};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto undisturbed, StartLoad());
    ASSERT_THAT(undisturbed->Finish(), IsOk());
    owed_ = undisturbed->Digests();
    ASSERT_EQ(owed_.size(), 4u * 64u);
  }

  void SetUp() override {
    if (!EtcdCluster::IsInstalled()) GTEST_SKIP() << EtcdCluster::kWhySkipped;
  }

  absl::StatusOr<std::unique_ptr<RunningLoad>> StartLoad() {
    return RunningLoad::Start(*cluster_,
                              {"--split=all", "--clients=3", "--epochs=4",
                               "--batch_size=16", "--fanout=5,5", "--shuffle"});
  }

  void ExpectExact(RunningLoad& load) {
    EXPECT_THAT(load.Finish(), IsOk());
    EXPECT_THAT(load.CheckExact(owed_, kClients), IsOk());
  }

  std::unique_ptr<EtcdCluster> etcd_;
  std::unique_ptr<TestCluster> cluster_;
  BatchDigests owed_;
};

TEST_F(Etcd, RestartIsOnlyAWait) {
  Start(/*members=*/1, /*registries=*/1);
  if (HasFatalFailure()) return;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto running, StartLoad());
  ASSERT_TRUE(running->AwaitBatches(20));
  etcd_->Kill(0);
  // It registers, which has to wait for etcd.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto newcomer, StartLoad());
  EXPECT_TRUE(running->AwaitBatches(100));
  ASSERT_THAT(etcd_->Restart(0), IsOk());
  ExpectExact(*running);
  ExpectExact(*newcomer);
  // What etcd holds is enough for a registry that knows nothing.
  ASSERT_THAT(cluster_->KillAndRestart(cluster_->IndexOf("registry")), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto last, StartLoad());
  ExpectExact(*last);
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

TEST_F(Etcd, LossOfARegistryAndOfEtcdsLeaderIsHardlyNoticed) {
  Start(/*members=*/3, /*registries=*/2);
  if (HasFatalFailure()) return;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto running, StartLoad());
  ASSERT_TRUE(running->AwaitBatches(20));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const size_t leader, etcd_->Leader());
  etcd_->Kill(leader);
  ASSERT_THAT(cluster_->Kill(cluster_->IndexOf("registry")), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto newcomer, StartLoad());
  ExpectExact(*running);
  ExpectExact(*newcomer);
  // And the other way round.
  ASSERT_THAT(etcd_->Restart(leader), IsOk());
  ASSERT_THAT(cluster_->Restart(cluster_->IndexOf("registry")), IsOk());
  ASSERT_THAT(cluster_->Kill(cluster_->IndexOf("registry-1")), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto last, StartLoad());
  ExpectExact(*last);
  ASSERT_THAT(cluster_->Restart(cluster_->IndexOf("registry-1")), IsOk());
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
