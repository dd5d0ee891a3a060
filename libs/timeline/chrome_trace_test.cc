#include "libs/timeline/chrome_trace.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::UnorderedElementsAre;

using Json = nlohmann::ordered_json;

// On a host whose clock is at `base`, read by a trainer whose clock is at
// `trainer_base`. In microseconds: queue 1, sample 2, features 3, shm 4, send
// 5, network 1, consume 6.
v1::BatchTimeline Timeline(uint64_t channel, uint64_t batch_index,
                           uint64_t base, bool is_consumed = true,
                           uint64_t trainer_base = 0) {
  v1::BatchTimeline timeline;
  timeline.set_channel_id(channel);
  timeline.set_epoch(1);
  timeline.set_batch_index(batch_index);
  timeline.set_bytes(77);
  timeline.mutable_pool()->set_queued_ns(base);
  timeline.mutable_pool()->set_started_ns(base + 1000);
  timeline.mutable_pool()->set_sampled_ns(base + 3000);
  timeline.mutable_pool()->set_features_ns(base + 6000);
  timeline.mutable_pool()->set_committed_ns(base + 6000);
  timeline.mutable_delivery()->set_received_ns(base + 10000);
  timeline.mutable_delivery()->set_sent_ns(base + 15000);
  if (is_consumed) {
    v1::ConsumedBatch& consumed = *timeline.mutable_consumed();
    consumed.set_received_ns(trainer_base + 16000);
    consumed.set_consumed_ns(trainer_base + 22000);
    consumed.set_reported_ns(trainer_base + 22000);
    timeline.set_heard_ns(base + 23000);
  }
  return timeline;
}

// What the trace event format asks of each kind of event; that times are
// numbers in order; that slices of a track lie next to or within each other;
// and that arrows begin, and end where a slice is.
void CheckFormat(const Json& trace) {
  ASSERT_TRUE(trace.at("traceEvents").is_array());
  std::set<std::pair<int, int>> named_threads;
  std::set<int> named_processes;
  std::map<std::pair<int, int>, std::vector<double>> open;
  std::map<int, std::string> arrows;
  double before = 0;
  for (const Json& event : trace["traceEvents"]) {
    for (const char* key : {"name", "ph", "ts", "pid", "tid"}) {
      ASSERT_TRUE(event.contains(key)) << key << ": " << event;
    }
    const std::string phase = event["ph"];
    const std::pair<int, int> track{event["pid"], event["tid"]};
    if (phase == "M") {
      if (event["name"] == "process_name") named_processes.insert(track.first);
      if (event["name"] == "thread_name") named_threads.insert(track);
      continue;
    }
    EXPECT_THAT(named_processes, Contains(track.first));
    EXPECT_THAT(named_threads, Contains(track));
    ASSERT_TRUE(event["ts"].is_number());
    const double ts = event["ts"];
    EXPECT_GE(ts, before);
    before = ts;
    std::vector<double>& ends = open[track];
    while (!ends.empty() && ends.back() <= ts && phase == "X") ends.pop_back();
    if (phase == "X") {
      const double dur = event.at("dur");
      EXPECT_GE(dur, 0);
      if (!ends.empty()) {
        EXPECT_LE(ts + dur, ends.back() + 1e-6) << event;
      }
      ends.push_back(ts + dur);
      continue;
    }
    ASSERT_THAT((std::set<std::string>{"s", "t", "f"}), Contains(phase));
    const int id = event.at("id");
    arrows[id] += phase;
    ASSERT_FALSE(ends.empty());
    EXPECT_LE(ts, ends.back());
    if (phase == "f") {
      EXPECT_EQ(event.at("bp"), "e");
    }
  }
  for (const auto& [id, phases] : arrows) {
    EXPECT_TRUE(phases == "stf" || phases == "sf") << phases;
  }
}

std::vector<Json> Slices(const Json& trace, const std::string& name) {
  std::vector<Json> found;
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] == "X" && event["name"] == name) found.push_back(event);
  }
  return found;
}

std::vector<std::string> Names(const Json& trace, const std::string& of) {
  std::vector<std::string> names;
  for (const Json& event : trace["traceEvents"]) {
    if (event["name"] == of) names.push_back(event["args"]["name"]);
  }
  return names;
}

const std::map<uint64_t, ChannelLabel> kChannels = {
    {7, {.worker_key = "loader_0", .trainer = "t0"}},
    {8, {.worker_key = "loader_0", .trainer = "t0"}}};

TEST(ChromeTrace, OfABatchHasItsStagesInThreeProcesses) {
  const Json trace =
      ToChromeTrace({{"storage-1", {Timeline(7, 3, 5'000'000)}}}, kChannels);
  CheckFormat(trace);
  EXPECT_THAT(Names(trace, "process_name"),
              ElementsAre("sampler pool at storage-1",
                          "channel gateway at storage-1", "trainer t0"));
  EXPECT_THAT(Names(trace, "thread_name"),
              ElementsAre("channel 7 loader_0", "channel 7 loader_0",
                          "channel 7 loader_0"));
  const std::map<std::string, std::pair<double, double>> stages = {
      {"queue", {0, 1}},   {"sample", {1, 2}}, {"features", {3, 3}},
      {"shm", {6, 4}},     {"send", {10, 5}},  {"network", {15, 1}},
      {"consume", {16, 6}}};
  for (const auto& [name, when] : stages) {
    const std::vector<Json> slices = Slices(trace, name);
    ASSERT_EQ(slices.size(), 1u) << name;
    EXPECT_DOUBLE_EQ(slices[0]["ts"], when.first) << name;
    EXPECT_DOUBLE_EQ(slices[0]["dur"], when.second) << name;
  }
  EXPECT_THAT(Slices(trace, "commit"), IsEmpty());  // it took no time
  const Json args = Slices(trace, "batch 1.3").at(0)["args"];
  EXPECT_EQ(args["channel"], 7);
  EXPECT_EQ(args["epoch"], 1);
  EXPECT_EQ(args["batch_index"], 3);
  EXPECT_EQ(args["bytes"], 77);
  EXPECT_EQ(args["trainer_error_us"], 1);
}

TEST(ChromeTrace, OfABatchThatIsUnderWayEndsAtTheGateway) {
  const Json trace = ToChromeTrace(
      {{"g", {Timeline(7, 3, 1000, /*is_consumed=*/false)}}}, kChannels);
  CheckFormat(trace);
  EXPECT_THAT(Slices(trace, "send"), ::testing::SizeIs(1));
  EXPECT_THAT(Slices(trace, "consume"), IsEmpty());
  EXPECT_FALSE(
      Slices(trace, "batch 1.3").at(0)["args"].contains("trainer_error_us"));
}

TEST(ChromeTrace, BatchesThatOverlapHaveTracksOfTheirOwn) {
  std::vector<v1::BatchTimeline> timelines;
  for (uint64_t i = 0; i < 50; ++i) {
    timelines.push_back(Timeline(7, i, 1'000'000 + 2000 * i, i % 3 != 0));
    timelines.push_back(Timeline(8, i, 1'000'000 + 700 * (50 - i)));
  }
  const Json trace = ToChromeTrace({{"g", timelines}}, kChannels);
  CheckFormat(trace);
  EXPECT_THAT(Names(trace, "thread_name"),
              IsSupersetOf({"channel 7 loader_0", "channel 7 loader_0 #2",
                            "channel 8 loader_0"}));
}

// The clocks of the hosts are years apart; their trainer knows both.
TEST(ChromeTrace, HostsOfOneTrainerAreNextToEachOther) {
  constexpr uint64_t kYear = 31'536'000'000'000'000;
  const Json trace = ToChromeTrace(
      {{"a", {Timeline(7, 0, 9 * kYear, true, /*trainer_base=*/kYear)}},
       {"b", {Timeline(8, 1, kYear, true, kYear + 400'000)}}},
      kChannels);
  CheckFormat(trace);
  EXPECT_DOUBLE_EQ(Slices(trace, "batch 1.0").at(0)["ts"], 0);
  EXPECT_DOUBLE_EQ(Slices(trace, "batch 1.1").at(0)["ts"], 400);
}

TEST(ChromeTrace, HostsThatNobodyLinksBeginAtZero) {
  const Json trace = ToChromeTrace(
      {{"a", {Timeline(1, 0, 5'000'000'000)}}, {"b", {Timeline(2, 1, 9'000)}}},
      {});
  CheckFormat(trace);
  EXPECT_DOUBLE_EQ(Slices(trace, "batch 1.0").at(0)["ts"], 0);
  EXPECT_DOUBLE_EQ(Slices(trace, "batch 1.1").at(0)["ts"], 0);
  EXPECT_THAT(
      Names(trace, "process_name"),
      UnorderedElementsAre("sampler pool at a", "channel gateway at a",
                           "trainer of channel 1", "sampler pool at b",
                           "channel gateway at b", "trainer of channel 2"));
}

TEST(ChromeTrace, OfNothingIsEmptyButATrace) {
  const Json trace = ToChromeTrace({}, {});
  CheckFormat(trace);
  EXPECT_TRUE(trace["traceEvents"].empty());
}

}  // namespace
}  // namespace fairlead
