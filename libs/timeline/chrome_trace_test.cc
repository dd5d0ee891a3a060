#include "libs/timeline/chrome_trace.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "libs/timeline/chrome_trace_check.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::CheckChromeTrace;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
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
  EXPECT_THAT(CheckChromeTrace(trace), IsOk());
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
  EXPECT_THAT(CheckChromeTrace(trace), IsOk());
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
  EXPECT_THAT(CheckChromeTrace(trace), IsOk());
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
  EXPECT_THAT(CheckChromeTrace(trace), IsOk());
  EXPECT_DOUBLE_EQ(Slices(trace, "batch 1.0").at(0)["ts"], 0);
  EXPECT_DOUBLE_EQ(Slices(trace, "batch 1.1").at(0)["ts"], 400);
}

TEST(ChromeTrace, HostsThatNobodyLinksBeginAtZero) {
  const Json trace = ToChromeTrace(
      {{"a", {Timeline(1, 0, 5'000'000'000)}}, {"b", {Timeline(2, 1, 9'000)}}},
      {});
  EXPECT_THAT(CheckChromeTrace(trace), IsOk());
  EXPECT_DOUBLE_EQ(Slices(trace, "batch 1.0").at(0)["ts"], 0);
  EXPECT_DOUBLE_EQ(Slices(trace, "batch 1.1").at(0)["ts"], 0);
  EXPECT_THAT(
      Names(trace, "process_name"),
      UnorderedElementsAre("sampler pool at a", "channel gateway at a",
                           "trainer of channel 1", "sampler pool at b",
                           "channel gateway at b", "trainer of channel 2"));
}

// Times are written in microseconds and read in whole nanoseconds: stages must
// not reach beyond their batch for that.
TEST(ChromeTrace, StagesLieInTheirBatchToTheNanosecond) {
  RandomStream random(1, 2, 3);
  std::vector<v1::BatchTimeline> timelines;
  uint64_t at = 1'000'000'000'000;
  for (uint64_t i = 0; i < 500; ++i) {
    v1::BatchTimeline& timeline = timelines.emplace_back();
    const auto next = [&] { return at += random.Next32() % 100'000; };
    timeline.set_channel_id(7);
    timeline.set_batch_index(i);
    timeline.mutable_pool()->set_queued_ns(next());
    timeline.mutable_pool()->set_started_ns(next());
    timeline.mutable_pool()->set_sampled_ns(next());
    timeline.mutable_pool()->set_features_ns(next());
    timeline.mutable_pool()->set_committed_ns(next());
    timeline.mutable_delivery()->set_received_ns(next());
    timeline.mutable_delivery()->set_sent_ns(next());
    v1::ConsumedBatch& consumed = *timeline.mutable_consumed();
    consumed.set_received_ns(next());
    consumed.set_consumed_ns(next());
    consumed.set_reported_ns(consumed.consumed_ns());
    timeline.set_heard_ns(next());
  }
  EXPECT_THAT(CheckChromeTrace(ToChromeTrace({{"g", timelines}}, kChannels)),
              IsOk());
}

TEST(ChromeTrace, OfNothingIsEmptyButATrace) {
  const Json trace = ToChromeTrace({}, {});
  EXPECT_THAT(CheckChromeTrace(trace), IsOk());
  EXPECT_TRUE(trace["traceEvents"].empty());
}

// The check itself: what is not the format is found.
TEST(CheckChromeTrace, FindsWhatIsWrong) {
  const Json good =
      ToChromeTrace({{"storage-1", {Timeline(7, 3, 5'000'000)}}}, kChannels);
  const auto with = [&good](const std::string& name, const char* phase,
                            const Json& change) {
    Json trace = good;
    for (Json& event : trace["traceEvents"]) {
      if (event["name"] == name && event["ph"] == phase) event.update(change);
    }
    return CheckChromeTrace(trace);
  };
  const auto is_wrong = [](const char* what) {
    return StatusIs(absl::StatusCode::kInternal, HasSubstr(what));
  };
  EXPECT_THAT(with("sample", "X", Json::object()), IsOk());
  EXPECT_THAT(with("sample", "X", {{"dur", -1}}), is_wrong("no time"));
  EXPECT_THAT(with("sample", "X", {{"dur", "1"}}), is_wrong("no time"));
  EXPECT_THAT(with("features", "X", {{"ts", 0}}), is_wrong("earlier"));
  EXPECT_THAT(with("sample", "X", {{"ts", 0}}), is_wrong("ends 1000 ns"));
  EXPECT_THAT(with("features", "X", {{"dur", 3.0025}}), is_wrong("ends 2 ns"));
  EXPECT_THAT(with("sample", "X", {{"tid", 9}}), is_wrong("no name yet"));
  EXPECT_THAT(with("sample", "X", {{"pid", "1"}}), is_wrong("pid"));
  EXPECT_THAT(with("sample", "X", {{"ph", "B"}}), is_wrong("no kind"));
  EXPECT_THAT(with("process_name", "M", {{"pid", 1}}), is_wrong("once more"));
  EXPECT_THAT(with("thread_name", "M", {{"args", Json::object()}}),
              is_wrong("needs args"));
  EXPECT_THAT(with("batch", "f", {{"bp", "s"}}), is_wrong("bp=e"));
  EXPECT_THAT(with("batch", "f", {{"id", 8}}), is_wrong("follows"));
  EXPECT_THAT(with("batch", "f", {{"ph", "t"}}), is_wrong("is only"));
  EXPECT_THAT(CheckChromeTrace(Json::array()), is_wrong("traceEvents"));
}

}  // namespace
}  // namespace fairlead
