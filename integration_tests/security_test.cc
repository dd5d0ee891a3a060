// A cluster whose links are all TLS: it works as any other, also while its
// certificates are replaced; and whoever asks for what is not theirs is
// refused, by name, without effect on those who may.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/secure_cluster.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
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

using ::fairlead::testing::BatchDigests;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::KeyPair;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::SecureCluster;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestAuthority;
using ::fairlead::testing::TestCluster;
using ::testing::AllOf;
using ::testing::HasSubstr;

using Registry = v1::RegistryService::Stub;
using Gateway = v1::ChannelGatewayService::Stub;
using Credentials = std::shared_ptr<grpc::ChannelCredentials>;

const auto kDenied = StatusIs(absl::StatusCode::kPermissionDenied);
const auto kNotOfJobB =
    StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("is not of job b"));

template <typename Stub, typename Request, typename Response>
absl::Status Call(Stub& stub,
                  grpc::Status (Stub::*method)(grpc::ClientContext*,
                                               const Request&, Response*),
                  const Request& request, Response* response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  return rpc::ToAbslStatus((stub.*method)(&context, request, response));
}

class SecurityTest : public ::testing::Test {
 protected:
  void Start(TestCluster::Options options = {}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(secure_, SecureCluster::Start(options));
  }
  void TearDown() override {
    if (secure_ == nullptr) return;
    EXPECT_THAT(cluster().Stop(), IsOk());
  }

  TestCluster& cluster() { return secure_->cluster(); }
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
    return Call(*AskRegistry(credentials), &Registry::ListMembers,
                v1::ListMembersRequest(), &response);
  }

  // Flags of loadgen as a trainer of a job.
  std::vector<std::string> LoadAs(const std::string& identity,
                                  std::vector<std::string> flags) {
    for (const std::string& tls : secure_->FlagsOf(identity)) {
      flags.push_back(tls);
    }
    return flags;
  }
  // The id of a channel that there is, once there is one.
  uint64_t AwaitChannel() {
    const auto op = AskRegistry(secure_->As("operator"));
    const absl::Time deadline = absl::Now() + kPatience;
    v1::ListChannelsResponse channels;
    while (channels.channels().empty() && absl::Now() < deadline) {
      EXPECT_THAT(Call(*op, &Registry::ListChannels, v1::ListChannelsRequest(),
                       &channels),
                  IsOk());
    }
    return channels.channels().empty() ? 0 : channels.channels(0).channel_id();
  }

  std::unique_ptr<SecureCluster> secure_;
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
  EXPECT_THAT(Call(*registry, &Registry::DrainMember, drain, &drained),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("is for operators")));
  EXPECT_THAT(Call(*AskRegistry(secure_->As("operator")),
                   &Registry::DrainMember, drain, &drained),
              IsOk());
  v1::JoinRequest join;
  join.set_member_name("pool-9");
  join.set_role(v1::ROLE_SAMPLER_POOL);
  join.set_address("127.0.0.1:1");
  join.set_shm_domain("host");
  v1::JoinResponse joined;
  EXPECT_THAT(Call(*registry, &Registry::Join, join, &joined), kDenied);

  const auto channel = rpc::MakeChannel(cluster().pool().address(), trainer);
  const auto store = v1::GraphStoreService::NewStub(channel);
  v1::PeerFetchResponse fetched;
  EXPECT_THAT(Call(*store, &v1::GraphStoreService::Stub::PeerFetch,
                   v1::PeerFetchRequest(), &fetched),
              kDenied);
  v1::GetDatasetMetaResponse meta;
  EXPECT_THAT(Call(*store, &v1::GraphStoreService::Stub::GetDatasetMeta,
                   v1::GetDatasetMetaRequest(), &meta),
              IsOk());
  const auto pool = v1::SamplerPoolService::NewStub(channel);
  v1::UnregisterInputResponse unregistered;
  EXPECT_THAT(Call(*pool, &v1::SamplerPoolService::Stub::UnregisterInput,
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
    return Call(*registry, method, request, &response);
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
  EXPECT_THAT(Call(*gateway, &Gateway::Fetch, fetch, &fetched), kNotOfJobB);
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

TEST_F(SecurityTest, WhatIsTooLargeIsRefused) {
  Start();
  const auto gateway = AskGateway(secure_->As("trainer/a"));
  v1::FetchMessageRequest large;
  large.GetReflection()->MutableUnknownFields(&large)->AddLengthDelimited(
      1000, std::string(5 << 20, 'x'));
  v1::FetchMessageResponse response;
  EXPECT_THAT(Call(*gateway, &Gateway::Fetch, large, &response),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("larger than max")));
  grpc::ClientContext context;
  context.AddMetadata("x-large", std::string(64 << 10, 'x'));
  EXPECT_EQ(gateway->Fetch(&context, {}, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(SecurityTest, AHostileClientStarvesNobody) {
  Start({.gateway_flags = {"--max_streams_per_client=16"}});
  // It opens all the streams that it may, and reads none.
  const auto gateway = AskGateway(secure_->As("trainer/hostile"));
  struct Stream {
    grpc::ClientContext context;
    std::unique_ptr<
        grpc::ClientReaderWriter<v1::ReceiveRequest, v1::ReceiveResponse>>
        rpc;
  };
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 16; ++i) {
    streams.push_back(std::make_unique<Stream>());
    streams.back()->rpc = gateway->Receive(&streams.back()->context);
  }
  // (Streams are opened in order, on one connection.)
  v1::FetchMessageResponse response;
  EXPECT_THAT(
      Call(*gateway, &Gateway::Fetch, v1::FetchMessageRequest(), &response),
      StatusIs(absl::StatusCode::kResourceExhausted,
               AllOf(HasSubstr("trainer/hostile"),
                     HasSubstr("--max_streams_per_client=16"))));
  // It asks more than can be answered, and waits for no answer.
  struct Question {
    grpc::ClientContext context;
    v1::ListMembersRequest request;
    v1::ListMembersResponse response;
  };
  constexpr int kQuestions = 2000;
  grpc::CompletionQueue answers;
  const auto registry = AskRegistry(secure_->As("trainer/hostile"));
  std::vector<std::unique_ptr<Question>> questions;
  std::vector<
      std::unique_ptr<grpc::ClientAsyncResponseReader<v1::ListMembersResponse>>>
      calls;
  std::vector<grpc::Status> statuses(kQuestions);
  for (int i = 0; i < kQuestions; ++i) {
    questions.push_back(std::make_unique<Question>());
    calls.push_back(registry->AsyncListMembers(
        &questions.back()->context, questions.back()->request, &answers));
    calls.back()->Finish(&questions.back()->response, &statuses[i],
                         calls.back().get());
  }
  EXPECT_THAT(
      cluster().Load(LoadAs("trainer/a", {"--fanout=5,3", "--batch_size=64"})),
      IsOk());
  for (const auto& question : questions) question->context.TryCancel();
  for (int i = 0; i < kQuestions; ++i) {
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(answers.Next(&tag, &ok));
  }
  for (const auto& stream : streams) stream->context.TryCancel();
  for (const auto& stream : streams) stream->rpc->Finish().error_code();
}

// Over plain text, to be able to write what no gRPC client would.
TEST(PingFlood, IsDisconnectedAndDoesNotDisturb) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto cluster,
                                TestCluster::Start({.dataset = dataset}));
  const std::string& address = cluster->gateway().address();
  sockaddr_in name = {};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int port = 0;
  ASSERT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
  name.sin_port = htons(static_cast<uint16_t>(port));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  std::string hello = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  hello += std::string("\0\0\0\x04\0\0\0\0\0", 9);  // no settings
  const std::string ping("\0\0\x08\x06\0\0\0\0\0fairlead", 17);
  ASSERT_EQ(send(fd, hello.data(), hello.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(hello.size()));
  std::string heard;
  bool is_open = true;
  const absl::Time deadline = absl::Now() + kPatience;
  while (is_open && absl::Now() < deadline) {
    is_open = send(fd, ping.data(), ping.size(), MSG_NOSIGNAL) > 0;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
      heard.append(buffer, static_cast<size_t>(got));
    }
    if (got == 0) is_open = false;
  }
  close(fd);
  EXPECT_FALSE(is_open);
  EXPECT_THAT(heard, HasSubstr("too_many_pings"));
  EXPECT_THAT(cluster->Load({"--fanout=5,3"}), IsOk());
  EXPECT_THAT(cluster->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
