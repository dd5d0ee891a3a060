// A process stands still for longer than its lease and then goes on (SIGSTOP,
// SIGCONT): what it held is no longer its own, it finds that out, harms nobody,
// and every trainer still gets every batch once.

#include <csignal>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BatchDigests;
using ::fairlead::testing::IsFullScale;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::Scrape;
using ::fairlead::testing::TestCluster;
using ::fairlead::testing::TwoHosts;

class Freeze : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(TestCluster::Options options, TwoHosts());
    options.registry_flags = {"--default_lease=" +
                              absl::FormatDuration(lease_)};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    if (owed_.empty()) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto undisturbed,
                                    RunningLoad::Start(*cluster_, kLoad));
      ASSERT_THAT(undisturbed->Finish(), IsOk());
      owed_ = undisturbed->Digests();
    }
    ASSERT_EQ(owed_.size(), 3u * 64u);
  }

  void TearDown() override { EXPECT_THAT(cluster_->Stop(), IsOk()); }

  // How long a process stands still, which is the fault itself and no wait for
  // anything: half as long again as its lease.
  absl::Duration Stall() const { return 1.5 * lease_; }

  // Leases that have run out so far.
  double ExpiredLeases() {
    const auto metrics = Scrape(cluster_->registry().metrics_address());
    EXPECT_THAT(metrics, IsOk());
    return metrics->at("fairlead_registry_expired_leases_total");
  }

  // Freezes services in the midst of a load.
  void LoadWhileFrozen(const std::vector<std::string>& names) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load,
                                  RunningLoad::Start(*cluster_, kLoad));
    EXPECT_TRUE(load->AwaitBatches(20));
    for (const std::string& name : names) {
      cluster_->service(name).process().Signal(SIGSTOP);
    }
    absl::SleepFor(Stall());
    for (const std::string& name : names) {
      cluster_->service(name).process().Signal(SIGCONT);
    }
    EXPECT_THAT(load->Finish(), IsOk());
    EXPECT_THAT(load->CheckExact(owed_, kClients), IsOk());
  }

  static constexpr uint64_t kClients = 3;
  const std::vector<std::string> kLoad = {
      "--split=all",  absl::StrCat("--clients=", kClients),
      "--epochs=3",   "--batch_size=16",
      "--fanout=5,5", "--shuffle"};
  const absl::Duration lease_ = absl::Seconds(IsFullScale() ? 10 : 2);
  std::unique_ptr<TestCluster> cluster_;
  static BatchDigests owed_;
};

BatchDigests Freeze::owed_;

// Time that the registry did not see is nobody's fault.
TEST_F(Freeze, RegistryEndsNoLeaseThatItCouldNotRenew) {
  LoadWhileFrozen({"registry"});
  EXPECT_EQ(ExpiredLeases(), 0);
}

TEST_F(Freeze, ServicesJoinAgainAndGoOn) {
  LoadWhileFrozen({"pool-0", "gateway-1"});
  EXPECT_GE(ExpiredLeases(), 2);
}

// Somebody saw that it did not answer, and started another. When it wakes, it
// learns that its place is taken, and ends.
TEST_F(Freeze, ServiceThatWasReplacedEnds) {
  for (const std::string name : {"pool-0", "gateway-0"}) {
    SCOPED_TRACE(name);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load,
                                  RunningLoad::Start(*cluster_, kLoad));
    EXPECT_TRUE(load->AwaitBatches(20));
    cluster_->service(name).process().Signal(SIGSTOP);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(ServiceProcess frozen,
                                  cluster_->Replace(cluster_->IndexOf(name)));
    frozen.process().Signal(SIGCONT);
    EXPECT_THAT(frozen.process().Wait(kPatience), IsOkAndHolds(1));
    EXPECT_THAT(load->Finish(), IsOk());
    EXPECT_THAT(load->CheckExact(owed_, kClients), IsOk());
  }
}

// Its channels are gone with its leases; it makes them anew, and asks for what
// it does not hold.
TEST_F(Freeze, TrainersGoOnWhereTheyWere) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto frozen,
                                RunningLoad::Start(*cluster_, kLoad));
  EXPECT_TRUE(frozen->AwaitBatches(20));
  frozen->Signal(SIGSTOP);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto other,
                                RunningLoad::Start(*cluster_, kLoad));
  EXPECT_THAT(other->Finish(), IsOk());
  EXPECT_THAT(other->CheckExact(owed_, kClients), IsOk());
  absl::SleepFor(Stall());
  EXPECT_GE(ExpiredLeases(), kClients);
  frozen->Signal(SIGCONT);
  EXPECT_THAT(frozen->Finish(), IsOk());
  EXPECT_THAT(frozen->CheckExact(owed_, kClients), IsOk());
}

}  // namespace
}  // namespace fairlead
