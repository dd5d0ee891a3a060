// The way of every batch, from the scheduler to the trainer, as the gateway
// knows it of real processes.

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "integration_tests/harness/timelines.h"
#include "libs/child_process/child_process.h"
#include "libs/status/status_matchers.h"
#include "libs/timeline/batch_stages.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::GatewayOf;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::ListTimelines;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::Partition;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::RunProgram;
using ::fairlead::testing::Scrape;
using ::fairlead::testing::TestCluster;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Timelines = std::vector<v1::BatchTimeline>;
using Gateway = v1::ChannelGatewayService::Stub;

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
  const Timelines timelines = ListTimelines(*gateway);
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
  const Timelines of_one = ListTimelines(*gateway);
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
  EXPECT_THAT(ListTimelines(*gateway), SizeIs(16));

  ASSERT_THAT(cluster->Load({"--fanout=5,3", "--batch_size=32"}), IsOk());
  const Timelines timelines = ListTimelines(*gateway);
  ASSERT_THAT(timelines, SizeIs(16));
  for (const v1::BatchTimeline& timeline : timelines) CheckIsWhole(timeline);
  gateway.reset();
  EXPECT_THAT(cluster->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
