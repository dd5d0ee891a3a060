// Trainers that wait cost no thread: 512 streams on one gateway, all of them
// open and none with anything to do (parity W-10).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/clock/clock.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::Scrape;
using ::fairlead::testing::TestCluster;
using Registry = v1::RegistryService::Stub;

constexpr size_t kFew = 8;
constexpr size_t kStreams = 512;
constexpr size_t kCalls = 1000;

// gRPC keeps a pool of threads that breathes a little, whatever the streams.
constexpr int kSlack = 8;

int Threads(pid_t pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  std::string line;
  while (std::getline(status, line)) {
    absl::string_view text = line;
    int threads = 0;
    if (absl::ConsumePrefix(&text, "Threads:") &&
        absl::SimpleAtoi(text, &threads)) {
      return threads;
    }
  }
  return 0;
}

class IdleStreams : public ::testing::Test {
 protected:
  void SetUp() override {
    TestCluster::Options options;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    registry_ = v1::RegistryService::NewStub(
        rpc::MakeChannel(cluster_->registry().address()));
    gateway_ = v1::ChannelGatewayService::NewStub(
        rpc::MakeChannel(cluster_->gateway().address()));
    v1::JoinRequest join;
    join.set_member_name("trainer");
    join.set_role(v1::ROLE_TRAINER);
    join.mutable_lease()->set_seconds(300);
    v1::JoinResponse joined;
    ASSERT_THAT(Call(&Registry::Join, join, &joined), IsOk());
    member_id_ = joined.member_id();
    v1::InitSamplingBackendRequest init;
    init.set_member_id(member_id_);
    init.set_backend_key("backend");
    init.mutable_options()->set_buffer_capacity(2);
    init.mutable_options()->set_buffer_bytes(256 << 10);
    v1::InitSamplingBackendResponse backend;
    ASSERT_THAT(Call(&Registry::InitSamplingBackend, init, &backend), IsOk());
    backend_id_ = backend.backend_id();
  }

  template <typename Request, typename Response>
  absl::Status Call(grpc::Status (Registry::*method)(grpc::ClientContext*,
                                                     const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    return rpc::ToAbslStatus(
        ((*registry_).*method)(&context, request, response));
  }

  // A stream that has had the one batch it gave credit for, and waits.
  struct Stream {
    uint64_t channel_id = 0;
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<
        grpc::ClientReaderWriter<v1::ReceiveRequest, v1::ReceiveResponse>>
        rpc;
  };

  void OpenStreams(size_t until) {
    while (streams_.size() < until) {
      Stream& stream = streams_.emplace_back();
      v1::RegisterSamplingInputRequest input;
      input.set_member_id(member_id_);
      input.set_backend_id(backend_id_);
      input.set_worker_key(absl::StrCat("worker", streams_.size()));
      input.mutable_input()->set_split(v1::SPLIT_TRAIN);
      input.mutable_config()->set_type(v1::SAMPLING_TYPE_NODE);
      input.mutable_config()->set_batch_size(8);
      input.mutable_config()->add_fanout(3);
      v1::RegisterSamplingInputResponse registered;
      ASSERT_THAT(Call(&Registry::RegisterSamplingInput, input, &registered),
                  IsOk());
      stream.channel_id = registered.channel_id();
      v1::StartEpochRequest start;
      start.set_channel_id(stream.channel_id);
      v1::StartEpochResponse started;
      ASSERT_THAT(Call(&Registry::StartEpoch, start, &started), IsOk());
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
      v1::DescribeChannelResponse response;
      const absl::Duration before = clock.MonotonicNow();
      EXPECT_THAT(Call(&Registry::DescribeChannel, request, &response), IsOk());
      times.push_back(clock.MonotonicNow() - before);
    }
    std::sort(times.begin(), times.end());
    return times;
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<v1::ChannelGatewayService::Stub> gateway_;
  uint64_t member_id_ = 0;
  uint64_t backend_id_ = 0;
  std::vector<Stream> streams_;
};

TEST_F(IdleStreams, TakeNoThreads) {
  const auto threads = [this] {
    std::vector<int> counts;
    for (auto& service : cluster_->services()) {
      counts.push_back(Threads(service.process().pid()));
    }
    return counts;
  };
  OpenStreams(kFew);
  TimeControlCalls();
  const std::vector<int> with_few = threads();
  OpenStreams(kStreams);
  const std::vector<absl::Duration> times = TimeControlCalls();
  const std::vector<int> with_many = threads();
  for (size_t i = 0; i < with_few.size(); ++i) {
    const std::string& name = cluster_->names()[i];
    printf("%s: %d threads with %zu streams, %d with %zu\n", name.c_str(),
           with_few[i], kFew, with_many[i], kStreams);
    EXPECT_GT(with_few[i], 0) << name;
    EXPECT_LE(with_many[i], with_few[i] + kSlack) << name;
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
  streams_.clear();
  gateway_.reset();  // or the services would wait for us to hang up
  registry_.reset();
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
