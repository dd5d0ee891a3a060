#include "libs/rpc/security.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"
#include "gtest/gtest.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status_conversion.h"
#include "libs/security/test_authority.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead::rpc {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::KeyPair;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestAuthority;
using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr char kToken[] = "0123456789abcdef-of-a";

// Tells every caller who it is.
class WhoAmI final : public v1::RegistryService::Service {
 public:
  grpc::Status ListMembers(grpc::ServerContext* context,
                           const v1::ListMembersRequest* /*request*/,
                           v1::ListMembersResponse* response) override {
    response->add_members()->set_member_name(ClientOf(security, *context));
    return CallerOf(security, *context).has_value()
               ? grpc::Status::OK
               : grpc::Status(grpc::StatusCode::INTERNAL, "no TLS");
  }

  std::shared_ptr<Security> security;  // the server's
};

class SecurityTest : public ::testing::Test {
 protected:
  SecurityTest() { std::filesystem::remove_all(folder_); }
  ~SecurityTest() override { server_.reset(); }

  // The files of somebody.
  SecurityOptions FilesOf(absl::string_view identity,
                          const TestAuthority& authority) const {
    const std::string mine = absl::StrCat(folder_, "/", identity);
    authority.IssueTo(mine, identity);
    return {.tls_cert = mine + "/tls.crt",
            .tls_key = mine + "/tls.key",
            .tls_ca = mine + "/ca.crt",
            .token_file = {},
            .tokens = {},
            .refresh = absl::Seconds(1)};
  }
  SecurityOptions FilesOf(absl::string_view identity) const {
    return FilesOf(identity, authority_);
  }
  std::string Write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }

  void Serve(const SecurityOptions& options) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(service_.security, Security::Create(options));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        server_,
        Server::Start({.listen = "127.0.0.1:0", .security = service_.security},
                      {&service_}));
  }

  absl::StatusOr<std::string> Ask(
      const std::shared_ptr<grpc::ChannelCredentials>& credentials,
      bool drain = false) const {
    const auto stub = v1::RegistryService::NewStub(
        MakeChannel(server_->address(), credentials));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         absl::ToChronoSeconds(kPatience));
    if (drain) {
      v1::DrainMemberResponse response;
      return ToAbslStatus(stub->DrainMember(&context, {}, &response));
    }
    v1::ListMembersResponse response;
    const absl::Status status =
        ToAbslStatus(stub->ListMembers(&context, {}, &response));
    if (!status.ok()) return status;
    return response.members(0).member_name();
  }
  absl::StatusOr<std::string> AskAs(const SecurityOptions& options,
                                    Peer peer = Peer::kService) const {
    const auto security = Security::Create(options);
    if (!security.ok()) return security.status();
    return Ask((*security)->ChannelCredentials(peer));
  }
  // As somebody who takes no care what is shown, and checks nobody.
  absl::StatusOr<std::string> AskWith(std::optional<KeyPair> shown) const {
    std::vector<grpc::experimental::IdentityKeyCertPair> pairs;
    if (shown.has_value()) pairs = {{shown->key, shown->certificate}};
    grpc::experimental::TlsChannelCredentialsOptions options;
    options.set_certificate_provider(
        std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
            authority_.certificate(), pairs));
    options.watch_root_certs();
    if (shown.has_value()) options.watch_identity_key_cert_pairs();
    options.set_certificate_verifier(
        std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
    options.set_check_call_host(false);
    return Ask(grpc::experimental::TlsCredentials(options));
  }

  const std::string folder_ = ::testing::TempDir() + "/security";
  const TestAuthority authority_;
  WhoAmI service_;
  std::unique_ptr<Server> server_;
};

TEST_F(SecurityTest, CallersAreWhoTheirCertificatesSay) {
  Serve(FilesOf("registry"));
  for (const char* caller : {"pool", "gateway", "operator", "trainer/a"}) {
    EXPECT_THAT(AskAs(FilesOf(caller)),
                IsOkAndHolds(::testing::StartsWith(caller)));
  }
}

TEST_F(SecurityTest, ACallThatIsNotForTheRoleNeverArrives) {
  Serve(FilesOf("registry"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto trainer,
                                Security::Create(FilesOf("trainer/a")));
  EXPECT_THAT(Ask(trainer->ChannelCredentials(Peer::kService), /*drain=*/true),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("DrainMember: is for operators; the caller is "
                                 "trainer/a")));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto op,
                                Security::Create(FilesOf("operator")));
  EXPECT_THAT(Ask(op->ChannelCredentials(Peer::kService), /*drain=*/true),
              StatusIs(absl::StatusCode::kUnimplemented));  // of the service
}

TEST_F(SecurityTest, WithoutCertificateIsUnauthenticated) {
  Serve(FilesOf("registry"));
  EXPECT_THAT(AskWith(std::nullopt),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("neither a certificate")));
  EXPECT_THAT(AskWith(authority_.Issue("DNS:localhost")),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("subject alternative names")));
}

TEST_F(SecurityTest, CertificatesThatAreNotGoodNeverConnect) {
  Serve(FilesOf("registry"));
  const std::string pool = "URI:fairlead://role/pool";
  EXPECT_THAT(AskWith(authority_.Issue(pool)), IsOk());
  EXPECT_THAT(AskWith(authority_.Issue(pool, absl::Now() - absl::Minutes(1))),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(AskWith(TestAuthority().Issue(pool)),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Ask(grpc::InsecureChannelCredentials()),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SecurityTest, AServerThatIsNotTheClustersIsNotSpokenTo) {
  Serve(FilesOf("trainer/b"));
  EXPECT_THAT(AskAs(FilesOf("trainer/a")),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(AskAs(FilesOf("trainer/a"), Peer::kOwnJob),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(AskAs(FilesOf("trainer/b"), Peer::kOwnJob), IsOk());
  const TestAuthority other;
  EXPECT_THAT(AskAs(FilesOf("trainer/b", other), Peer::kOwnJob),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SecurityTest, ATokenStandsInForACertificate) {
  SecurityOptions server = FilesOf("registry");
  server.tokens = Write("tokens", absl::StrCat(kToken, " trainer/a\n"));
  Serve(server);
  SecurityOptions client = {.tls_ca = server.tls_ca,
                            .token_file = Write("mine", kToken)};
  EXPECT_THAT(AskAs(client), IsOkAndHolds("trainer/a"));
  client.token_file = Write("other", "0123456789abcdef-of-b");
  EXPECT_THAT(AskAs(client), StatusIs(absl::StatusCode::kUnauthenticated,
                                      HasSubstr("--tokens")));
  Write("tokens", "0123456789abcdef-of-b trainer/b\n");
  // The server looks at most once a second.
  const absl::Time deadline = absl::Now() + kPatience;
  absl::StatusOr<std::string> answer;
  do {
    answer = AskAs(client);
  } while (!answer.ok() && absl::Now() < deadline);
  EXPECT_THAT(answer, IsOkAndHolds("trainer/b"));
}

TEST_F(SecurityTest, FilesThatAreReplacedCountForNewConnections) {
  const SecurityOptions server = FilesOf("registry");
  Serve(server);
  EXPECT_THAT(AskAs(FilesOf("pool")), IsOk());
  // Another authority takes over: first the server, then its client.
  const TestAuthority next;
  FilesOf("registry", next);
  const absl::Time deadline = absl::Now() + kPatience;
  absl::StatusOr<std::string> answer;
  do {
    answer = AskAs(FilesOf("pool", next));
  } while (!answer.ok() && absl::Now() < deadline);
  EXPECT_THAT(answer, IsOk());
  EXPECT_THAT(AskAs(FilesOf("pool")), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SecurityTest, WhatIsMissingIsNamed) {
  const auto invalid = [](absl::string_view text) {
    return StatusIs(absl::StatusCode::kInvalidArgument,
                    HasSubstr(std::string(text)));
  };
  SecurityOptions options = FilesOf("pool");
  options.tls_ca = "";
  EXPECT_THAT(Security::Create(options), invalid("--tls_ca"));
  options = FilesOf("pool");
  options.tls_key = "";
  EXPECT_THAT(Security::Create(options), invalid("--tls_key"));
  options = {.tls_ca = options.tls_ca};
  EXPECT_THAT(Security::Create(options), invalid("--token_file"));
  options.token_file = Write("mine", kToken);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto client, Security::Create(options));
  EXPECT_THAT(
      client->ServerCredentials(),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--tls_cert")));
  options = FilesOf("pool");
  options.tls_ca += "-not-there";
  EXPECT_THAT(Security::Create(options),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("-not-there")));
}

TEST(InsecureServer, OnlyListensElsewhereThanOnLoopbackIfItIsToldTo) {
  WhoAmI service;
  EXPECT_THAT(Server::Start({.listen = "0.0.0.0:0"}, {&service}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--insecure_listen")));
  EXPECT_THAT(Server::Start({.listen = "0.0.0.0:0", .insecure_listen = true},
                            {&service}),
              IsOk());
  for (const char* loopback :
       {"127.0.0.1:0", "127.9.9.9:1", "localhost:1", "[::1]:7"}) {
    EXPECT_TRUE(IsLoopback(loopback)) << loopback;
  }
  for (const char* other : {"0.0.0.0:0", "10.0.0.1:0", "[::]:0", "host:1",
                            "128.0.0.1:1", "127.0.0.1.example.org:1"}) {
    EXPECT_FALSE(IsLoopback(other)) << other;
  }
}

}  // namespace
}  // namespace fairlead::rpc
