// Trainers that wait cost no thread: 512 streams on one gateway, all of them
// open and none with anything to do (parity W-10), with services that have four
// threads for calls; and so few refuse nobody.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/bare_trainer.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/clock/clock.h"
#include "libs/rpc/channel.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BareTrainer;
using ::fairlead::testing::Call;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::Scrape;
using ::fairlead::testing::TestCluster;
using Registry = v1::RegistryService::Stub;

constexpr size_t kFew = 8;
constexpr size_t kStreams = 512;
constexpr size_t kCalls = 1000;
constexpr int kServerThreads = 4;

// gRPC keeps a pool of threads that breathes a little, whatever the streams.
constexpr int kSlack = 4;

struct Threads {
  int all = 0;
  int for_calls = 0;  // by their name
};

Threads ThreadsOf(pid_t pid) {
  Threads threads;
  std::error_code gone;  // a thread that ended meanwhile
  for (const auto& task : std::filesystem::directory_iterator(
           absl::StrCat("/proc/", pid, "/task"), gone)) {
    std::ifstream file(task.path() / "comm");
    std::string name;
    if (!std::getline(file, name)) continue;
    ++threads.all;
    if (name == "calls") ++threads.for_calls;
  }
  return threads;
}

class IdleStreams : public ::testing::Test {
 protected:
  void SetUp() override {
    TestCluster::Options options;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    options.registry_flags = options.pool_flags = options.gateway_flags = {
        absl::StrCat("--max_server_threads=", kServerThreads)};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    registry_ = v1::RegistryService::NewStub(
        rpc::MakeChannel(cluster_->registry().address()));
    gateway_ = v1::ChannelGatewayService::NewStub(
        rpc::MakeChannel(cluster_->gateway().address()));
    v1::BackendOptions backend;
    backend.set_buffer_capacity(2);
    backend.set_buffer_bytes(256 << 10);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(trainer_,
                                  BareTrainer::Join(*registry_, backend));
  }

  // A stream that has had the one batch it gave credit for, and waits.
  struct Stream {
    uint64_t channel_id = 0;
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<
        grpc::ClientReaderWriter<v1::ReceiveRequest, v1::ReceiveResponse>>
        rpc;
  };

  absl::StatusOr<uint64_t> Register(const std::string& worker_key) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const v1::RegisterSamplingInputResponse registered,
        Call(*registry_, &Registry::RegisterSamplingInput,
             trainer_.Input(worker_key)));
    return registered.channel_id();
  }

  void OpenStreams(size_t until) {
    while (streams_.size() < until) {
      Stream& stream = streams_.emplace_back();
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          stream.channel_id, Register(absl::StrCat("worker", streams_.size())));
      v1::StartEpochRequest start;
      start.set_channel_id(stream.channel_id);
      ASSERT_THAT(Call(*registry_, &Registry::StartEpoch, start), IsOk());
      stream.context = std::make_unique<grpc::ClientContext>();
      stream.rpc = gateway_->Receive(stream.context.get());
      v1::ReceiveRequest subscribe;
      subscribe.mutable_subscribe()->set_channel_id(stream.channel_id);
      subscribe.mutable_subscribe()->mutable_credit()->set_messages(1);
      subscribe.mutable_subscribe()->mutable_credit()->set_bytes(1 << 20);
      ASSERT_TRUE(stream.rpc->Write(subscribe));
      v1::ReceiveResponse first;
      ASSERT_TRUE(stream.rpc->Read(&first));
      ASSERT_TRUE(first.has_batch());
    }
  }

  // How long control calls take that go through the registry and the pool.
  std::vector<absl::Duration> TimeControlCalls() {
    const RealClock clock;
    std::vector<absl::Duration> times;
    for (size_t i = 0; i < kCalls; ++i) {
      v1::DescribeChannelRequest request;
      request.set_channel_id(streams_[i % streams_.size()].channel_id);
      const absl::Duration before = clock.MonotonicNow();
      EXPECT_THAT(Call(*registry_, &Registry::DescribeChannel, request),
                  IsOk());
      times.push_back(clock.MonotonicNow() - before);
    }
    std::sort(times.begin(), times.end());
    return times;
  }

  void StopCluster() {
    streams_.clear();
    gateway_.reset();  // or the services would wait for us to hang up
    registry_.reset();
    EXPECT_THAT(cluster_->Stop(), IsOk());
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<v1::ChannelGatewayService::Stub> gateway_;
  BareTrainer trainer_;
  std::vector<Stream> streams_;
};

TEST_F(IdleStreams, TakeNoThreads) {
  const auto threads = [this] {
    std::vector<Threads> counts;
    for (auto& service : cluster_->services()) {
      counts.push_back(ThreadsOf(service.process().pid()));
    }
    return counts;
  };
  OpenStreams(kFew);
  TimeControlCalls();
  const std::vector<Threads> with_few = threads();
  OpenStreams(kStreams);
  const std::vector<absl::Duration> times = TimeControlCalls();
  const std::vector<Threads> with_many = threads();
  for (size_t i = 0; i < with_few.size(); ++i) {
    const std::string& name = cluster_->names()[i];
    printf("%s: %d threads with %zu streams, %d with %zu\n", name.c_str(),
           with_few[i].all, kFew, with_many[i].all, kStreams);
    EXPECT_EQ(with_few[i].for_calls, kServerThreads) << name;
    EXPECT_EQ(with_many[i].for_calls, kServerThreads) << name;
    EXPECT_LE(with_many[i].all, with_few[i].all + kSlack) << name;
  }
  printf("a control call beside %zu idle streams: p50 %.0f us, p99 %.0f us\n",
         kStreams, absl::ToDoubleMicroseconds(times[kCalls / 2]),
         absl::ToDoubleMicroseconds(times[kCalls * 99 / 100]));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto metrics,
                                Scrape(cluster_->gateway().metrics_address()));
  EXPECT_EQ(metrics.at("fairlead_gateway_subscriptions"), kStreams);

  // Each of them wakes as soon as it may.
  for (Stream& stream : streams_) {
    v1::ReceiveRequest credit;
    credit.mutable_credit()->set_messages(1);
    credit.mutable_credit()->set_bytes(1 << 20);
    ASSERT_TRUE(stream.rpc->Write(credit));
    v1::ReceiveResponse next;
    ASSERT_TRUE(stream.rpc->Read(&next));
    ASSERT_TRUE(next.has_batch());
  }
  for (Stream& stream : streams_) stream.context->TryCancel();
  for (Stream& stream : streams_) stream.rpc->Finish().error_code();
  StopCluster();
}

// Each of many callers makes, uses and ends channels: calls of the registry,
// which wait for calls of the pool.
TEST_F(IdleStreams, FewThreadsRefuseNobody) {
  constexpr int kCallers = 64;
  constexpr int kRounds = 4;
  std::vector<std::thread> callers;
  callers.reserve(kCallers);
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([this, caller] {
      for (int round = 0; round < kRounds; ++round) {
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(
            const uint64_t id,
            Register(absl::StrCat("caller", caller, ".", round)));
        v1::StartEpochRequest start;
        start.set_channel_id(id);
        EXPECT_THAT(Call(*registry_, &Registry::StartEpoch, start), IsOk());
        EXPECT_THAT(Call(*registry_, &Registry::ListMembers, {}), IsOk());
        v1::DestroySamplingInputRequest destroy;
        destroy.set_channel_id(id);
        EXPECT_THAT(Call(*registry_, &Registry::DestroySamplingInput, destroy),
                    IsOk());
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  StopCluster();
}

}  // namespace
}  // namespace fairlead
