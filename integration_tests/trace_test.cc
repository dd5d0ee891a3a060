// The way of every batch, from the scheduler to the trainer, as the gateway
// knows it of real processes, and whatever trainers say or leave unsaid.

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/sampling_input.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"
#include "libs/timeline/batch_stages.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::Partition;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::RunProgram;
using ::fairlead::testing::Scrape;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestCluster;
using ::testing::_;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Timelines = std::vector<v1::BatchTimeline>;
using Gateway = v1::ChannelGatewayService::Stub;

std::unique_ptr<Gateway> GatewayOf(ServiceProcess& process) {
  return v1::ChannelGatewayService::NewStub(
      rpc::MakeChannel(process.address()));
}

Timelines List(Gateway& gateway, uint64_t channel = 0) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  v1::ListTimelinesRequest request;
  request.set_channel_id(channel);
  v1::ListTimelinesResponse response;
  EXPECT_THAT(
      rpc::ToAbslStatus(gateway.ListTimelines(&context, request, &response)),
      IsOk());
  return {response.timelines().begin(), response.timelines().end()};
}

// fairleadctl, again where a busy host did not let it connect in time.
absl::StatusOr<Outcome> RunTrace(const std::vector<std::string>& arguments) {
  constexpr int kTries = 20;
  for (int i = 0;; ++i) {
    absl::StatusOr<Outcome> outcome =
        RunProgram("tools/fairleadctl", arguments);
    if (!outcome.ok() || outcome->exit_code != 3 || i == kTries) return outcome;
  }
}

// Of a batch that was consumed on this host: the clock is one, so what was
// placed can be compared with what was.
void CheckIsWhole(const v1::BatchTimeline& timeline) {
  const v1::TraceStamps& pool = timeline.pool();
  const v1::DeliveryStamps& delivery = timeline.delivery();
  const v1::ConsumedBatch& consumed = timeline.consumed();
  const std::vector<uint64_t> points = {
      pool.queued_ns(),       pool.started_ns(),      pool.sampled_ns(),
      pool.features_ns(),     pool.committed_ns(),    delivery.received_ns(),
      delivery.sent_ns(),     consumed.received_ns(), consumed.consumed_ns(),
      consumed.reported_ns(), timeline.heard_ns()};
  EXPECT_GT(points.front(), 0u);
  for (size_t i = 0; i + 1 < points.size(); ++i) {
    EXPECT_LE(points[i], points[i + 1]) << timeline.ShortDebugString();
  }
  EXPECT_TRUE(delivery.timeline());

  const BatchStages stages = PlaceStages(timeline);
  ASSERT_TRUE(stages.is_consumed);
  uint64_t sum = 0;
  for (size_t i = 0; i < kBatchStages; ++i) {
    sum += stages.DurationNs(static_cast<BatchStage>(i));
  }
  EXPECT_EQ(sum, stages.points_ns.back() - stages.points_ns.front());
  const uint64_t placed = stages.points_ns[kBatchStages];
  const uint64_t was = consumed.consumed_ns();
  EXPECT_LE(placed > was ? placed - was : was - placed, stages.error_ns);
}

TEST(Trace, EveryBatchOfAnEpochHasAWholeTimeline) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<TestCluster> cluster,
      TestCluster::Start({.dataset = dataset,
                          .workers = 3,
                          .gateway_flags = {"--timeline_every=1"}}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const nlohmann::json report,
      cluster->Load(
          {"--fanout=5,3", "--batch_size=64", "--clients=2", "--epochs=3"}));
  const size_t batches = report["batches"];
  ASSERT_EQ(batches, 2 * 3 * 10u);

  std::unique_ptr<Gateway> gateway = GatewayOf(cluster->gateway());
  const Timelines timelines = List(*gateway);
  ASSERT_THAT(timelines, SizeIs(batches));
  uint64_t bytes = 0;
  uint64_t nanoseconds = 0;
  for (const v1::BatchTimeline& timeline : timelines) {
    CheckIsWhole(timeline);
    bytes += timeline.bytes();
    const BatchStages stages = PlaceStages(timeline);
    nanoseconds += stages.points_ns.back() - stages.points_ns.front();
  }
  EXPECT_EQ(bytes, report["bytes"]);

  // The histograms are of the same batches, and sum up to the same time.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(auto metrics,
                                Scrape(cluster->gateway().metrics_address()));
  double seconds = 0;
  for (size_t i = 0; i < kBatchStages; ++i) {
    const std::string label = absl::StrCat(
        "{stage=\"", std::string(BatchStageName(static_cast<BatchStage>(i))),
        "\"}");
    EXPECT_EQ(metrics["fairlead_gateway_timeline_seconds_count" + label],
              batches)
        << label;
    seconds += metrics["fairlead_gateway_timeline_seconds_sum" + label];
  }
  EXPECT_NEAR(seconds, 1e-9 * static_cast<double>(nanoseconds), 1e-6);
  gateway.reset();
  EXPECT_THAT(cluster->Stop(), IsOk());
}

TEST(Trace, OfAllGatewaysIsOneFileForPerfetto) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string whole, MakeKronecker());
  TestCluster::Options options{.partitions = 2,
                               .host_per_partition = true,
                               .gateway_flags = {"--timeline_every=2"}};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, Partition(whole, 2));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TestCluster> cluster,
                                TestCluster::Start(options));
  const std::string file = NewFolder() + "/trace.json";
  const std::string registry =
      absl::StrCat("--registry=", cluster->registry_addresses());
  const std::vector<std::string> trace = {registry, "trace", "--out=" + file};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(Outcome outcome, RunTrace(trace));
  EXPECT_EQ(outcome.exit_code, 4) << outcome.err;  // nothing was sent yet
  EXPECT_THAT(outcome.err, HasSubstr("--timeline_every"));

  ASSERT_THAT(cluster->Load({"--fanout=5,3", "--batch_size=32", "--epochs=2"}),
              IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(outcome, RunTrace(trace));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::ifstream in(file);
  const nlohmann::json json = nlohmann::json::parse(in);
  std::map<std::string, size_t> slices;
  std::set<std::string> processes;
  for (const nlohmann::json& event : json.at("traceEvents")) {
    if (event["ph"] == "X") ++slices[event["name"]];
    if (event["name"] == "process_name") {
      processes.insert(event["args"]["name"]);
    }
  }
  EXPECT_EQ(slices["sample"], slices["consume"]);
  EXPECT_GE(slices["sample"], 18u);  // half of 2 epochs of 20 batches, or so
  EXPECT_LE(slices["sample"], 22u);
  // Two pools, two gateways; the trainer has left, with its channels' names.
  EXPECT_GE(processes.size(), 5u);

  // One gateway and one channel, of which there are fewer.
  std::unique_ptr<Gateway> gateway = GatewayOf(cluster->gateway());
  const Timelines of_one = List(*gateway);
  ASSERT_FALSE(of_one.empty());
  std::vector<std::string> narrow = trace;
  narrow.push_back(absl::StrCat(of_one[0].channel_id()));
  narrow.push_back("--gateway=" + cluster->gateway().address());
  narrow.emplace_back("--json");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(outcome, RunTrace(narrow));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json summary = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(summary["batches"], of_one.size());
  EXPECT_EQ(summary["consumed"], of_one.size());
  EXPECT_EQ(summary["channels"], 1);
  EXPECT_EQ(summary["gateways"], 1);

  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{
           {registry, "trace"},
           {registry, "trace", "--out=" + file, "x"},
           {registry, "trace", "--out=/nonexistent/trace.json"}}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(outcome, RunTrace(wrong));
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  }
  gateway.reset();
  EXPECT_THAT(cluster->Stop(), IsOk());
}

TEST(Trace, OfATrainerThatWasKilledIsBoundedAndTheNextOneIsWhole) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<TestCluster> cluster,
      TestCluster::Start(
          {.dataset = dataset,
           .gateway_flags = {"--timeline_every=1", "--max_timelines=16"}}));
  std::unique_ptr<Gateway> gateway = GatewayOf(cluster->gateway());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto killed,
      RunningLoad::Start(*cluster, {"--fanout=5,3", "--batch_size=1",
                                    "--epochs=1000", "--clients=2"}));
  ASSERT_TRUE(killed->AwaitBatches(200));
  killed->Signal(SIGKILL);
  EXPECT_FALSE(killed->Finish().ok());
  EXPECT_THAT(List(*gateway), SizeIs(16));

  ASSERT_THAT(cluster->Load({"--fanout=5,3", "--batch_size=32"}), IsOk());
  const Timelines timelines = List(*gateway);
  ASSERT_THAT(timelines, SizeIs(16));
  for (const v1::BatchTimeline& timeline : timelines) CheckIsWhole(timeline);
  gateway.reset();
  EXPECT_THAT(cluster->Stop(), IsOk());
}

// A trainer on the wire: it may say anything.
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
    for (const v1::BatchTimeline& timeline : List(*gateway_)) {
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
  EXPECT_THAT(List(*gateway_), SizeIs(10));
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

  const Timelines timelines = List(*gateway_, channel_.channel_id);
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
