#include "services/channel_gateway/channel_attacher.h"

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "libs/rpc/server.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/sampler_pool.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

constexpr uint64_t kChannel = 7;

// A registry, and the pool that it sends everybody to.
class FakeRegistry final : public v1::RegistryService::Service {
 public:
  grpc::Status ResolveChannel(grpc::ServerContext* /*context*/,
                              const v1::ResolveChannelRequest* /*request*/,
                              v1::ResolveChannelResponse* response) override {
    response->set_pool_address(pool_address);
    response->set_shm_domain(shm_domain);
    response->set_job("mine");
    return grpc::Status::OK;
  }
  std::string pool_address;
  std::string shm_domain = "here";
};

class FakePool final : public v1::SamplerPoolService::Service {
 public:
  grpc::Status AttachConsumer(grpc::ServerContext* /*context*/,
                              const v1::AttachConsumerRequest* /*request*/,
                              v1::AttachConsumerResponse* response) override {
    attached.fetch_add(1);
    response->set_segment("a-segment");
    return grpc::Status::OK;
  }
  std::atomic<int> attached{0};
};

class ChannelAttacherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        server_,
        rpc::Server::Start({.listen = "127.0.0.1:0"}, {&registry_, &pool_}));
    registry_.pool_address = server_->address();
    attacher_ = std::make_unique<ChannelAttacher>(server_->address(),
                                                  /*security=*/nullptr, "here");
  }

  absl::StatusOr<ChannelAttachment> Find(absl::Status may_attach) {
    std::promise<absl::StatusOr<ChannelAttachment>> found;
    attacher_->Find(
        kChannel, {},
        [this, may_attach](const std::string& job) {
          job_ = job;
          return may_attach;
        },
        [&found](absl::StatusOr<ChannelAttachment> attachment) {
          found.set_value(std::move(attachment));
        });
    return found.get_future().get();
  }

  FakeRegistry registry_;
  FakePool pool_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<ChannelAttacher> attacher_;
  std::string job_;  // that was asked about
};

TEST_F(ChannelAttacherTest, ChannelIsFoundAtItsPool) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ChannelAttachment found,
                                Find(absl::OkStatus()));
  EXPECT_EQ(found.segment, "a-segment");
  EXPECT_EQ(found.job, "mine");
  EXPECT_EQ(job_, "mine");
  EXPECT_EQ(pool_.attached.load(), 1);
}

TEST_F(ChannelAttacherTest, PoolIsNotAskedForWhatMayNotBeAttachedTo) {
  EXPECT_THAT(Find(absl::PermissionDeniedError("not of job other")),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("not of job other")));
  EXPECT_EQ(job_, "mine");
  EXPECT_EQ(pool_.attached.load(), 0);
}

TEST_F(ChannelAttacherTest, StrangerDoesNotEvenLearnWhereTheChannelIs) {
  registry_.shm_domain = "elsewhere";
  EXPECT_THAT(Find(absl::PermissionDeniedError("no")),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("no")));
  EXPECT_THAT(Find(absl::OkStatus()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("--shm_dir")));
  EXPECT_EQ(pool_.attached.load(), 0);
}

}  // namespace
}  // namespace fairlead
