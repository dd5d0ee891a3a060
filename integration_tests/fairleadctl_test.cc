// Every command of fairleadctl against real services, and what it says when
// something is not there.

#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/status/status_matchers.h"
#include "libs/timeline/chrome_trace_check.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::CheckChromeTrace;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::RunProgram;
using ::fairlead::testing::TestCluster;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kSampling[] = "--fanout=5,5";
constexpr char kBatchSize[] = "--batch_size=16";

class Fairleadctl : public ::testing::Test {
 protected:
  void SetUp() override {
    TestCluster::Options options;
    options.registry_flags = {"--default_lease=1s"};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    options.gateway_flags = {"--timeline_every=1"};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
  }

  Outcome Run(std::vector<std::string> words) {
    words.push_back("--registry=" + cluster_->registry_addresses());
    words.emplace_back("--timeout=30s");
    const auto outcome = RunProgram("tools/fairleadctl", words);
    EXPECT_THAT(outcome, IsOk());
    return outcome.value_or(Outcome());
  }

  // What it prints for programs.
  nlohmann::json Json(std::vector<std::string> words, int exit_code = 0) {
    words.emplace_back("--json");
    const Outcome outcome = Run(words);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    auto json = nlohmann::json::parse(outcome.out, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << outcome.out;
    return json;
  }

  // A trainer that is slow and does not end by itself; sets channel_.
  std::unique_ptr<RunningLoad> Train() {
    auto load = RunningLoad::Start(*cluster_,
                                   {kSampling, kBatchSize, "--epochs=1000000",
                                    "--step_time=20ms", "--shuffle"});
    EXPECT_THAT(load, IsOk());
    EXPECT_TRUE((*load)->AwaitBatches(2));
    const nlohmann::json channels = Json({"channels"});
    EXPECT_EQ(channels.size(), 1u);
    channel_ = absl::StrCat(channels[0]["channel_id"].get<uint64_t>());
    worker_key_ = channels[0]["worker_key"];
    return *std::move(load);
  }

  std::unique_ptr<TestCluster> cluster_;
  std::string channel_;
  std::string worker_key_;
};

TEST_F(Fairleadctl, ShowsWhoAndWhatIsThere) {
  const auto load = Train();
  const nlohmann::json members = Json({"members"});
  ASSERT_EQ(members.size(), 3u);
  EXPECT_EQ(members[0]["role"], "sampler_pool");
  EXPECT_EQ(members[0]["address"], cluster_->pool().address());
  EXPECT_EQ(members[2]["role"], "trainer");
  const nlohmann::json backends = Json({"backends"});
  ASSERT_EQ(backends.size(), 1u);
  EXPECT_EQ(backends[0]["channels"], 1);
  const nlohmann::json channel = Json({"describe", worker_key_});
  EXPECT_EQ(channel["trainer_name"], members[2]["member_name"]);
  EXPECT_EQ(channel["pool_name"], members[0]["member_name"]);
  EXPECT_EQ(channel["spec"]["batch_size"], 16);
  EXPECT_EQ(channel["buffer"]["bytes"], 64 << 20);
  const nlohmann::json status = Json({"status"});
  EXPECT_EQ(status["members"]["trainer"]["up"], 1);
  EXPECT_THAT(status["warnings"], IsEmpty());
  const nlohmann::json top = Json({"top", "--interval=500ms"});
  ASSERT_EQ(top["channels"].size(), 1u);
  EXPECT_GT(top["pools"][0]["workers"], 0);
  // For people; piped, a tab between fields.
  EXPECT_THAT(Run({"members"}).out, HasSubstr("sampler_pool\t0\t"));
  EXPECT_THAT(Run({"channels"}).out, HasSubstr(channel_ + "\t"));
  EXPECT_THAT(Run({"describe", channel_}).out, HasSubstr("fanout 5,5"));
  EXPECT_THAT(Run({"top", "--once", "--interval=100ms"}).out,
              HasSubstr("batches/s"));
  EXPECT_THAT(Run({"status"}).out, HasSubstr("nothing is wrong"));
}

TEST_F(Fairleadctl, ChangesHowAChannelStands) {
  const auto load = Train();
  EXPECT_TRUE(Json({"pause", channel_})["control"]["paused"]);
  EXPECT_EQ(Json({"weight", channel_, "2.5"})["control"]["weight"], 2.5);
  EXPECT_EQ(Json({"priority", channel_, "3"})["control"]["priority"], 3);
  EXPECT_EQ(Json({"rate", channel_, "9"})["control"]["max_batches_per_second"],
            9);
  const nlohmann::json paused = Json({"advise", "--interval=200ms"}, 1);
  EXPECT_EQ(paused["findings"][0]["bottleneck"], "paused");
  const nlohmann::json resumed = Json({"resume", channel_});
  EXPECT_FALSE(resumed["control"]["paused"]);
  EXPECT_EQ(resumed["control"]["weight"], 2.5);  // as it was
  const nlohmann::json cancelled = Json({"cancel", channel_});
  EXPECT_EQ(absl::StrCat(cancelled["channel_id"].get<uint64_t>()), channel_);
}

TEST_F(Fairleadctl, DrainedPoolTakesNoNewTrainersAndComesBack) {
  const auto load = Train();
  const std::string pool = Json({"members"})[0]["member_name"];
  EXPECT_EQ(Json({"drain", pool})["channels"], 1);
  EXPECT_TRUE(Json({"members"})[0]["draining"]);
  EXPECT_EQ(Json({"status"})["members"]["sampler_pool"]["draining"], 1);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome refused,
      cluster_->RunLoadgen({kSampling, "--connect_timeout=1s"}));
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("draining"));
  EXPECT_TRUE(load->AwaitBatches(3));  // what it has, it serves
  EXPECT_FALSE(Json({"drain", pool, "--undo"})["draining"]);
  EXPECT_THAT(cluster_->Load({kSampling}), IsOk());
}

TEST_F(Fairleadctl, RecordsWhatATrainerGets) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const nlohmann::json report,
      cluster_->Load({kSampling, kBatchSize, "--shuffle", "--epochs=1"}));
  const auto load = Train();
  const std::string file = NewFolder() + "/epoch";
  const nlohmann::json recorded =
      Json({"record", channel_, "--out=" + file, "--epoch=0"});
  EXPECT_EQ(recorded["digest"], report["digest"]);
  EXPECT_EQ(recorded["batches"], report["batches"]);
  const nlohmann::json replayed = Json({"replay", file});
  for (const char* field : {"digest", "batches", "seeds", "edges", "bytes"}) {
    EXPECT_EQ(replayed[field], report[field]) << field;
  }
  const nlohmann::json some =
      Json({"record", channel_, "--out=" + file, "--epoch=7", "--batches=3"});
  EXPECT_EQ(some["batches"], 3);
  EXPECT_EQ(Json({"replay", file})["batches"], 3);
  EXPECT_TRUE(load->AwaitBatches(2));
}

// Of a load that runs on meanwhile.
TEST_F(Fairleadctl, TracesTheRoadOfBatchesAsPerfettoReadsIt) {
  const auto load = Train();
  ASSERT_TRUE(load->AwaitBatches(100));
  const std::string file = NewFolder() + "/trace.json";
  const nlohmann::json summary = Json({"trace", channel_, "--out=" + file});
  EXPECT_EQ(summary["channels"], 1);
  EXPECT_EQ(summary["gateways"], 1);
  std::ifstream in(file);
  const auto trace = nlohmann::ordered_json::parse(in, nullptr, false);
  EXPECT_THAT(CheckChromeTrace(trace), IsOk());
  std::map<std::string, uint64_t> slices;  // by name
  std::set<std::string> names;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] == "M") names.insert(event["args"].value("name", ""));
    if (event["ph"] != "X") continue;
    ++slices[event["name"]];
    EXPECT_EQ(absl::StrCat(event["args"]["channel"].get<uint64_t>()), channel_);
  }
  EXPECT_EQ(slices["sample"], summary["batches"]);
  EXPECT_EQ(slices["network"], summary["consumed"]);
  EXPECT_THAT(names,
              Contains(absl::StrCat("channel ", channel_, " ", worker_key_)));
  // For people.
  EXPECT_THAT(Run({"trace", "--out=" + file}).out,
              HasSubstr("ui.perfetto.dev"));
}

TEST_F(Fairleadctl, SaysWhatIsNotThere) {
  for (const char* command : {"describe", "pause", "resume", "cancel"}) {
    EXPECT_EQ(Run({command, "77"}).exit_code, 4) << command;
    EXPECT_THAT(Run({command, "nobody"}).err, HasSubstr("nobody")) << command;
  }
  EXPECT_EQ(Run({"weight", "77", "2"}).exit_code, 4);
  EXPECT_EQ(Run({"record", "77", "--out=/tmp/x"}).exit_code, 4);
  EXPECT_EQ(Run({"trace", "77", "--out=/tmp/x"}).exit_code, 4);
  EXPECT_EQ(Run({"drain", "nobody"}).exit_code, 4);
  EXPECT_EQ(Run({"replay", "/no/such/file"}).exit_code, 4);
}

TEST_F(Fairleadctl, SaysHowToCallIt) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"dance"},
      {"describe"},
      {"members", "x"},
      {"weight", "1", "much"},
      {"record", "1"},
      {"members", "--no_such_flag"},
      {"members", "--timeout=soon"},
      {"completion", "fish"},
      {"top", "--sort=height"}};
  for (const std::vector<std::string>& words : wrong) {
    const Outcome outcome = Run(words);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("fairleadctl: INVALID_ARGUMENT"));
  }
  EXPECT_THAT(Run({"--help"}).out, AllOf(HasSubstr("advise [--interval=5s]"),
                                         HasSubstr("Exit codes")));
}

TEST_F(Fairleadctl, WarnsOfAPoolThatIsAway) {
  const auto load = Train();
  ASSERT_THAT(cluster_->Kill(cluster_->IndexOf("pool-0")), IsOk());
  const nlohmann::json status = Json({"status"}, /*exit_code=*/1);
  EXPECT_EQ(status["channels"]["lost"], 1);
  EXPECT_EQ(Json({"channels"})[0]["state"], "lost");
  EXPECT_EQ(Run({"pause", channel_}).exit_code, 3);
}

TEST_F(Fairleadctl, SaysWhichRegistryCannotBeReached) {
  ASSERT_THAT(cluster_->Kill(cluster_->IndexOf("registry")), IsOk());
  for (const char* command :
       {"status", "advise", "top", "members", "channels", "backends"}) {
    const Outcome outcome = Run({command});
    EXPECT_EQ(outcome.exit_code, 3) << command;
    EXPECT_THAT(outcome.err, HasSubstr(cluster_->registry_addresses()));
  }
}

}  // namespace
}  // namespace fairlead
