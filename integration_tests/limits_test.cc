// What one client may take: too large messages and headers, too many streams
// and registrations are refused, by name where the name is ours.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/message.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/bare_trainer.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/secure_cluster.h"
#include "integration_tests/harness/secure_fixture.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/service_process.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "protos/fairlead/v1/graph_store.grpc.pb.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::Ask;
using ::fairlead::testing::BareTrainer;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::Scrape;
using ::fairlead::testing::SecureCluster;
using ::fairlead::testing::SecureFixture;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

using Registry = v1::RegistryService::Stub;
using Gateway = v1::ChannelGatewayService::Stub;
using Store = v1::GraphStoreService::Stub;

// A message of any type, and of that many bytes.
template <typename Request>
Request LargeRequest(size_t bytes) {
  Request large;
  large.GetReflection()->MutableUnknownFields(&large)->AddLengthDelimited(
      1000, std::string(bytes, 'x'));
  return large;
}

class LimitsTest : public SecureFixture {
 protected:
  // A whole load of a trainer of job a.
  absl::Status Load() {
    return cluster()
        .Load(LoadAs("trainer/a", {"--fanout=5,3", "--batch_size=64"}))
        .status();
  }

  // What a service says that it has refused with that code.
  double Refused(ServiceProcess& service, const std::string& code) {
    const auto samples = Scrape(service.metrics_address());
    EXPECT_THAT(samples, IsOk());
    return samples.ok()
               ? samples->at(absl::StrCat(
                     "fairlead_refused_calls_total{code=\"", code, "\"}"))
               : 0;
  }
};

TEST_F(LimitsTest, MessageThatIsTooLargeIsRefused) {
  // (The gateway's own is 4 MB.)
  Start({.registry_flags = {"--max_request=1MB"},
         .pool_flags = {"--max_request=1MB"}});
  const auto too_large = StatusIs(absl::StatusCode::kResourceExhausted,
                                  HasSubstr("larger than max"));
  Registry registry(Connect(cluster().registry(), "trainer/a"));
  Store store(Connect(cluster().pool(), "trainer/a"));
  Gateway gateway(Connect(cluster().gateway(), "trainer/a"));
  EXPECT_THAT(Ask(registry, &Registry::ListMembers,
                  LargeRequest<v1::ListMembersRequest>(2 << 20)),
              too_large);
  EXPECT_THAT(Ask(store, &Store::GetDatasetMeta,
                  LargeRequest<v1::GetDatasetMetaRequest>(2 << 20)),
              too_large);
  EXPECT_THAT(Ask(gateway, &Gateway::Fetch,
                  LargeRequest<v1::FetchMessageRequest>(5 << 20)),
              too_large);
  {
    grpc::ClientContext context;
    const auto stream = gateway.Receive(&context);
    stream->Write(LargeRequest<v1::ReceiveRequest>(5 << 20));
    v1::ReceiveResponse response;
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_THAT(rpc::ToAbslStatus(stream->Finish()), too_large);
  }
  // What is just small enough is not.
  EXPECT_THAT(Ask(registry, &Registry::ListMembers,
                  LargeRequest<v1::ListMembersRequest>(1'000'000)),
              IsOk());
}

TEST_F(LimitsTest, HeaderThatIsTooLargeIsRefused) {
  Start();
  constexpr size_t kTooLarge = 64 << 10;
  const auto refused = StatusIs(absl::StatusCode::kResourceExhausted);
  Registry registry(Connect(cluster().registry(), "trainer/a"));
  v1::ListMembersResponse members;
  EXPECT_THAT(Ask(registry, &Registry::ListMembers, v1::ListMembersRequest(),
                  &members, kTooLarge),
              refused);
  Store store(Connect(cluster().pool(), "trainer/a"));
  v1::GetDatasetMetaResponse meta;
  EXPECT_THAT(Ask(store, &Store::GetDatasetMeta, v1::GetDatasetMetaRequest(),
                  &meta, kTooLarge),
              refused);
  Gateway gateway(Connect(cluster().gateway(), "trainer/a"));
  v1::FetchMessageResponse fetched;
  EXPECT_THAT(Ask(gateway, &Gateway::Fetch, v1::FetchMessageRequest(), &fetched,
                  kTooLarge),
              refused);
  EXPECT_THAT(Ask(registry, &Registry::ListMembers, v1::ListMembersRequest(),
                  &members, 1000),
              IsOk());
}

TEST_F(LimitsTest, JobThatRegistersTooMuchIsRefusedAndOthersAreNot) {
  Start({.registry_flags = {"--max_channels_per_job=2"}});
  Registry registry(Connect(cluster().registry(), "trainer/greedy"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BareTrainer greedy,
                                BareTrainer::Join(registry));
  const auto register_input = [&](const std::string& worker_key) {
    return testing::Call(registry, &Registry::RegisterSamplingInput,
                         greedy.Input(worker_key));
  };
  ASSERT_THAT(register_input("one"), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto second, register_input("two"));
  EXPECT_THAT(register_input("three"),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("job greedy"),
                             HasSubstr("--max_channels_per_job=2"))));
  EXPECT_EQ(Refused(cluster().registry(), "resource_exhausted"), 1);
  // Asking again for what it has takes nothing.
  EXPECT_THAT(register_input("two"), IsOk());
  EXPECT_THAT(Load(), IsOk());
  v1::DestroySamplingInputRequest destroy;
  destroy.set_channel_id(second.channel_id());
  ASSERT_THAT(Ask(registry, &Registry::DestroySamplingInput, destroy), IsOk());
  EXPECT_THAT(register_input("three"), IsOk());
}

TEST_F(LimitsTest, ClientThatOpensTooManyStreamsIsRefusedAndOthersAreNot) {
  Start({.registry_flags = {"--max_streams_per_client=3"},
         .gateway_flags = {"--max_streams_per_client=3"}});
  const auto refused = StatusIs(absl::StatusCode::kResourceExhausted,
                                AllOf(HasSubstr("trainer/greedy"),
                                      HasSubstr("--max_streams_per_client=3")));
  Gateway gateway(Connect(cluster().gateway(), "trainer/greedy"));
  Registry registry(Connect(cluster().registry(), "trainer/greedy"));
  struct Opened {
    grpc::ClientContext to_gateway;
    grpc::ClientContext to_registry;
    std::unique_ptr<
        grpc::ClientReaderWriter<v1::ReceiveRequest, v1::ReceiveResponse>>
        received;
    std::unique_ptr<grpc::ClientReader<v1::WatchMembersResponse>> watched;
  };
  std::vector<std::unique_ptr<Opened>> all;
  for (int i = 0; i < 3; ++i) {
    Opened& opened = *all.emplace_back(std::make_unique<Opened>());
    opened.received = gateway.Receive(&opened.to_gateway);
    opened.watched =
        registry.WatchMembers(&opened.to_registry, v1::WatchMembersRequest());
    v1::WatchMembersResponse members;
    EXPECT_TRUE(opened.watched->Read(&members));
  }
  // (The gateway's are opened in order, on one connection.)
  EXPECT_THAT(Ask(gateway, &Gateway::Fetch, v1::FetchMessageRequest()),
              refused);
  {
    grpc::ClientContext context;
    const auto one_more =
        registry.WatchMembers(&context, v1::WatchMembersRequest());
    v1::WatchMembersResponse members;
    EXPECT_FALSE(one_more->Read(&members));
    EXPECT_THAT(rpc::ToAbslStatus(one_more->Finish()), refused);
  }
  EXPECT_GE(Refused(cluster().gateway(), "resource_exhausted"), 1);
  EXPECT_EQ(Refused(cluster().registry(), "resource_exhausted"), 1);
  EXPECT_THAT(Load(), IsOk());
  for (const auto& opened : all) {
    opened->to_gateway.TryCancel();
    opened->received->Finish().error_code();
    opened->to_registry.TryCancel();
    opened->watched->Finish().error_code();
  }
}

TEST_F(LimitsTest, RefusalsForWhoItIsAreCounted) {
  Start();
  Registry nobody(
      rpc::MakeChannel(cluster().registry().address(),
                       SecureCluster::Showing(
                           std::nullopt, secure_->authority().certificate())));
  EXPECT_THAT(Ask(nobody, &Registry::ListMembers, v1::ListMembersRequest()),
              StatusIs(absl::StatusCode::kUnauthenticated));
  Registry trainer(Connect(cluster().registry(), "trainer/a"));
  EXPECT_THAT(Ask(trainer, &Registry::DrainMember, v1::DrainMemberRequest()),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(Refused(cluster().registry(), "unauthenticated"), 1);
  EXPECT_EQ(Refused(cluster().registry(), "permission_denied"), 1);
}

}  // namespace
}  // namespace fairlead
