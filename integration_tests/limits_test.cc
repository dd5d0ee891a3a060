// What one client may take: too large messages and headers, too many streams
// and registrations are refused, by name where the name is ours; and a client
// that takes all that it may, reads nothing, or floods, delays nobody else.

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
#include "google/protobuf/message.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/bare_trainer.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/secure_cluster.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
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

using ::fairlead::testing::BareTrainer;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::Scrape;
using ::fairlead::testing::SecureCluster;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestCluster;
using ::testing::AllOf;
using ::testing::HasSubstr;

using Registry = v1::RegistryService::Stub;
using Gateway = v1::ChannelGatewayService::Stub;
using Store = v1::GraphStoreService::Stub;

template <typename Stub, typename Request, typename Response>
absl::Status Ask(Stub& stub,
                 grpc::Status (Stub::*method)(grpc::ClientContext*,
                                              const Request&, Response*),
                 const Request& request, size_t header_bytes = 0) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  if (header_bytes > 0) {
    context.AddMetadata("x-large", std::string(header_bytes, 'x'));
  }
  Response response;
  return rpc::ToAbslStatus((stub.*method)(&context, request, &response));
}

// A message of any type, and of that many bytes.
template <typename Request>
Request LargeRequest(size_t bytes) {
  Request large;
  large.GetReflection()->MutableUnknownFields(&large)->AddLengthDelimited(
      1000, std::string(bytes, 'x'));
  return large;
}

class LimitsTest : public ::testing::Test {
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

  std::shared_ptr<grpc::Channel> Connect(ServiceProcess& service,
                                         const std::string& identity) {
    return rpc::MakeChannel(service.address(), secure_->As(identity));
  }

  // A whole load of a trainer of job a.
  absl::Status Load() {
    std::vector<std::string> flags = {"--fanout=5,3", "--batch_size=64"};
    for (const std::string& tls : secure_->FlagsOf("trainer/a")) {
      flags.push_back(tls);
    }
    return cluster().Load(flags).status();
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

  std::unique_ptr<SecureCluster> secure_;
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
  EXPECT_THAT(Ask(registry, &Registry::ListMembers, v1::ListMembersRequest(),
                  kTooLarge),
              refused);
  Store store(Connect(cluster().pool(), "trainer/a"));
  EXPECT_THAT(Ask(store, &Store::GetDatasetMeta, v1::GetDatasetMetaRequest(),
                  kTooLarge),
              refused);
  Gateway gateway(Connect(cluster().gateway(), "trainer/a"));
  EXPECT_THAT(
      Ask(gateway, &Gateway::Fetch, v1::FetchMessageRequest(), kTooLarge),
      refused);
  EXPECT_THAT(
      Ask(registry, &Registry::ListMembers, v1::ListMembersRequest(), 1000),
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

// A trainer that never reads has its own channel stand still.
TEST_F(LimitsTest, ReaderThatReadsNothingDelaysNobody) {
  Start();
  Registry registry(Connect(cluster().registry(), "trainer/slow"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BareTrainer slow,
                                BareTrainer::Join(registry));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto input,
      testing::Call(registry, &Registry::RegisterSamplingInput, slow.Input()));
  v1::StartEpochRequest start;
  start.set_channel_id(input.channel_id());
  ASSERT_THAT(Ask(registry, &Registry::StartEpoch, start), IsOk());
  Gateway gateway(Connect(cluster().gateway(), "trainer/slow"));
  grpc::ClientContext context;
  const auto stream = gateway.Receive(&context);
  v1::ReceiveRequest subscribe;
  subscribe.mutable_subscribe()->set_channel_id(input.channel_id());
  subscribe.mutable_subscribe()->mutable_credit()->set_messages(1'000'000);
  subscribe.mutable_subscribe()->mutable_credit()->set_bytes(1'000'000'000);
  ASSERT_TRUE(stream->Write(subscribe));
  EXPECT_THAT(Load(), IsOk());
  context.TryCancel();
  stream->Finish().error_code();
}

TEST_F(LimitsTest, ClientThatFloodsStarvesNobody) {
  Start();
  // It asks more than can be answered, and waits for no answer.
  struct Question {
    grpc::ClientContext context;
    v1::ListMembersRequest request;
    v1::ListMembersResponse response;
  };
  constexpr int kQuestions = 2000;
  grpc::CompletionQueue answers;
  Registry registry(Connect(cluster().registry(), "trainer/hostile"));
  std::vector<std::unique_ptr<Question>> questions;
  std::vector<
      std::unique_ptr<grpc::ClientAsyncResponseReader<v1::ListMembersResponse>>>
      calls;
  std::vector<grpc::Status> statuses(kQuestions);
  for (int i = 0; i < kQuestions; ++i) {
    questions.push_back(std::make_unique<Question>());
    calls.push_back(registry.AsyncListMembers(
        &questions.back()->context, questions.back()->request, &answers));
    calls.back()->Finish(&questions.back()->response, &statuses[i],
                         calls.back().get());
  }
  EXPECT_THAT(Load(), IsOk());
  for (const auto& question : questions) question->context.TryCancel();
  for (int i = 0; i < kQuestions; ++i) {
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(answers.Next(&tag, &ok));
  }
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
