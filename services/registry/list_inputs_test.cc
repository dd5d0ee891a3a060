#include "services/registry/list_inputs.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "libs/rpc/channel.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampler_pool.grpc.pb.h"

namespace fairlead {
namespace {

using ::testing::ElementsAre;
using ::testing::Key;

v1::ChannelDescription Known(uint64_t id, const std::string& pool) {
  v1::ChannelDescription channel;
  channel.set_channel_id(id);
  channel.set_server_rank(2);
  channel.set_state(v1::CHANNEL_STATE_LOST);
  channel.set_trainer_name("trainer");
  channel.set_pool_name(pool);
  return channel;
}

v1::ChannelDescription FromPool(uint64_t id) {
  v1::ChannelDescription channel;
  channel.set_channel_id(id);
  channel.set_state(v1::CHANNEL_STATE_PARKED);
  channel.set_batches(5);
  return channel;
}

TEST(AddFromPools, AddsWhatThePoolSaysAndKeepsWhatOnlyTheRegistryKnows) {
  std::vector<v1::ChannelDescription> channels = {Known(7, "pool")};
  PoolAnswers answers;
  *answers["pool"].add_channels() = FromPool(7);
  AddFromPools(std::move(answers), channels);
  EXPECT_EQ(channels[0].state(), v1::CHANNEL_STATE_PARKED);
  EXPECT_EQ(channels[0].batches(), 5u);
  EXPECT_EQ(channels[0].server_rank(), 2u);
  EXPECT_EQ(channels[0].trainer_name(), "trainer");
  EXPECT_EQ(channels[0].pool_name(), "pool");
}

TEST(AddFromPools, ChannelOfASilentPoolStaysLost) {
  std::vector<v1::ChannelDescription> channels = {Known(7, "silent"),
                                                  Known(8, "pool")};
  PoolAnswers answers;
  *answers["pool"].add_channels() = FromPool(8);
  AddFromPools(std::move(answers), channels);
  EXPECT_EQ(channels[0].state(), v1::CHANNEL_STATE_LOST);
  EXPECT_EQ(channels[1].state(), v1::CHANNEL_STATE_PARKED);
}

TEST(AddFromPools, WhileAChannelMovesThePoolThatHasItNowIsBelieved) {
  std::vector<v1::ChannelDescription> channels = {Known(7, "now")};
  PoolAnswers answers;
  *answers["before"].add_channels() = FromPool(7);
  answers["before"].mutable_channels(0)->set_batches(3);
  *answers["now"].add_channels() = FromPool(7);
  AddFromPools(std::move(answers), channels);
  EXPECT_EQ(channels[0].batches(), 5u);
}

TEST(AddFromPools, ChannelThatItsPoolHasNotMadeYetIsInitialising) {
  std::vector<v1::ChannelDescription> channels = {Known(7, "pool")};
  PoolAnswers answers;
  answers["pool"];
  AddFromPools(std::move(answers), channels);
  EXPECT_EQ(channels[0].state(), v1::CHANNEL_STATE_INITIALISING);
}

// A pool that answers, or never does.
class FakePool final : public v1::SamplerPoolService::CallbackService {
 public:
  explicit FakePool(bool answers) : answers_(answers) {}

  grpc::ServerUnaryReactor* ListInputs(
      grpc::CallbackServerContext* context,
      const v1::ListInputsRequest* /*request*/,
      v1::ListInputsResponse* response) override {
    class Silent final : public grpc::ServerUnaryReactor {
      void OnCancel() override { Finish(grpc::Status::CANCELLED); }
      void OnDone() override { delete this; }
    };
    if (!answers_) return new Silent();
    *response->add_channels() = FromPool(7);
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const bool answers_;
};

TEST(ListInputsOf, LeavesOutPoolsThatDoNotAnswerInTime) {
  FakePool good(true);
  FakePool silent(false);
  std::vector<std::unique_ptr<grpc::Server>> servers;
  std::vector<PoolToList> pools;
  for (FakePool* pool : {&good, &silent}) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(pool);
    servers.push_back(builder.BuildAndStart());
    pools.push_back({pools.empty() ? "good" : "silent",
                     v1::SamplerPoolService::NewStub(rpc::MakeChannel(
                         "127.0.0.1:" + std::to_string(port)))});
  }
  const PoolAnswers answers = ListInputsOf(
      pools, std::chrono::system_clock::now() + std::chrono::seconds(1));
  EXPECT_THAT(answers, ElementsAre(Key("good")));
}

TEST(ListInputsOf, NoPoolsAreNoAnswers) {
  EXPECT_TRUE(
      ListInputsOf({}, std::chrono::system_clock::time_point::max()).empty());
}

}  // namespace
}  // namespace fairlead
