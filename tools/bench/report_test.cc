#include "tools/bench/report.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"
#include "tools/bench/figures.h"

namespace fairlead::bench {
namespace {

using Json = nlohmann::ordered_json;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

Json Round(double batches_per_s, double cpu, const Json& shares) {
  Json binned = Json::array();
  for (const Json& share : shares) {
    binned.push_back({10 * share.get<double>(), 10 * share.get<double>()});
  }
  Json gaps = Json::array();
  for (int i = 0; i <= 100; ++i) gaps.push_back(1e-3 * (1 + i));
  return {{"seconds", 2},
          {"batches", 2 * batches_per_s},
          {"batches_per_s", batches_per_s},
          {"bytes_per_s", 1e9},
          // 1000 nodes of 528 bytes, 2000 edges and 100 seeds of 16.
          {"batch", {{"bytes", 528e3 + 16 * 2100}, {"edges", 2000}}},
          {"cpu_s_per_batch",
           {{"pool", cpu / 2}, {"gateway", cpu / 4}, {"trainer", cpu / 4}}},
          {"switches_per_batch", {{"pool", 3}}},
          {"stage_s_per_batch", {{"sample", cpu / 4}, {"features", cpu / 8}}},
          {"gap_quantiles_s", gaps},
          {"shares", shares},
          {"bins", {{"seconds", 1}, {"batches", binned}}}};
}

Json Load(const std::string& name, const std::string& fanout, double speed,
          double cpu, const Json& shares) {
  Json rounds = Json::array();
  for (const double drift : {0.99, 1.0, 1.01}) {
    rounds.push_back(Round(speed * drift, cpu * drift, shares));
  }
  return {{"name", name},
          {"shared_memory", name.rfind("shared", 0) == 0},
          {"fanout", fanout},
          {"batch_size", 100},
          {"clients", shares.size()},
          {"rounds", rounds}};
}

Json Floor(const std::string& name, const std::string& unit, double value) {
  return {{"name", name},
          {"what", "what " + name + " is"},
          {"unit", unit},
          {"values", {value}}};
}

// Of a machine on which a batch cannot cost less than 1.6 ms: 2000 edges of
// 100 ns, 0.52 MB at 1 GB/s, 0.56 MB at 1 s and 0.5 s a GB.
Json Results(double speed = 120, double cpu = 2e-3) {
  Json results = {{"schema", kSchema},
                  {"taken",
                   {{"at", "2026-01-01T00:00:00Z"},
                    {"commit", "abc"},
                    {"config", "opt"},
                    {"rounds", 3},
                    {"workers", 2}}},
                  {"machine", {{"cpu", "a <processor>"}, {"cores", 2}}},
                  {"dataset",
                   {{"name", "g"},
                    {"nodes", 1000},
                    {"edges", 20000},
                    {"feature_row_bytes", 512},
                    {"label_row_bytes", 8}}},
                  {"idle", {{"cores", {0.002, 0.003}}}}};
  results["floors"] = {Floor("gather_512", "bytes/s", 1e9),
                       Floor("tcp_send_cpu", "s", 1),
                       Floor("tcp_receive_cpu", "s", 0.5)};
  results["sampling"] = Json::array();
  for (const char* fanout : {"10,5", "15,10,5"}) {
    results["sampling"].push_back(
        {{"fanout", fanout},
         {"s_per_edge", {100e-9}},
         {"sampled", {{"edges", 2000}, {"nodes", 1000}}},
         {"expected", {{"edges", 2020}, {"nodes", 990}}}});
  }
  results["loads"] = {
      Load("remote 10,5", "10,5", speed, cpu, {1.0}),
      Load("shared memory 10,5", "10,5", 2 * speed, cpu / 2, {1.0}),
      Load("remote 15,10,5", "15,10,5", 14, 10 * cpu, {1.0}),
      Load("remote 10,5, 4 clients", "10,5", 1.1 * speed, cpu,
           {0.25, 0.25, 0.26, 0.24})};
  return results;
}

const Goal& GoalNamed(const std::vector<Goal>& goals, const std::string& name) {
  for (const Goal& goal : goals) {
    if (goal.name == name) return goal;
  }
  ADD_FAILURE() << "no goal " << name;
  return goals[0];
}

TEST(Results, OfAnotherSchemaAreRefused) {
  EXPECT_THAT(CheckSchema(Results()), IsOk());
  EXPECT_THAT(CheckSchema({{"schema", "fairlead.bench.v0"}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("fairlead.bench.v0")));
  EXPECT_THAT(CheckSchema(Json::array()),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Goals, AreMetMissedOrNotMeasured) {
  const std::vector<Goal> goals = GoalsOf(Results());
  EXPECT_TRUE(GoalNamed(goals, "remote, 10,5").is_met);
  EXPECT_FALSE(GoalNamed(goals, "remote, 15,10,5").is_met);
  EXPECT_TRUE(GoalNamed(goals, "remote, 15,10,5").is_measured);
  EXPECT_FALSE(GoalNamed(goals, "shared memory, 15,10,5").is_measured);
  EXPECT_TRUE(GoalNamed(goals, "4 clients together, of 1 alone (10,5)").is_met);
  EXPECT_TRUE(GoalNamed(goals, "furthest of 4 clients from its share").is_met);
  EXPECT_TRUE(GoalNamed(goals, "CPU of an idle cluster").is_met);
}

TEST(Figures, CountersAreTimesOrRatesByTheirNames) {
  Json results = Results();
  Json one = {{"name", "G"}, {"values", Json::array({1.0})}};
  for (const char* counter : {"bytes_per_second", "items_per_second",
                              "s_per_edge", "p99_s", "edges_per_batch"}) {
    one["counters"][counter] = Json::array({2.0});
  }
  results["micro"] =
      Json::array({Json{{"part", "gather"}, {"cases", Json::array({one})}}});
  std::vector<std::string> figures;
  for (const Figure& figure : FiguresOf(results)) {
    if (figure.group != "micro") continue;
    figures.push_back(absl::StrCat(figure.name, " ", figure.unit,
                                   figure.more_is_better ? " more" : " less"));
  }
  EXPECT_THAT(figures,
              UnorderedElementsAre("gather: G s less",
                                   "gather: G, bytes_per_second bytes/s more",
                                   "gather: G, items_per_second 1/s more",
                                   "gather: G, s_per_edge s less",
                                   "gather: G, p99_s s less"));
}

TEST(CostOfLoad, IsTheSumOfTheFloorsAndSaysHow) {
  const Json results = Results();
  const Json cost = CostOfLoad(results, results["loads"][0]);
  EXPECT_NEAR(cost["batch"]["nodes"], 1000, 1e-6);
  EXPECT_NEAR(cost["floor_s"]["sample"], 2e-4, 1e-12);
  EXPECT_NEAR(cost["floor_s"]["gather"], 0.52e-3, 1e-12);
  EXPECT_NEAR(cost["floor_s"]["send"], 0.5616e-3, 1e-12);
  EXPECT_NEAR(cost["floor_s"]["receive"], 0.2808e-3, 1e-12);
  EXPECT_NEAR(cost["ratio"], 2e-3 / 1.5624e-3, 1e-6);
  EXPECT_THAT(cost["formula"].get<std::string>(), HasSubstr("2000 edges"));
  EXPECT_EQ(cost["copies"].size(), 6);
  // Through shared memory nothing is sent.
  EXPECT_EQ(CostOfLoad(results, results["loads"][1])["floor_s"]["send"], 0);
}

TEST(CostOfLoad, NeedsTheFloors) {
  Json results = Results();
  results.erase("floors");
  EXPECT_TRUE(CostOfLoad(results, results["loads"][0]).is_null());
}

TEST(ReportHtml, StandsAlone) {
  const std::string html = ReportHtml(Results(), nullptr);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("http")));
  EXPECT_THAT(html, Not(HasSubstr("src=")));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme: dark"));
  EXPECT_THAT(html, HasSubstr("a &lt;processor&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("nan")));
  EXPECT_THAT(html, Not(HasSubstr("Against the run")));
}

TEST(ReportHtml, OfNearlyNothingSaysWhatIsMissing) {
  const std::string html = ReportHtml({{"schema", kSchema}}, nullptr);
  EXPECT_THAT(html, HasSubstr("not measured in this run"));
}

TEST(ReportText, NamesWhatChangedAndCountsTheRest) {
  const std::string text = ReportText(Results(60, 2e-3), Results(120, 2e-3));
  EXPECT_THAT(text, HasSubstr("worse   loads: remote 10,5, batches"));
  EXPECT_THAT(text, HasSubstr("figures inside noise"));
  EXPECT_THAT(text, Not(HasSubstr("remote 15,10,5, batches  ")));
  EXPECT_THAT(ReportHtml(Results(60), Results(120)),
              HasSubstr("Against the run of 2026-01-01T00:00:00Z"));
}

}  // namespace
}  // namespace fairlead::bench
