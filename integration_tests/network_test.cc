// Trainers and services on two hosts, as far as the network can tell: in two
// network namespaces, with a wire between them that is slow, loses packets, is
// cut and mended. Each trainer gets every batch once.

#include <sched.h>
#include <signal.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/namespaces.h"
#include "integration_tests/harness/network_hosts.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BatchDigests;
using ::fairlead::testing::EnterNamespaces;
using ::fairlead::testing::FindSystemProgram;
using ::fairlead::testing::IsFullScale;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::MakeNetworkHosts;
using ::fairlead::testing::NetworkHosts;
using ::fairlead::testing::Program;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::Shell;
using ::fairlead::testing::TestCluster;
using ::fairlead::testing::TwoHosts;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Services are in this process's namespace, trainers in the other.
constexpr char kServicesAddress[] = "10.77.0.1";
constexpr uint64_t kClients = 2;

class Network : public ::testing::Test {
 protected:
  // Before there is any thread, which could not follow.
  static void SetUpTestSuite() {
    hosts_.missing = EnterNamespaces(CLONE_NEWNET);
    if (hosts_.missing.empty()) hosts_ = MakeNetworkHosts(1);
  }
  static void TearDownTestSuite() { hosts_ = {}; }

  void SetUp() override {
    if (!hosts_.missing.empty()) GTEST_SKIP() << hosts_.missing;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(TestCluster::Options options, TwoHosts());
    options.places = {{.address = kServicesAddress}};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto undisturbed, StartLoad());
    ASSERT_THAT(undisturbed->Finish(), IsOk());
    owed_ = undisturbed->Digests();
    ASSERT_EQ(owed_.size(), 2u * 64u);
  }

  void TearDown() override {
    if (cluster_ == nullptr) return;  // skipped
    EXPECT_THAT(cluster_->Stop(), IsOk());
  }

  absl::StatusOr<std::unique_ptr<RunningLoad>> StartLoad() {
    return RunningLoad::Start(
        *cluster_,
        {"--split=all", "--epochs=2", "--batch_size=16", "--fanout=5,5",
         "--shuffle", absl::StrCat("--clients=", kClients)},
        trainers());
  }

  // Trainers reach the services, and are answered, over a wire that is slow and
  // loses packets. Says what is missing for it; nothing if it is there.
  static std::string AddLossyWire(std::optional<ChildProcess>& wire) {
    auto started = ChildProcess::Start(
        {Program("integration_tests/harness:lossy_wire"), "--device=slow",
         absl::StrCat("--other_end=/proc/", hosts_.namespaces[0].holder.pid(),
                      "/ns/net"),
         "--delay=10ms", "--jitter=5ms", "--loss=0.02"},
        {});
    if (!started.ok()) return std::string(started.status().message());
    wire.emplace(*std::move(started));
    const auto there = wire->ReadLine(kPatience);
    if (!there.ok() || !there->has_value()) {
      return "no netem, and no TUN devices in its place";
    }
    for (const auto& [launcher, command] :
         std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{}, "ip addr add 10.78.0.1/24 dev slow"},
             {{}, "ip link set slow up"},
             {trainers(), "ip addr add 10.78.0.2/24 dev slow"},
             {trainers(), "ip link set slow up"},
             {trainers(), absl::StrCat("ip route add ", kServicesAddress,
                                       "/32 dev slow src 10.78.0.2")}}) {
      const std::string error = Shell(command, launcher);
      if (!error.empty()) return error;
    }
    return "";
  }

  void ExpectExact(RunningLoad& load) {
    EXPECT_THAT(load.Finish(), IsOk());
    EXPECT_THAT(load.CheckExact(owed_, kClients), IsOk());
  }

  // Runs what follows, over there.
  static const std::vector<std::string>& trainers() {
    return hosts_.places[0].launcher;
  }

  static NetworkHosts hosts_;
  std::unique_ptr<TestCluster> cluster_;
  BatchDigests owed_;
};

NetworkHosts Network::hosts_;

// Where the kernel can do that to a wire by itself, it does.
TEST_F(Network, SlowWireThatLosesPacketsOnlyTakesLonger) {
  std::optional<ChildProcess> other_wire;
  const bool has_netem =
      !FindSystemProgram("tc").empty() &&
      Shell("tc qdisc add dev wire0 root netem delay 10ms 5ms loss 2%").empty();
  if (!has_netem) {
    const std::string error = AddLossyWire(other_wire);
    if (!error.empty()) GTEST_SKIP() << error;
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load, StartLoad());
  ExpectExact(*load);
  if (has_netem) {
    EXPECT_EQ(Shell("tc qdisc del dev wire0 root"), "");
    return;
  }
  other_wire->Signal(SIGTERM);  // and its devices and routes go with it
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto packets,
                                other_wire->ReadLine(kPatience));
  ASSERT_TRUE(packets.has_value());
  printf("the slow wire: %s packets\n", packets->c_str());
  EXPECT_THAT(*packets, Not(AnyOf(HasSubstr("passed=0"), HasSubstr("lost=0"))));
}

// For a moment, which TCP mends, and for longer than a lease and than the
// pings that find out: then streams are opened again, channels made anew.
TEST_F(Network, WireThatIsCutAndMendedLosesNothing) {
  std::vector<absl::Duration> cuts = {absl::Seconds(1)};
  if (IsFullScale()) cuts.push_back(absl::Seconds(25));
  for (const absl::Duration cut : cuts) {
    SCOPED_TRACE(absl::FormatDuration(cut));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load, StartLoad());
    ASSERT_TRUE(load->AwaitBatches(20));
    ASSERT_EQ(Shell("ip link set wire0 down"), "");
    absl::SleepFor(cut);  // the fault itself, and no wait for anything
    ASSERT_EQ(Shell("ip link set wire0 up"), "");
    ExpectExact(*load);
  }
}

}  // namespace
}  // namespace fairlead
