// What an operator asks of each service: health, reflection, metrics.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/rpc/channel.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::TestCluster;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

// GET /metrics of a service on this host.
std::string Scrape(const std::string& address) {
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  const std::string request =
      "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(write(fd, request.data(), request.size()),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  ssize_t bytes = 0;
  while ((bytes = read(fd, buffer, sizeof(buffer))) > 0) {
    answer.append(buffer, static_cast<size_t>(bytes));
  }
  close(fd);
  return answer;
}

class OperationsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker(8));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_,
                                  TestCluster::Start({.dataset = dataset}));
  }

  std::unique_ptr<TestCluster> cluster_;
};

TEST_F(OperationsTest, MetricsShowTheRoad) {
  ASSERT_THAT(cluster_->Load({"--fanout=3,3", "--batch_size=16", "--features"}),
              IsOk());
  // 153 training seeds make 10 batches.
  EXPECT_THAT(
      Scrape(cluster_->pool().metrics_address()),
      AllOf(HasSubstr("fairlead_pool_batches_total{result=\"ok\"} 10"),
            ContainsRegex("fairlead_pool_batch_bytes_total [1-9]"),
            ContainsRegex("fairlead_pool_sampled_edges_total [1-9]"),
            HasSubstr("fairlead_pool_stage_seconds_count{stage=\"sample\"} 10"),
            HasSubstr("fairlead_pool_channels{state=\"idle\"} 0")));
  EXPECT_THAT(
      Scrape(cluster_->gateway().metrics_address()),
      AllOf(HasSubstr("fairlead_gateway_messages_total{kind=\"batch\"} 10"),
            HasSubstr("fairlead_gateway_messages_total{kind=\"epoch_end\"} 1"),
            ContainsRegex("fairlead_gateway_bytes_total [1-9]")));
  EXPECT_THAT(
      Scrape(cluster_->registry().metrics_address()),
      AllOf(HasSubstr("fairlead_registry_members{role=\"sampler_pool\"} 1"),
            HasSubstr("fairlead_registry_members{role=\"channel_gateway\"} 1"),
            HasSubstr("fairlead_registry_channels 0"),
            ContainsRegex("process_resident_memory_bytes [1-9]")));
}

TEST_F(OperationsTest, EveryServiceAnswersHealthChecks) {
  for (ServiceProcess* service :
       {&cluster_->registry(), &cluster_->pool(), &cluster_->gateway()}) {
    grpc::GenericStub stub(rpc::MakeChannel(service->address()));
    grpc::ClientContext context;
    const grpc::Slice whole_server;  // an empty HealthCheckRequest
    const grpc::ByteBuffer request(&whole_server, 1);
    grpc::ByteBuffer response;
    grpc::CompletionQueue queue;
    const auto call = stub.PrepareUnaryCall(
        &context, "/grpc.health.v1.Health/Check", request, &queue);
    call->StartCall();
    grpc::Status status;
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    ASSERT_TRUE(status.ok()) << status.error_message();
    grpc::Slice slice;
    ASSERT_TRUE(response.DumpToSingleSlice(&slice).ok());
    // Field 1, SERVING.
    EXPECT_EQ(std::string(slice.begin(), slice.end()), "\x08\x01");
  }
}

TEST_F(OperationsTest, FetchOfAnUnknownChannelSaysSo) {
  const auto stub = v1::ChannelGatewayService::NewStub(
      rpc::MakeChannel(cluster_->gateway().address()));
  grpc::ClientContext context;
  v1::FetchRequest request;
  request.set_channel_id(99);
  request.mutable_wait()->set_seconds(60);
  v1::FetchResponse response;
  const grpc::Status status = stub->Fetch(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("channel 99"));
}

}  // namespace
}  // namespace fairlead
