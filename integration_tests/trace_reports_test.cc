// The way of every batch, whatever trainers say of it or leave unsaid: here the
// test is one, on the wire.

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "integration_tests/harness/timelines.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/sampling_input.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::GatewayOf;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::ListTimelines;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestCluster;
using ::testing::_;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Timelines = std::vector<v1::BatchTimeline>;
using Gateway = v1::ChannelGatewayService::Stub;

class TraceOnTheWire : public ::testing::Test {
 protected:
  void SetUp() override {
    TestCluster::Options options{.gateway_flags = {"--timeline_every=1"}};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    gateway_ = GatewayOf(cluster_->gateway());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        session_,
        RegistrySession::Create({.registry = cluster_->registry_addresses()}));
    SamplingInput::Options input{.backend_key = "raw", .worker_key = "raw"};
    input.seeds.emplace_back().set_split(v1::SPLIT_TRAIN);
    input.config.set_type(v1::SAMPLING_TYPE_NODE);
    input.config.add_fanout(3);
    input.config.set_batch_size(64);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        input_, SamplingInput::Register(session_.get(), input));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(channel_, input_->StartEpoch(0, 0, 0, {}));
  }

  void TearDown() override {
    input_.reset();
    session_.reset();
    gateway_.reset();
    EXPECT_THAT(cluster_->Stop(), IsOk());
  }

  using Stream =
      grpc::ClientReaderWriter<v1::ReceiveRequest, v1::ReceiveResponse>;
  std::unique_ptr<Stream> Open() {
    contexts_.emplace_back().set_wait_for_ready(true);
    return gateway_->Receive(&contexts_.back());
  }

  // A stream that has received `batches` batches. Tried again, as a loader
  // would, where a busy host did not let the gateway reach the pool in time.
  std::unique_ptr<Stream> Receive(uint64_t batches) {
    v1::ReceiveRequest request;
    request.mutable_subscribe()->set_channel_id(channel_.channel_id);
    request.mutable_subscribe()->mutable_credit()->set_messages(batches);
    request.mutable_subscribe()->mutable_credit()->set_bytes(1 << 30);
    absl::Status status;
    for (int i = 0; i < 20; ++i) {
      std::unique_ptr<Stream> stream = Open();
      stream->Write(request);
      v1::ReceiveResponse response;
      while (received_.size() < batches && stream->Read(&response)) {
        EXPECT_TRUE(response.delivery().timeline());
        received_.push_back(response.batch().header().batch_index());
      }
      if (received_.size() == batches) return stream;
      status = rpc::ToAbslStatus(stream->Finish());
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, _));
    }
    ADD_FAILURE() << status;
    return Open();
  }

  static v1::ConsumedBatch Consumed(uint64_t batch_index, uint64_t at,
                                    uint64_t epoch = 0) {
    v1::ConsumedBatch consumed;
    consumed.set_epoch(epoch);
    consumed.set_batch_index(batch_index);
    consumed.set_received_ns(at);
    consumed.set_consumed_ns(at + 1);
    consumed.set_reported_ns(at + 2);
    return consumed;
  }

  size_t CountConsumed() {
    size_t consumed = 0;
    for (const v1::BatchTimeline& timeline : ListTimelines(*gateway_)) {
      consumed += timeline.has_consumed() ? 1 : 0;
    }
    return consumed;
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<RegistrySession> session_;
  std::unique_ptr<SamplingInput> input_;
  SamplingChannel channel_;
  std::list<grpc::ClientContext> contexts_;  // of all streams
  std::vector<uint64_t> received_;
};

// An older trainer knows of no timelines.
TEST_F(TraceOnTheWire, ATrainerThatNeverReportsIsServedAllTheSame) {
  const auto stream = Receive(10);
  v1::ReceiveResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_epoch_end());
  EXPECT_THAT(ListTimelines(*gateway_), SizeIs(10));
  EXPECT_EQ(CountConsumed(), 0u);
  stream->WritesDone();
  EXPECT_THAT(rpc::ToAbslStatus(stream->Finish()), IsOk());
}

TEST_F(TraceOnTheWire, WhatCannotBeIsIgnoredAndWhatIsRepeatedCountsOnce) {
  const auto stream = Receive(4);
  v1::ReceiveRequest request;
  const uint64_t received = received_[0];
  for (uint64_t i = 0; i < 1000; ++i) {
    *request.add_consumed() = Consumed(1000 + i, i);         // never sent
    *request.add_consumed() = Consumed(received, i, 1 + i);  // of other epochs
    v1::ConsumedBatch backwards = Consumed(received, 5);
    backwards.set_received_ns(UINT64_MAX - i);
    *request.add_consumed() = backwards;
  }
  ASSERT_TRUE(stream->Write(request));
  request.Clear();
  for (uint64_t i = 0; i < 1000; ++i) {
    *request.add_consumed() = Consumed(received, 70 + i);
  }
  ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  v1::ReceiveResponse response;
  while (stream->Read(&response)) {
  }
  EXPECT_THAT(rpc::ToAbslStatus(stream->Finish()), IsOk());

  const Timelines timelines = ListTimelines(*gateway_, channel_.channel_id);
  ASSERT_THAT(timelines, SizeIs(4));
  for (const v1::BatchTimeline& timeline : timelines) {
    const bool is_reported = timeline.batch_index() == received;
    EXPECT_EQ(timeline.has_consumed(), is_reported);
    EXPECT_EQ(timeline.consumed().received_ns(), is_reported ? 70u : 0u);
  }
}

TEST_F(TraceOnTheWire, NobodyReportsForAnother) {
  const auto stream = Receive(2);
  const auto other = Open();
  v1::ReceiveRequest request;
  request.mutable_subscribe()->set_channel_id(channel_.channel_id);
  *request.add_consumed() = Consumed(received_[0], 70);
  ASSERT_TRUE(other->Write(request));
  other->WritesDone();
  v1::ReceiveResponse response;
  EXPECT_FALSE(other->Read(&response));
  EXPECT_THAT(rpc::ToAbslStatus(other->Finish()), IsOk());
  EXPECT_EQ(CountConsumed(), 0u);
  v1::ReceiveResponse more;
  EXPECT_FALSE(stream->Read(&more));  // the other took the channel over
  EXPECT_THAT(rpc::ToAbslStatus(stream->Finish()),
              StatusIs(absl::StatusCode::kAborted, _));
}

TEST_F(TraceOnTheWire, AStreamDoesNotBeginWithAReport) {
  const auto stream = Open();
  v1::ReceiveRequest request;
  *request.add_consumed() = Consumed(0, 70);
  stream->Write(request);
  v1::ReceiveResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_THAT(
      rpc::ToAbslStatus(stream->Finish()),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("first message")));
}

}  // namespace
}  // namespace fairlead
