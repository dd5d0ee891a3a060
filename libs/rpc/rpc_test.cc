#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "libs/rpc/address.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/readiness.h"
#include "libs/rpc/ready_line.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status_conversion.h"
#include "libs/rpc/termination.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead::rpc {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Answers Leave with an error of its own; all else is UNIMPLEMENTED.
class Refusing final : public v1::RegistryService::Service {
  grpc::Status Leave(grpc::ServerContext* /*context*/,
                     const v1::LeaveRequest* request,
                     v1::LeaveResponse* /*response*/) override {
    return ToGrpcStatus(absl::OutOfRangeError(
        "member " + std::to_string(request->member_id())));
  }
};

TEST(ServerTest, TakesAFreePortAndCarriesStatusesOver) {
  Refusing service;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto server, Server::Start({.listen = "127.0.0.1:0"}, {&service}));
  EXPECT_THAT(server->address(),
              AllOf(StartsWith("127.0.0.1:"), Not("127.0.0.1:0")));

  const auto stub =
      v1::RegistryService::NewStub(MakeChannel(server->address()));
  grpc::ClientContext context;
  v1::LeaveRequest request;
  request.set_member_id(5);
  v1::LeaveResponse response;
  EXPECT_THAT(ToAbslStatus(stub->Leave(&context, request, &response)),
              StatusIs(absl::StatusCode::kOutOfRange, "member 5"));
}

TEST(ServerTest, PortInUseIsAnErrorThatNamesIt) {
  Refusing service;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto server, Server::Start({.listen = "127.0.0.1:0"}, {&service}));
  Refusing other;
  EXPECT_THAT(
      Server::Start({.listen = server->address()}, {&other}),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr(server->address())));
}

TEST(ServerTest, DrainedServerRefusesCalls) {
  Refusing service;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto server, Server::Start({.listen = "127.0.0.1:0"}, {&service}));
  const auto stub =
      v1::RegistryService::NewStub(MakeChannel(server->address()));
  server->Drain(absl::ZeroDuration());
  grpc::ClientContext context;
  v1::LeaveResponse response;
  EXPECT_EQ(stub->Leave(&context, {}, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

// Sends one message to a method of a service that every gRPC server may have,
// and gives the first that comes back; the bytes are those of its proto, which
// is not packaged.
std::string Ask(const std::string& address, const std::string& method,
                const std::string& request) {
  grpc::GenericStub stub(MakeChannel(address));
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto wait = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  if (!wait()) return "no call";
  const grpc::Slice slice(request);
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  if (!wait()) return "no write";
  grpc::ByteBuffer response;
  call->Read(&response, nullptr);
  if (!wait()) return "no answer";
  grpc::Slice answer;
  EXPECT_TRUE(response.DumpToSingleSlice(&answer).ok());
  context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  wait();
  queue.Shutdown();
  return {reinterpret_cast<const char*>(answer.begin()), answer.size()};
}

// Holds its calls until it is let go, and counts those that run.
class Holding final : public v1::RegistryService::Service {
 public:
  void AwaitRunning(int calls) {
    MutexLock lock(&mutex_);
    const auto there = [this, calls]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return running_ == calls;
    };
    mutex_.Await(absl::Condition(&there));
  }
  void LetGo() {
    MutexLock lock(&mutex_);
    let_go_ = true;
  }
  int most() {
    MutexLock lock(&mutex_);
    return most_;
  }

 private:
  grpc::Status Leave(grpc::ServerContext* /*context*/,
                     const v1::LeaveRequest* /*request*/,
                     v1::LeaveResponse* /*response*/) override {
    MutexLock lock(&mutex_);
    most_ = std::max(most_, ++running_);
    mutex_.Await(absl::Condition(&let_go_));
    --running_;
    return grpc::Status::OK;
  }

  Mutex mutex_;
  bool let_go_ ABSL_GUARDED_BY(mutex_) = false;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(ServerTest, CallsBeyondItsThreadsWaitAndNoneIsRefused) {
  constexpr int kThreads = 2;
  constexpr int kCalls = 64;
  Holding service;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto server,
      Server::Start({.listen = "127.0.0.1:0", .max_threads = kThreads},
                    {&service}));
  const auto stub =
      v1::RegistryService::NewStub(MakeChannel(server->address()));
  std::vector<std::thread> callers;
  std::atomic<int> served = 0;
  callers.reserve(kCalls);
  for (int i = 0; i < kCalls; ++i) {
    callers.emplace_back([&stub, &served] {
      grpc::ClientContext context;
      v1::LeaveResponse response;
      const auto status = ToAbslStatus(stub->Leave(&context, {}, &response));
      EXPECT_THAT(status, IsOk());
      if (status.ok()) ++served;
    });
  }
  service.AwaitRunning(kThreads);
  while (server->waiting_calls() < kCalls - kThreads) std::this_thread::yield();
  // Nobody is kept from asking how it is.
  EXPECT_EQ(Ask(server->address(), "/grpc.health.v1.Health/Check", ""),
            "\x08\x01");
  service.LetGo();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(served, kCalls);
  EXPECT_EQ(service.most(), kThreads);
  EXPECT_EQ(server->waiting_calls(), 0);
}

TEST(ServerTest, EndsWithCallsThatWait) {
  Holding service;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      auto server,
      Server::Start({.listen = "127.0.0.1:0", .max_threads = 1}, {&service}));
  const auto stub =
      v1::RegistryService::NewStub(MakeChannel(server->address()));
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&stub] {
      grpc::ClientContext context;
      v1::LeaveResponse response;
      EXPECT_NE(stub->Leave(&context, {}, &response).error_code(),
                grpc::StatusCode::RESOURCE_EXHAUSTED);
    });
  }
  service.AwaitRunning(1);
  std::thread end([&server] { server.reset(); });
  service.LetGo();
  end.join();
  for (std::thread& caller : callers) caller.join();
}

TEST(ServerTest, NoThreadsAreNoServer) {
  Refusing service;
  EXPECT_THAT(
      Server::Start({.listen = "127.0.0.1:0", .max_threads = 0}, {&service}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("--max_server_threads=0")));
}

TEST(ServerTest, IsAliveWhetherItIsReadyOrNot) {
  Refusing service;
  Readiness readiness;
  readiness.Hold("joining");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto server,
      Server::Start({.listen = "127.0.0.1:0", .readiness = &readiness},
                    {&service}));
  const auto check = [&server](const std::string& request) {
    return Ask(server->address(), "/grpc.health.v1.Health/Check", request);
  };
  const std::string alive;                        // HealthCheckRequest{}
  const std::string ready = "\x0a\x09readiness";  // {service: "readiness"}
  EXPECT_EQ(check(ready), "\x08\x02");            // {status: NOT_SERVING}
  EXPECT_EQ(check(alive), "\x08\x01");            // {status: SERVING}
  readiness.Release("joining");
  EXPECT_EQ(check(ready), "\x08\x01");
  readiness.Hold("draining");
  EXPECT_EQ(check(ready), "\x08\x02");
  EXPECT_EQ(check(alive), "\x08\x01");
}

TEST(ServerTest, ListsItsServicesByReflection) {
  Refusing service;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto server, Server::Start({.listen = "127.0.0.1:0"}, {&service}));
  const std::string list_services("\x3a\x00", 2);  // field 7, an empty string
  EXPECT_THAT(Ask(server->address(),
                  "/grpc.reflection.v1alpha.ServerReflection/"
                  "ServerReflectionInfo",
                  list_services),
              HasSubstr("fairlead.v1.RegistryService"));
}

TEST(TerminationSignalTest, SignalIsKeptForTheOneWhoWaits) {
  for (const int signal_number : {SIGTERM, SIGINT}) {
    const TerminationSignal termination;
    // Unblocked, this would end the test.
    ASSERT_EQ(pthread_kill(pthread_self(), signal_number), 0);
    termination.Wait();
  }
}

TEST(CheckAddressTest, TellsAddressesFromOtherWords) {
  for (const char* good : {"127.0.0.1:0", "localhost:65535", "[::1]:80"}) {
    EXPECT_THAT(CheckAddress("--listen", good), IsOk()) << good;
  }
  for (const char* bad : {"", "localhost", ":80", "host:", "host:x",
                          "host:65536", "::1:80", "host: 80", "host:+80"}) {
    EXPECT_THAT(
        CheckAddress("--listen", bad),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--listen=")))
        << bad;
  }
}

TEST(ReadyLineTest, ParsesWhatItPrints) {
  const ReadyLine ready{"registry", "127.0.0.1:1", "127.0.0.1:2"};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ReadyLine parsed,
                                ReadyLine::Parse(ready.ToString()));
  EXPECT_EQ(parsed.service, "registry");
  EXPECT_EQ(parsed.grpc, "127.0.0.1:1");
  EXPECT_EQ(parsed.metrics, "127.0.0.1:2");
  EXPECT_THAT(ReadyLine::Parse("hello"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(ReadyLine::Parse("fairlead-ready service=x"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace fairlead::rpc
