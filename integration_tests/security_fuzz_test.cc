// Every method of every service, found through gRPC's reflection, is sent what
// nobody should send: random bytes, messages with random fields, and those
// truncated or with bits flipped; by callers of every role, and by nobody. No
// service dies of it, nothing in the cluster changes by it, and every call ends
// with a status that says something.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/stubs/logging.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/bare_trainer.h"
#include "integration_tests/harness/health.pb.h"
#include "integration_tests/harness/random_message.h"
#include "integration_tests/harness/reflected_server.h"
#include "integration_tests/harness/secure_cluster.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/security/access.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BareTrainer;
using ::fairlead::testing::Call;
using ::fairlead::testing::FillRandomly;
using ::fairlead::testing::IsFullScale;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::Random;
using ::fairlead::testing::RandomBytes;
using ::fairlead::testing::ReflectedServer;
using ::fairlead::testing::SecureCluster;
using ::fairlead::testing::SendBytes;
using ::google::protobuf::Message;

constexpr int kThreads = 4;
const std::vector<std::string> kCallers = {"",  // nobody
                                           "registry", "pool",        "gateway",
                                           "operator", "trainer/fuzz"};

class SecurityFuzz : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(secure_,
                                  SecureCluster::Start({.dataset = dataset}));
    operator_ = v1::RegistryService::NewStub(rpc::MakeChannel(
        secure_->cluster().registry().address(), secure_->As("operator")));
    // A trainer with a channel, which nobody may touch.
    trainer_ = v1::RegistryService::NewStub(rpc::MakeChannel(
        secure_->cluster().registry().address(), secure_->As("trainer/a")));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BareTrainer trainer,
                                  BareTrainer::Join(*trainer_));
    ASSERT_THAT(Call(*trainer_, &Stub::RegisterSamplingInput, trainer.Input()),
                IsOk());
    heartbeat_.set_member_id(trainer.member_id);
    heartbeat_.set_member_name("trainer");
  }

  using Stub = v1::RegistryService::Stub;

  // All members, backends and channels there are, as text.
  std::string State() {
    std::string state;
    const auto add = [&state](const auto& response) {
      EXPECT_THAT(response, IsOk());
      if (response.ok()) absl::StrAppend(&state, response->DebugString());
    };
    add(Call(*operator_, &Stub::ListMembers, v1::ListMembersRequest()));
    add(Call(*operator_, &Stub::ListBackends, v1::ListBackendsRequest()));
    add(Call(*operator_, &Stub::ListChannels, v1::ListChannelsRequest()));
    return state;
  }

  // Keeps the trainer's lease.
  void Beat() {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
    const auto stream = trainer_->Heartbeat(&context);
    v1::HeartbeatResponse answer;
    EXPECT_TRUE(stream->Write(heartbeat_) && stream->Read(&answer));
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }

  std::unique_ptr<SecureCluster> secure_;
  std::unique_ptr<Stub> operator_;
  std::unique_ptr<Stub> trainer_;
  v1::HeartbeatRequest heartbeat_;
};

TEST_F(SecurityFuzz, DoesNothing) {
  const int requests = IsFullScale() ? 120'000 : 4'000;
  // What is no text is meant to be none.
  google::protobuf::SetLogHandler(nullptr);
  ASSERT_NE(grpc::health::v1::HealthCheckRequest::descriptor(), nullptr);
  struct Target {
    std::string address;
    ReflectedServer reflected;
  };
  std::vector<std::unique_ptr<Target>> targets;
  std::vector<std::pair<size_t, ReflectedServer::Method>> methods;  // by target
  std::set<std::string> paths;
  for (auto& service : secure_->cluster().services()) {
    targets.push_back(std::make_unique<Target>());
    targets.back()->address = service.address();
    ASSERT_THAT(targets.back()->reflected.Ask(rpc::MakeChannel(
                    service.address(), secure_->As("operator"))),
                IsOk());
    for (const ReflectedServer::Method& method :
         targets.back()->reflected.methods()) {
      methods.emplace_back(targets.size() - 1, method);
      paths.insert(method.path);
    }
  }
  // All that anybody may call, but for what trainers serve themselves.
  std::set<std::string> expected;
  for (const std::string& path : security::MethodsWithAccess()) {
    if (path != "/fairlead.v1.CalleeService/Call") expected.insert(path);
  }
  EXPECT_EQ(paths, expected);

  std::vector<std::shared_ptr<grpc::ChannelCredentials>> credentials;
  for (const std::string& caller : kCallers) {
    credentials.push_back(
        caller.empty() ? SecureCluster::Showing(
                             std::nullopt, secure_->authority().certificate())
                       : secure_->As(caller));
  }
  const std::string before = State();
  std::atomic<int> sent = 0;
  std::vector<std::map<int, int>> answers(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Random random(static_cast<uint64_t>(t));
      std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
      for (const auto& target : targets) {
        for (const auto& credential : credentials) {
          stubs.push_back(std::make_unique<grpc::GenericStub>(
              rpc::MakeChannel(target->address, credential)));
        }
      }
      google::protobuf::DynamicMessageFactory factory;
      while (true) {
        const auto i = static_cast<size_t>(sent.fetch_add(1));
        if (i >= static_cast<size_t>(requests)) return;
        const auto& [target, method] = methods[i % methods.size()];
        const size_t caller = (i / methods.size()) % kCallers.size();
        const std::unique_ptr<Message> message(
            factory.GetPrototype(method.input)->New());
        FillRandomly(random, 3, message.get());
        std::string bytes = message->SerializePartialAsString();
        switch (random() % 4) {
          case 0:
            bytes = RandomBytes(random, 300);
            break;
          case 1:
            bytes.resize(bytes.size() * (random() % 8) / 8);
            break;
          case 2:
            for (uint64_t flips = random() % 8; flips > 0 && !bytes.empty();
                 --flips) {
              bytes[random() % bytes.size()] ^=
                  static_cast<char>(1 << random() % 8);
            }
            break;
          default:
            break;
        }
        const grpc::Status status =
            SendBytes(*stubs[target * kCallers.size() + caller], method, bytes);
        const std::string who = caller == 0 ? "nobody" : kCallers[caller];
        ++answers[t][static_cast<int>(status.error_code())];
        // UNKNOWN is what nobody thought of; UNAVAILABLE, a server that died.
        // A fetch may have asked for a `wait` that is over.
        if (status.error_code() == grpc::StatusCode::UNKNOWN ||
            (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED &&
             status.error_message().find("`wait`") == std::string::npos) ||
            (status.error_code() == grpc::StatusCode::UNAVAILABLE &&
             status.error_message().find("connect") != std::string::npos)) {
          ADD_FAILURE() << who << " " << method.path << ": "
                        << rpc::ToAbslStatus(status) << ", seed " << t;
        }
        if (caller == 0 && method.path != "/grpc.health.v1.Health/Check" &&
            status.error_code() != grpc::StatusCode::UNAUTHENTICATED) {
          ADD_FAILURE() << "nobody " << method.path << ": "
                        << rpc::ToAbslStatus(status);
        }
        if (t == 0 && i % 500 < kThreads) Beat();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(State(), before);
  std::map<int, int> all;
  for (const auto& counts : answers) {
    for (const auto& [code, count] : counts) all[code] += count;
  }
  for (const auto& [code, count] : all) {
    printf("gRPC status %d: %d times\n", code, count);
  }
  operator_.reset();  // or the services would wait for us to hang up
  trainer_.reset();
  EXPECT_THAT(secure_->cluster().Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
