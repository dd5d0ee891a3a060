// Everything spread over three hosts with addresses of their own: registries on
// a three-member etcd, partitions, trainers on a fourth. Whatever is killed,
// and whichever host is cut off, each trainer gets every batch once.

#include <sched.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/namespaces.h"
#include "integration_tests/harness/network_hosts.h"
#include "integration_tests/harness/place.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"
#include "services/registry/etcd_cluster.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BatchDigests;
using ::fairlead::testing::EnterNamespaces;
using ::fairlead::testing::EtcdCluster;
using ::fairlead::testing::IsFullScale;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::MakeNetworkHosts;
using ::fairlead::testing::NetworkHosts;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::Partition;
using ::fairlead::testing::Place;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::Shell;
using ::fairlead::testing::TestCluster;

constexpr size_t kHosts = 3;
constexpr uint64_t kClients = 3;

class Hosts : public ::testing::Test {
 protected:
  // Before there is any thread, which could not follow.
  static void SetUpTestSuite() {
    hosts_.missing = EnterNamespaces(CLONE_NEWNET);
    if (hosts_.missing.empty()) hosts_ = MakeNetworkHosts(kHosts);
  }
  static void TearDownTestSuite() { hosts_ = {}; }

  void SetUp() override {
    if (!hosts_.missing.empty()) GTEST_SKIP() << hosts_.missing;
    if (!EtcdCluster::IsInstalled()) GTEST_SKIP() << EtcdCluster::kWhySkipped;
    std::vector<EtcdCluster::Host> etcd_hosts;
    for (const Place& place : hosts_.places) {
      etcd_hosts.push_back({place.address, place.launcher});
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(etcd_,
                                  EtcdCluster::Start(etcd_hosts, NewFolder()));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string whole, MakeKronecker());
    TestCluster::Options options;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, Partition(whole, kHosts));
    options.partitions = kHosts;
    options.host_per_partition = true;
    options.registries = kHosts;
    options.registry_flags = {"--store=" + etcd_->store_spec("/fairlead/")};
    options.places = hosts_.places;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto undisturbed, StartLoad());
    ASSERT_THAT(undisturbed->Finish(), IsOk());
    owed_ = undisturbed->Digests();
    ASSERT_GE(owed_.size(), 4u * 64u);
  }

  absl::StatusOr<std::unique_ptr<RunningLoad>> StartLoad() {
    return RunningLoad::Start(
        *cluster_,
        {"--split=all", absl::StrCat("--clients=", kClients), "--epochs=4",
         "--batch_size=16", "--fanout=5,5", "--shuffle", "--step_time=5ms"});
  }

  void ExpectExact(RunningLoad& load) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json report, load.Finish());
    EXPECT_EQ(report["duplicates"], 0);
    EXPECT_EQ(report["missing"], 0);
    EXPECT_THAT(load.CheckExact(owed_, kClients), IsOk());
  }

  // Kills one process of all, members of etcd among them, and starts it again.
  void Strike(size_t victim) {
    const size_t services = cluster_->services().size();
    if (victim < services) {
      SCOPED_TRACE(cluster_->names()[victim]);
      ASSERT_THAT(cluster_->KillAndRestart(victim), IsOk());
    } else {
      SCOPED_TRACE(absl::StrCat("etcd-", victim - services));
      etcd_->Kill(victim - services);
      ASSERT_THAT(etcd_->Restart(victim - services), IsOk());
    }
  }

  static NetworkHosts hosts_;
  std::unique_ptr<EtcdCluster> etcd_;
  std::unique_ptr<TestCluster> cluster_;
  BatchDigests owed_;
};

NetworkHosts Hosts::hosts_;

TEST_F(Hosts, EveryBatchComesOnceWhateverIsKilledOnWhicheverHost) {
  RandomStream random(2026, 11, 0);
  const size_t victims = cluster_->services().size() + kHosts;
  const size_t wanted = IsFullScale() ? 100 : victims;
  size_t kills = 0;
  while (kills < wanted) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load, StartLoad());
    while (kills < wanted && load->AwaitBatches(1 + random.Below(40))) {
      // Each once; then any.
      Strike(kills < victims ? kills : random.Below(victims));
      if (HasFatalFailure()) return;
      ++kills;
    }
    ExpectExact(*load);
  }
  printf("%zu kills over %zu hosts\n", kills, kHosts);
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

// A host with a registry, a member of etcd, a pool and a gateway: the others
// go on, and nobody else asks for what it has in vain once it is back.
TEST_F(Hosts, HostThatIsCutOffIsWaitedFor) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load, StartLoad());
  ASSERT_TRUE(load->AwaitBatches(20));
  ASSERT_EQ(Shell("ip link set wire1 down"), "");
  // What is under way from it comes no more; of the others, what can.
  ASSERT_TRUE(load->AwaitBatches(1));
  ASSERT_EQ(Shell("ip link set wire1 up"), "");
  ExpectExact(*load);
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
