// What a trainer asks that cannot be is refused with one line, or a gRPC status
// that names it, and the next trainer is served.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/bare_trainer.h"
#include "integration_tests/harness/fails_saying.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/sample_stream.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BareTrainer;
using ::fairlead::testing::Call;
using ::fairlead::testing::FailsSaying;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestCluster;
using ::testing::AllOf;
using ::testing::HasSubstr;

class BadRequest : public ::testing::Test {
 protected:
  void Start(TestCluster::Options options) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    registry_ = v1::RegistryService::NewStub(
        rpc::MakeChannel(cluster_->registry().address()));
    gateway_ = v1::ChannelGatewayService::NewStub(
        rpc::MakeChannel(cluster_->gateway().address()));
  }

  void TearDown() override {
    // Whatever was asked, all of them live and end as they should.
    if (cluster_ == nullptr) return;
    registry_.reset();  // or the services would wait for us to hang up
    gateway_.reset();
    EXPECT_THAT(cluster_->Stop(), IsOk());
  }

  Outcome Loadgen(const std::vector<std::string>& flags) {
    auto outcome = cluster_->RunLoadgen(flags);
    EXPECT_THAT(outcome, IsOk());
    return outcome.ok() ? *outcome : Outcome();
  }

  // What one batch of `channel_id` is answered with.
  absl::Status Fetch(uint64_t channel_id) {
    grpc::ClientContext context;
    v1::FetchMessageRequest request;
    request.set_channel_id(channel_id);
    request.mutable_wait()->set_seconds(absl::ToInt64Seconds(kPatience));
    v1::FetchMessageResponse response;
    return rpc::ToAbslStatus(gateway_->Fetch(&context, request, &response));
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<v1::RegistryService::Stub> registry_;
  std::unique_ptr<v1::ChannelGatewayService::Stub> gateway_;
};

TEST_F(BadRequest, OfATrainerIsOneLineAndTheNextTrainerIsServed) {
  Start({});
  EXPECT_THAT(Loadgen({"--batch_size=0"}),
              FailsSaying(AllOf(HasSubstr("INVALID_ARGUMENT"),
                                HasSubstr("batch_size"))));
  EXPECT_THAT(
      Loadgen({"--fanout=abc"}),
      FailsSaying(AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("abc"))));
  EXPECT_THAT(
      Loadgen({"--fanout=5,-2"}),
      FailsSaying(AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("-2"))));
  EXPECT_THAT(Loadgen({"--ids=3,1024"}),
              FailsSaying(AllOf(HasSubstr("OUT_OF_RANGE"), HasSubstr("1024"),
                                HasSubstr("0 to 1023"))));
  EXPECT_THAT(
      Loadgen({"--ids=-1"}),
      FailsSaying(AllOf(HasSubstr("OUT_OF_RANGE"), HasSubstr("ids: -1"))));
  EXPECT_THAT(Loadgen({"--node_type=paper"}),
              FailsSaying(AllOf(HasSubstr("NOT_FOUND"), HasSubstr("paper"))));
  EXPECT_THAT(
      Loadgen({"--split=holdout"}),
      FailsSaying(AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("holdout"))));
  EXPECT_THAT(Loadgen({"--clients=0"}), FailsSaying(HasSubstr("clients")));

  EXPECT_THAT(cluster_->Load({"--fanout=5,3"}), IsOk());
}

TEST_F(BadRequest, OfAnUnknownChannelIsNotFoundEverywhere) {
  Start({});
  constexpr uint64_t kUnknown = 987654;
  const auto not_found =
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("channel 987654"));
  EXPECT_THAT(Fetch(kUnknown), not_found);
  {
    grpc::ClientContext context;
    const auto stream = gateway_->Receive(&context);
    v1::ReceiveRequest request;
    request.mutable_subscribe()->set_channel_id(kUnknown);
    request.mutable_subscribe()->mutable_credit()->set_messages(1);
    request.mutable_subscribe()->mutable_credit()->set_bytes(1);
    stream->Write(request);
    v1::ReceiveResponse response;
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_THAT(rpc::ToAbslStatus(stream->Finish()), not_found);
  }
  using Stub = v1::RegistryService::Stub;
  v1::StartEpochRequest start;
  start.set_channel_id(kUnknown);
  EXPECT_THAT(Call(*registry_, &Stub::StartEpoch, start), not_found);
  v1::DescribeChannelRequest describe;
  describe.set_channel_id(kUnknown);
  EXPECT_THAT(Call(*registry_, &Stub::DescribeChannel, describe), not_found);
  v1::DestroySamplingInputRequest destroy;
  destroy.set_channel_id(kUnknown);
  EXPECT_THAT(Call(*registry_, &Stub::DestroySamplingInput, destroy),
              not_found);
}

TEST_F(BadRequest, PastTheCommandLineIsInvalidArgument) {
  Start({});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BareTrainer trainer,
                                BareTrainer::Join(*registry_));
  const v1::RegisterSamplingInputRequest good = trainer.Input();
  const auto register_input =
      [this](const v1::RegisterSamplingInputRequest& request) {
        return Call(*registry_,
                    &v1::RegistryService::Stub::RegisterSamplingInput, request);
      };

  v1::RegisterSamplingInputRequest bad = good;
  bad.mutable_config()->set_batch_size(0);
  EXPECT_THAT(register_input(bad), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("batch_size")));
  bad = good;
  bad.mutable_config()->set_fanout(0, -7);
  EXPECT_THAT(register_input(bad), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("fanout")));
  bad = good;
  bad.mutable_config()->set_type(v1::SAMPLING_TYPE_UNSPECIFIED);
  EXPECT_THAT(register_input(bad),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("type")));
  bad = good;
  bad.mutable_input()->mutable_ids()->add_id(1024);
  EXPECT_THAT(register_input(bad),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("1024")));
  EXPECT_THAT(register_input(good), IsOk());
}

TEST_F(BadRequest, ThatDoesNotFitThePoolsBudgetNamesTheFlag) {
  Start({.pool_flags = {"--shm_budget=4KB"}});
  EXPECT_THAT(Loadgen({}), FailsSaying(AllOf(HasSubstr("RESOURCE_EXHAUSTED"),
                                             HasSubstr("--shm_budget"))));
}

TEST_F(BadRequest, ThatDoesNotFitTheGatewaysBudgetNamesTheFlag) {
  Start({.gateway_flags = {"--shm_budget=4KB"}});
  EXPECT_THAT(Loadgen({}), FailsSaying(AllOf(HasSubstr("RESOURCE_EXHAUSTED"),
                                             HasSubstr("--shm_budget"))));
}

TEST_F(BadRequest, ForBatchesLargerThanTheirBufferFailsBatchByBatch) {
  Start({});
  NeighborLoaderOptions options;
  options.registry = cluster_->registry().address();
  options.fanout = {5, 3};
  options.batch_size = 256;
  options.backend.set_buffer_bytes(4096);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream,
                                SampleStream::Create(options));
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  for (int batch = 0; batch < 3; ++batch) {
    EXPECT_THAT(stream->Next().status(),
                StatusIs(absl::StatusCode::kResourceExhausted,
                         HasSubstr("buffer_bytes")));
  }
  EXPECT_THAT(stream->Next(), IsOkAndHolds(::testing::Eq(std::nullopt)));
  EXPECT_EQ(stream->stats().failed, 3);
}

}  // namespace
}  // namespace fairlead
