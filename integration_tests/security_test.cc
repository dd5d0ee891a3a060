// A cluster whose links are all TLS: it works as any other, also while its
// certificates are replaced; and whoever asks for what is not theirs is
// refused, by name, without effect on those who may.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/secure_cluster.h"
#include "integration_tests/harness/secure_fixture.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/security/test_authority.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "protos/fairlead/v1/graph_store.grpc.pb.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/sampler_pool.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::Ask;
using ::fairlead::testing::BatchDigests;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::KeyPair;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::SecureCluster;
using ::fairlead::testing::SecureFixture;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestAuthority;
using ::testing::HasSubstr;

using Registry = v1::RegistryService::Stub;
using Gateway = v1::ChannelGatewayService::Stub;
using Credentials = std::shared_ptr<grpc::ChannelCredentials>;

const auto kDenied = StatusIs(absl::StatusCode::kPermissionDenied);
const auto kNotOfJobB =
    StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("is not of job b"));

class SecurityTest : public SecureFixture {
 protected:
  const std::string& ca() { return secure_->authority().certificate(); }

  std::unique_ptr<Registry> AskRegistry(const Credentials& credentials) {
    return v1::RegistryService::NewStub(
        rpc::MakeChannel(cluster().registry().address(), credentials));
  }
  std::unique_ptr<Gateway> AskGateway(const Credentials& credentials) {
    return v1::ChannelGatewayService::NewStub(
        rpc::MakeChannel(cluster().gateway().address(), credentials));
  }
  absl::Status ListMembers(const Credentials& credentials) {
    v1::ListMembersResponse response;
    return Ask(*AskRegistry(credentials), &Registry::ListMembers,
               v1::ListMembersRequest(), &response);
  }

  // The id of a channel that there is, once there is one.
  uint64_t AwaitChannel() {
    const auto op = AskRegistry(secure_->As("operator"));
    const absl::Time deadline = absl::Now() + kPatience;
    v1::ListChannelsResponse channels;
    while (channels.channels().empty() && absl::Now() < deadline) {
      EXPECT_THAT(Ask(*op, &Registry::ListChannels, v1::ListChannelsRequest(),
                      &channels),
                  IsOk());
    }
    return channels.channels().empty() ? 0 : channels.channels(0).channel_id();
  }
};

TEST_F(SecurityTest, AnEpochSurvivesThatAllCertificatesAreReplaced) {
  Start();
  const std::vector<std::string> flags = {"--fanout=5,3", "--batch_size=8",
                                          "--epochs=1"};
  BatchDigests owed;
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto first,
        RunningLoad::Start(cluster(), LoadAs("trainer/a", flags)));
    ASSERT_THAT(first->Finish(), IsOk());
    owed = first->Digests();
    ASSERT_GT(owed.size(), 40);
  }
  std::vector<std::string> slowly = LoadAs("trainer/a", flags);
  slowly.emplace_back("--step_time=50ms");
  slowly.emplace_back("--name=slow");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load,
                                RunningLoad::Start(cluster(), slowly));
  ASSERT_TRUE(load->AwaitBatches(10));
  // New keys and certificates for all, and every service starts anew: so every
  // connection is made with them, or with none.
  for (const char* identity : {"registry", "pool", "gateway", "trainer/a"}) {
    secure_->authority().IssueTo(secure_->FolderOf(identity), identity);
  }
  for (size_t i = 0; i < cluster().services().size(); ++i) {
    ASSERT_THAT(cluster().KillAndRestart(i), IsOk());
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto report, load->Finish());
  EXPECT_EQ(report["missing"], 0);
  EXPECT_EQ(report["duplicates"], 0);
  EXPECT_THAT(load->CheckExact(owed, /*clients=*/1), IsOk());
}

TEST_F(SecurityTest, WhoIsNotKnownIsRefused) {
  Start();
  const std::string pool = "URI:fairlead://role/pool";
  const auto showing = [this](const std::optional<KeyPair>& shown) {
    return SecureCluster::Showing(shown, ca());
  };
  EXPECT_THAT(ListMembers(showing(secure_->authority().Issue(pool))), IsOk());
  EXPECT_THAT(ListMembers(showing(std::nullopt)),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("neither a certificate")));
  EXPECT_THAT(ListMembers(showing(secure_->authority().Issue("DNS:pool"))),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("subject alternative names")));
  EXPECT_THAT(ListMembers(showing(secure_->authority().Issue(
                  pool, absl::Now() - absl::Minutes(1)))),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(ListMembers(showing(TestAuthority().Issue(pool))),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(ListMembers(grpc::InsecureChannelCredentials()),
              StatusIs(absl::StatusCode::kUnavailable));
  // And a trainer does not speak to a registry of another authority.
  const TestAuthority other;
  EXPECT_THAT(ListMembers(SecureCluster::Showing(other.Issue(pool),
                                                 other.certificate())),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SecurityTest, AnotherRoleIsRefused) {
  Start();
  const auto trainer = secure_->As("trainer/a");
  const auto registry = AskRegistry(trainer);
  v1::DrainMemberRequest drain;
  drain.set_member_name("gateway-0");
  drain.set_draining(true);
  v1::DrainMemberResponse drained;
  EXPECT_THAT(Ask(*registry, &Registry::DrainMember, drain, &drained),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("is for operators")));
  EXPECT_THAT(Ask(*AskRegistry(secure_->As("operator")), &Registry::DrainMember,
                  drain, &drained),
              IsOk());
  v1::JoinRequest join;
  join.set_member_name("pool-9");
  join.set_role(v1::ROLE_SAMPLER_POOL);
  join.set_address("127.0.0.1:1");
  join.set_shm_domain("host");
  v1::JoinResponse joined;
  EXPECT_THAT(Ask(*registry, &Registry::Join, join, &joined), kDenied);

  const auto channel = rpc::MakeChannel(cluster().pool().address(), trainer);
  const auto store = v1::GraphStoreService::NewStub(channel);
  v1::PeerFetchResponse fetched;
  EXPECT_THAT(Ask(*store, &v1::GraphStoreService::Stub::PeerFetch,
                  v1::PeerFetchRequest(), &fetched),
              kDenied);
  v1::GetDatasetMetaResponse meta;
  EXPECT_THAT(Ask(*store, &v1::GraphStoreService::Stub::GetDatasetMeta,
                  v1::GetDatasetMetaRequest(), &meta),
              IsOk());
  const auto pool = v1::SamplerPoolService::NewStub(channel);
  v1::UnregisterInputResponse unregistered;
  EXPECT_THAT(Ask(*pool, &v1::SamplerPoolService::Stub::UnregisterInput,
                  v1::UnregisterInputRequest(), &unregistered),
              kDenied);
}

TEST_F(SecurityTest, AnotherJobIsRefusedAndDoesNotDisturb) {
  Start();
  std::vector<std::string> flags = LoadAs(
      "trainer/a", {"--fanout=5,3", "--batch_size=8", "--step_time=20ms"});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load,
                                RunningLoad::Start(cluster(), flags));
  ASSERT_TRUE(load->AwaitBatches(1));
  const uint64_t id = AwaitChannel();
  ASSERT_NE(id, 0);
  const auto registry = AskRegistry(secure_->As("trainer/b"));
  const auto try_registry = [&registry](auto method, auto request,
                                        auto response) {
    return Ask(*registry, method, request, &response);
  };
  v1::StartEpochRequest start;
  start.set_channel_id(id);
  start.set_epoch(7);
  EXPECT_THAT(
      try_registry(&Registry::StartEpoch, start, v1::StartEpochResponse()),
      kNotOfJobB);
  v1::CancelEpochRequest cancel;
  cancel.set_channel_id(id);
  EXPECT_THAT(
      try_registry(&Registry::CancelEpoch, cancel, v1::CancelEpochResponse()),
      kNotOfJobB);
  v1::UpdateChannelRequest update;
  update.set_channel_id(id);
  update.mutable_control()->set_paused(true);
  EXPECT_THAT(try_registry(&Registry::UpdateChannel, update,
                           v1::UpdateChannelResponse()),
              kNotOfJobB);
  v1::DestroySamplingInputRequest destroy;
  destroy.set_channel_id(id);
  EXPECT_THAT(try_registry(&Registry::DestroySamplingInput, destroy,
                           v1::DestroySamplingInputResponse()),
              kNotOfJobB);
  v1::DescribeChannelRequest describe;
  describe.set_channel_id(id);
  EXPECT_THAT(try_registry(&Registry::DescribeChannel, describe,
                           v1::DescribeChannelResponse()),
              kNotOfJobB);

  const auto gateway = AskGateway(secure_->As("trainer/b"));
  v1::FetchMessageRequest fetch;
  fetch.set_channel_id(id);
  fetch.mutable_wait()->set_seconds(absl::ToInt64Seconds(kPatience));
  v1::FetchMessageResponse fetched;
  EXPECT_THAT(Ask(*gateway, &Gateway::Fetch, fetch, &fetched), kNotOfJobB);
  {
    grpc::ClientContext context;
    const auto stream = gateway->Receive(&context);
    v1::ReceiveRequest request;
    request.mutable_subscribe()->set_channel_id(id);
    request.mutable_subscribe()->mutable_credit()->set_messages(1);
    request.mutable_subscribe()->mutable_credit()->set_bytes(1);
    stream->Write(request);
    v1::ReceiveResponse response;
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_THAT(rpc::ToAbslStatus(stream->Finish()), kNotOfJobB);
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto report, load->Finish());
  EXPECT_EQ(report["missing"], 0);
  EXPECT_EQ(report["duplicates"], 0);
}

}  // namespace
}  // namespace fairlead
