#include "libs/loader/gateway_stream.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "libs/clock/clock.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;

// Keeps what it reads until the trainer has no more to say.
class ReadingGateway final : public v1::ChannelGatewayService::Service {
 public:
  grpc::Status Receive(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ReceiveResponse, v1::ReceiveRequest>* stream)
      override {
    v1::ReceiveRequest request;
    while (stream->Read(&request)) {
      MutexLock lock(&mutex_);
      requests_.push_back(request);
    }
    return grpc::Status::OK;
  }

  std::vector<v1::ReceiveRequest> requests() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    return requests_;
  }

 private:
  Mutex mutex_;
  std::vector<v1::ReceiveRequest> requests_ ABSL_GUARDED_BY(mutex_);
};

class End final : public GatewayStream::Listener {
 public:
  absl::Status Await() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    const auto has_ended = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return stream_ != nullptr;
    };
    mutex_.Await(absl::Condition(&has_ended));
    return status_;
  }

 private:
  void OnResponse(const std::shared_ptr<GatewayStream>&,
                  grpc::ByteBuffer&) override {}
  void OnEnd(std::shared_ptr<GatewayStream> stream,
             const absl::Status& status) override ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    stream_ = std::move(stream);
    status_ = status;
  }

  Mutex mutex_;
  std::shared_ptr<GatewayStream> stream_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

class GatewayStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = rpc::Server::Start({.listen = "127.0.0.1:0"}, {&gateway_});
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    v1::Subscribe subscribe;
    subscribe.set_channel_id(7);
    stream_ = std::make_shared<GatewayStream>(
        rpc::MakeChannel(server_->address()), subscribe, clock_, &end_);
  }

  const RealClock clock_{};
  ReadingGateway gateway_;
  std::unique_ptr<rpc::Server> server_;
  End end_;
  std::shared_ptr<GatewayStream> stream_;
};

// A batch of the stream before this one may be consumed, by any thread, once
// this one is known and before it is started.
TEST_F(GatewayStreamTest, CreditGrantedBeforeTheStartFollowsTheSubscription) {
  stream_->Grant(1, 100);
  stream_->Grant(2, 30);
  stream_->Start();
  stream_->Grant(4, 4);
  stream_->Finish();
  ASSERT_THAT(end_.Await(), IsOk());

  const std::vector<v1::ReceiveRequest> requests = gateway_.requests();
  ASSERT_GE(requests.size(), 2u);
  EXPECT_EQ(requests[0].subscribe().channel_id(), 7u);
  uint64_t messages = 0;
  uint64_t bytes = 0;
  for (const v1::ReceiveRequest& request : requests) {
    messages += request.credit().messages();
    bytes += request.credit().bytes();
  }
  EXPECT_EQ(messages, 7u);
  EXPECT_EQ(bytes, 134u);
}

TEST_F(GatewayStreamTest, FinishedBeforeTheStartSaysTheSubscriptionAlone) {
  stream_->Finish();
  stream_->Start();
  ASSERT_THAT(end_.Await(), IsOk());
  const std::vector<v1::ReceiveRequest> requests = gateway_.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].subscribe().channel_id(), 7u);
}

}  // namespace
}  // namespace fairlead
