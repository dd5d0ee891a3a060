// Storage hosts come and go while trainers load: work moves to the pools that
// there are, and every batch comes once, the same bytes.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/bare_trainer.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/service_process.h"
#include "libs/rpc/channel.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BatchDigests;
using ::fairlead::testing::Call;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::Scrape;
using ::fairlead::testing::TestCluster;
using ::fairlead::testing::TwoHosts;

constexpr uint64_t kClients = 3;
constexpr double kTrickle = 1;  // batches a second

class Elastic : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(TestCluster::Options options, TwoHosts());
    options.registry_flags = {"--default_lease=2s"};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto undisturbed, StartLoad());
    ASSERT_THAT(undisturbed->Finish(), IsOk());
    owed_ = undisturbed->Digests();
    ASSERT_EQ(owed_.size(), 4u * 64u);
    registry_ = v1::RegistryService::NewStub(
        rpc::MakeChannel(cluster_->registry_addresses()));
  }

  absl::StatusOr<std::unique_ptr<RunningLoad>> StartLoad() {
    return RunningLoad::Start(
        *cluster_,
        {"--split=all", "--clients=3", "--epochs=4", "--batch_size=16",
         "--fanout=5,5", "--shuffle", "--step_time=10ms"});
  }

  // The batches a second of each channel that there is; 0 for any number. What
  // trickles outlasts what a test does meanwhile, on however slow a machine.
  void Pace(RunningLoad& load, double batches_per_second) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const v1::ListChannelsResponse channels,
        Call(*registry_, &v1::RegistryService::Stub::ListChannels,
             v1::ListChannelsRequest()));
    for (const v1::ChannelDescription& channel : channels.channels()) {
      v1::UpdateChannelRequest update;
      update.set_channel_id(channel.channel_id());
      update.mutable_control()->set_max_batches_per_second(batches_per_second);
      absl::Status status;
      do {  // one that has just moved may be yet to be made there
        status =
            Call(*registry_, &v1::RegistryService::Stub::UpdateChannel, update)
                .status();
      } while (!status.ok() && load.AwaitBatches(1));
      ASSERT_THAT(status, IsOk());
    }
  }

  void ExpectExact(RunningLoad& load) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json report, load.Finish());
    EXPECT_EQ(report["duplicates"], 0);
    EXPECT_EQ(report["missing"], 0);
    EXPECT_THAT(load.CheckExact(owed_, kClients), IsOk());
  }

  absl::StatusOr<double> Metric(const std::string& service,
                                const std::string& name) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const auto samples,
        Scrape(cluster_->service(service).metrics_address()));
    return samples.at(name);
  }

  // Looks after each batch. False if the load ended before it was so.
  bool AwaitMetric(RunningLoad& load, const std::string& service,
                   const std::string& name,
                   const std::function<bool(double)>& is_so) {
    while (load.AwaitBatches(1)) {
      const absl::StatusOr<double> value = Metric(service, name);
      if (value.ok() && is_so(*value)) return true;
    }
    return false;
  }
  // So many channels have moved, in all.
  bool AwaitMoves(RunningLoad& load, double moves) {
    return AwaitMetric(load, "registry",
                       "fairlead_registry_moved_channels_total",
                       [moves](double moved) { return moved >= moves; });
  }
  // A gateway has so many channels.
  bool AwaitChannels(RunningLoad& load, const std::string& gateway,
                     double channels) {
    return AwaitMetric(load, gateway, "fairlead_gateway_channels",
                       [channels](double now) { return now == channels; });
  }

  absl::StatusOr<std::vector<v1::Member>> Pools() {
    v1::ListMembersRequest request;
    request.set_role(v1::ROLE_SAMPLER_POOL);
    FAIRLEAD_ASSIGN_OR_RETURN(
        const v1::ListMembersResponse response,
        Call(*registry_, &v1::RegistryService::Stub::ListMembers, request));
    return std::vector<v1::Member>(response.members().begin(),
                                   response.members().end());
  }

  absl::Status Drain(const std::string& member, bool draining = true) {
    v1::DrainMemberRequest request;
    request.set_member_name(member);
    request.set_draining(draining);
    return Call(*registry_, &v1::RegistryService::Stub::DrainMember, request)
        .status();
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<v1::RegistryService::Stub> registry_;
  BatchDigests owed_;
};

TEST_F(Elastic, WorkMovesToPoolsThatComeAndFromPoolsThatGo) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load, StartLoad());
  ASSERT_TRUE(load->AwaitBatches(20));
  Pace(*load, kTrickle);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<v1::Member> first, Pools());
  ASSERT_EQ(first[0].dataset().partition(), 0u);

  // Of three channels of partition 0 it gets one.
  ASSERT_THAT(cluster_->AddHost(0, "second"), IsOk());
  ASSERT_TRUE(AwaitMoves(*load, 1));
  // And the others when the first is to go.
  ASSERT_THAT(Drain(first[0].member_name()), IsOk());
  ASSERT_TRUE(AwaitMoves(*load, 3));
  EXPECT_THAT(cluster_->End(cluster_->IndexOf("pool-0")), IsOk());
  EXPECT_THAT(cluster_->End(cluster_->IndexOf("gateway-0")), IsOk());
  EXPECT_TRUE(load->AwaitBatches(20));

  // Without a word beforehand, too. Whoever comes now counts servers as ever.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto newcomer, StartLoad());
  ASSERT_TRUE(newcomer->AwaitBatches(20));
  Pace(*newcomer, kTrickle);
  ASSERT_THAT(cluster_->AddHost(0, "third"), IsOk());
  ASSERT_TRUE(AwaitMoves(*newcomer, 6));
  Pace(*newcomer, 0);
  EXPECT_THAT(cluster_->End(cluster_->IndexOf("gateway-second")), IsOk());
  EXPECT_THAT(cluster_->End(cluster_->IndexOf("pool-second")), IsOk());
  ExpectExact(*load);
  ExpectExact(*newcomer);
  EXPECT_THAT(
      Metric("pool-third", "fairlead_pool_batches_total{result=\"ok\"}"),
      IsOkAndHolds(::testing::Gt(0)));
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

TEST_F(Elastic, ChannelsOfAPoolThatDiesGoToItsReplicaWithItsLease) {
  ASSERT_THAT(cluster_->AddHost(0, "replica"), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load, StartLoad());
  ASSERT_TRUE(load->AwaitBatches(20));
  ASSERT_THAT(cluster_->Kill(cluster_->IndexOf("pool-0")), IsOk());
  ASSERT_THAT(cluster_->Kill(cluster_->IndexOf("gateway-0")), IsOk());
  ExpectExact(*load);
  EXPECT_GT(*Metric("registry", "fairlead_registry_moved_channels_total"), 0);
}

TEST_F(Elastic, GatewayThatGoesHandsItsReadersToAnotherOfItsHost) {
  ASSERT_THAT(cluster_->AddGateway("spare"), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load, StartLoad());
  ASSERT_TRUE(AwaitChannels(*load, "gateway-1", kClients));
  Pace(*load, kTrickle);
  EXPECT_THAT(Metric("gateway-spare", "fairlead_gateway_channels"),
              IsOkAndHolds(0));
  // Taken out of service, it serves on until all have gone elsewhere.
  ASSERT_THAT(Drain("gateway-1"), IsOk());
  ASSERT_TRUE(AwaitChannels(*load, "gateway-spare", kClients));
  EXPECT_TRUE(AwaitChannels(*load, "gateway-1", 0));
  EXPECT_TRUE(AwaitMetric(*load, "gateway-1", "fairlead_gateway_mapped_bytes",
                          [](double bytes) { return bytes == 0; }));
  // And ended, while the first is back.
  ASSERT_THAT(Drain("gateway-1", /*draining=*/false), IsOk());
  ASSERT_THAT(cluster_->End(cluster_->IndexOf("gateway-spare")), IsOk());
  EXPECT_TRUE(AwaitChannels(*load, "gateway-1", kClients));
  Pace(*load, 0);
  ExpectExact(*load);
}

// It is better than none.
TEST_F(Elastic, OnlyGatewayOfAHostGoesOnWhenItIsTakenOutOfService) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load, StartLoad());
  ASSERT_TRUE(AwaitChannels(*load, "gateway-1", kClients));
  ASSERT_THAT(Drain("gateway-1"), IsOk());
  ExpectExact(*load);
}

// An upgrade: one after the other is ended and started again.
TEST_F(Elastic, RollingRestartOfEverythingFailsNoBatch) {
  ASSERT_THAT(cluster_->AddHost(0, "replica"), IsOk());
  const size_t services = cluster_->services().size();
  size_t restarted = 0;
  while (restarted < services) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load, StartLoad());
    while (restarted < services && load->AwaitBatches(20)) {
      SCOPED_TRACE(cluster_->names()[restarted]);
      ASSERT_THAT(cluster_->End(restarted), IsOk());
      ASSERT_THAT(cluster_->Restart(restarted), IsOk());
      ++restarted;
    }
    ExpectExact(*load);
  }
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
