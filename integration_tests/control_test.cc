// An operator's hand on a channel that runs: pause, resume, weigh, cancel, over
// the network, and over a restart of the sampler pool.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/bare_trainer.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/service_process.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BareTrainer;
using ::fairlead::testing::Call;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestCluster;
using ::testing::HasSubstr;

constexpr size_t kPool = 1;

class Control : public ::testing::Test {
 protected:
  using Stub = v1::RegistryService::Stub;

  void SetUp() override {
    TestCluster::Options options;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    registry_ = v1::RegistryService::NewStub(
        rpc::MakeChannel(cluster_->registry().address()));
    gateway_ = v1::ChannelGatewayService::NewStub(
        rpc::MakeChannel(cluster_->gateway().address()));
    RegisterPaused();
  }

  void TearDown() override {
    gateway_.reset();  // or the services would wait for us to hang up
    registry_.reset();
    EXPECT_THAT(cluster_->Stop(), IsOk());
  }

  void RegisterPaused() {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BareTrainer trainer,
                                  BareTrainer::Join(*registry_));
    v1::RegisterSamplingInputRequest input = trainer.Input();
    input.mutable_control()->set_paused(true);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const v1::RegisterSamplingInputResponse registered,
        Call(*registry_, &Stub::RegisterSamplingInput, input));
    channel_id_ = registered.channel_id();
    v1::StartEpochRequest start;
    start.set_channel_id(channel_id_);
    ASSERT_THAT(Call(*registry_, &Stub::StartEpoch, start), IsOk());
  }

  absl::Status Update(const v1::ChannelControl& control) {
    v1::UpdateChannelRequest request;
    request.set_channel_id(channel_id_);
    *request.mutable_control() = control;
    return Call(*registry_, &Stub::UpdateChannel, request).status();
  }

  v1::ChannelDescription Describe() {
    v1::DescribeChannelRequest request;
    request.set_channel_id(channel_id_);
    const auto response = Call(*registry_, &Stub::DescribeChannel, request);
    EXPECT_THAT(response, IsOk());
    return response.ok() ? response->channel() : v1::ChannelDescription();
  }

  // The next thing that the gateway has for the channel.
  v1::ReceiveResponse Fetch() {
    grpc::ClientContext context;
    v1::FetchMessageRequest request;
    request.set_channel_id(channel_id_);
    request.mutable_wait()->set_seconds(60);
    v1::FetchMessageResponse response;
    EXPECT_THAT(
        rpc::ToAbslStatus(gateway_->Fetch(&context, request, &response)),
        IsOk());
    return response.message();
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<Stub> registry_;
  std::unique_ptr<v1::ChannelGatewayService::Stub> gateway_;
  uint64_t channel_id_ = 0;
};

TEST_F(Control, PausedChannelMakesNothingUntilItIsResumed) {
  EXPECT_EQ(Describe().state(), v1::CHANNEL_STATE_PAUSED);
  EXPECT_EQ(Describe().submitted_batches(), 0u);
  v1::ChannelControl control;
  control.set_weight(2);
  ASSERT_THAT(Update(control), IsOk());
  EXPECT_TRUE(Fetch().has_batch());
  EXPECT_GT(Describe().submitted_batches(), 0u);
}

TEST_F(Control, IsRememberedOverARestartOfThePool) {
  v1::ChannelControl control;
  control.set_weight(2.5);
  control.set_priority(1);
  control.set_paused(true);
  ASSERT_THAT(Update(control), IsOk());
  ASSERT_THAT(cluster_->KillAndRestart(kPool), IsOk());
  EXPECT_EQ(Describe().control().weight(), 2.5);
  EXPECT_EQ(Describe().control().priority(), 1u);
  EXPECT_TRUE(Describe().control().paused());
}

TEST_F(Control, NonsenseIsRefusedByFieldAndChangesNothing) {
  v1::ChannelControl control;
  control.set_priority(9);
  EXPECT_THAT(Update(control), StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("priority")));
  EXPECT_EQ(Describe().control().priority(), 0u);
  channel_id_ += 1000;
  EXPECT_THAT(Update({}), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(Control, CancelledEpochTellsItsTrainer) {
  v1::CancelEpochRequest request;
  request.set_channel_id(channel_id_);
  ASSERT_THAT(Call(*registry_, &Stub::CancelEpoch, request), IsOk());
  const v1::ReceiveResponse next = Fetch();
  ASSERT_TRUE(next.has_epoch_end());
  EXPECT_TRUE(next.epoch_end().cancelled());
}

}  // namespace
}  // namespace fairlead
