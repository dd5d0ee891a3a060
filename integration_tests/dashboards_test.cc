// Real Prometheus scrapes a real cluster under load, as tools/dev dashboard has
// it do. Whatever a dashboard, rule or alert names exists, whatever they ask
// has an answer, and the console page, opened in a real browser, draws it.

#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/dashboard_queries.h"
#include "integration_tests/harness/prometheus_server.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/http_get/http_get.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::ConsoleQueries;
using ::fairlead::testing::DashboardQuery;
using ::fairlead::testing::GrafanaQueries;
using ::fairlead::testing::IsInstalled;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::MetricNamesIn;
using ::fairlead::testing::MetricsOf;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::Partition;
using ::fairlead::testing::Program;
using ::fairlead::testing::PrometheusServer;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::TestCluster;
using ::testing::Contains;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Json = nlohmann::json;

constexpr absl::string_view kNoPrometheus =
    "no programs prometheus and promtool: install the package prometheus";
constexpr absl::string_view kNoBrowser =
    "no program chromium: install the package chromium";
constexpr absl::Duration kInterval = absl::Seconds(1);

std::string Read(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Dashboards(absl::string_view path) {
  return Program(absl::StrCat("tools/dashboards:", path));
}

// Those that metric_names.h lists.
const std::set<std::string>& MetricNames() {
  static const auto& names = *new std::set<std::string>(
      MetricNamesIn(Read(Program("libs/telemetry:metric_names.h"))));
  return names;
}

// Metrics that nobody exposes while all is well.
const std::set<std::string>& RightlyAbsent() {
  static const auto& names = *new std::set<std::string>{
      "fairlead_not_ready",  // a series for each reason, while it holds
  };
  return names;
}

// Runs promtool in the folder of Prometheus's files.
void ExpectPromtoolAccepts(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"/usr/bin/env", "promtool"});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome outcome,
      RunToEnd(arguments, testing::kPatience, NewFolder()));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
}

TEST(DashboardFiles, PassPromtool) {
  if (!IsInstalled("promtool")) GTEST_SKIP() << kNoPrometheus;
  ExpectPromtoolAccepts(
      {"check", "config", Dashboards("prometheus/prometheus.yml")});
  ExpectPromtoolAccepts({"check", "rules",
                         Dashboards("prometheus/rules/recording.yml"),
                         Dashboards("prometheus/rules/alerts.yml")});
  ExpectPromtoolAccepts({"test", "rules",
                         Dashboards("prometheus/tests/flow_test.yml"),
                         Dashboards("prometheus/tests/services_test.yml")});
}

TEST(DashboardFiles, GrafanaFindsItsDataSource) {
  EXPECT_THAT(Read(Dashboards("grafana/provisioning/datasources/fairlead.yml")),
              HasSubstr("uid: fairlead\n"));
  EXPECT_THAT(GrafanaQueries(Dashboards("grafana/dashboards"), "fairlead"),
              IsOk());
}

// A cluster of two partitions, trainers of different weights of which one
// is slow, and Prometheus, which has scraped it often enough for rates.
class LiveDashboards : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!IsInstalled("prometheus")) return;
    TestCluster::Options options;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string graph, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, Partition(graph, 2));
    options.partitions = 2;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        load_,
        StartLoad("heavy", {"--name=heavy", "--weight=3", "--clients=2"}));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        prometheus_, PrometheusServer::Start(*cluster_, kInterval));
    AwaitScrapes(/*targets=*/5, /*scrapes=*/2);
    // Who comes later is found, too.
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        slow_load_, StartLoad("slow", {"--name=slow", "--step_time=200ms"}));
    ASSERT_TRUE(slow_load_->AwaitBatches(1));
    AwaitScrapes(/*targets=*/6, /*scrapes=*/15);
  }

  // Of the registry, two pools, a gateway and each process of trainers.
  static void AwaitScrapes(int targets, int scrapes) {
    const std::string query = absl::StrCat(
        "count(count_over_time(up{job=\"fairlead\"}[5m]) >= ", scrapes,
        ") == ", targets);
    for (bool done = false; !done;) {
      ASSERT_TRUE(load_->AwaitBatches(10));
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const Json answer, prometheus_->Get("query", {{"query", query}}));
      done = !answer["result"].empty();
    }
  }

  static void TearDownTestSuite() {
    if (prometheus_ != nullptr) {
      EXPECT_THAT(prometheus_->Stop(), IsOk());
    }
    prometheus_.reset();
    load_.reset();
    slow_load_.reset();
    cluster_.reset();
  }

  void SetUp() override {
    if (!IsInstalled("prometheus")) GTEST_SKIP() << kNoPrometheus;
    ASSERT_NE(prometheus_, nullptr) << "the cluster did not start";
  }

  static absl::StatusOr<std::unique_ptr<RunningLoad>> StartLoad(
      const std::string& backend_key, std::vector<std::string> flags) {
    flags.insert(
        flags.end(),
        {"--backend_key=" + backend_key, "--epochs=1000000", "--batch_size=16",
         "--fanout=4,4", "--buffer_bytes=1MB", "--metrics_listen=127.0.0.1:0"});
    return RunningLoad::Start(*cluster_, flags);
  }

  // What dashboards ask, then what rules record and alerts look at.
  static absl::StatusOr<std::vector<DashboardQuery>> PanelQueries() {
    FAIRLEAD_ASSIGN_OR_RETURN(
        std::vector<DashboardQuery> queries,
        GrafanaQueries(Dashboards("grafana/dashboards"), "fairlead"));
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::string page,
        HttpGet(prometheus_->address(), "/consoles/fairlead.html",
                testing::kPatience));
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<DashboardQuery> console,
                              ConsoleQueries(page));
    queries.insert(queries.end(), console.begin(), console.end());
    return queries;
  }

  static absl::StatusOr<std::vector<Json>> Rules() {
    FAIRLEAD_ASSIGN_OR_RETURN(const Json data, prometheus_->Get("rules"));
    std::vector<Json> rules;
    for (const Json& group : data["groups"]) {
      rules.insert(rules.end(), group["rules"].begin(), group["rules"].end());
    }
    return rules;
  }

  static std::unique_ptr<TestCluster> cluster_;
  static std::unique_ptr<RunningLoad> load_;
  static std::unique_ptr<RunningLoad> slow_load_;
  static std::unique_ptr<PrometheusServer> prometheus_;
};

std::unique_ptr<TestCluster> LiveDashboards::cluster_;
std::unique_ptr<RunningLoad> LiveDashboards::load_;
std::unique_ptr<RunningLoad> LiveDashboards::slow_load_;
std::unique_ptr<PrometheusServer> LiveDashboards::prometheus_;

TEST_F(LiveDashboards, NameNothingThatIsNotThere) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(std::vector<DashboardQuery> queries,
                                PanelQueries());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<Json> rules, Rules());
  std::set<std::string> known = MetricNames();
  for (const Json& rule : rules) {
    queries.push_back({rule["name"], rule["query"]});
    if (rule["type"] == "recording") known.insert(rule["name"]);
  }
  ASSERT_THAT(queries, SizeIs(Ge(120)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Json values,
                                prometheus_->Get("label/__name__/values"));
  const std::set<std::string> scraped(values.begin(), values.end());
  for (const DashboardQuery& query : queries) {
    for (const std::string& metric : MetricsOf(query.query, MetricNames())) {
      EXPECT_THAT(known, Contains(metric)) << query.where;
      if (RightlyAbsent().count(metric) > 0) continue;
      EXPECT_TRUE(scraped.count(metric) > 0 ||
                  scraped.count(metric + "_count") > 0)
          << query.where << ": nobody exposes " << metric;
    }
  }
}

TEST_F(LiveDashboards, HaveAnAnswerToEveryQuery) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<DashboardQuery> queries,
                                PanelQueries());
  for (const DashboardQuery& query : queries) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const Json series,
        prometheus_->QueryRange(query.query, absl::Seconds(10)));
    bool has_number = false;
    for (const Json& one : series) {
      for (const Json& at : one["values"]) {
        double value = 0;
        ASSERT_TRUE(absl::SimpleAtod(std::string(at[1]), &value)) << at;
        has_number = has_number || !std::isnan(value);
        EXPECT_FALSE(value < 0) << query.where << ": " << value;
      }
    }
    EXPECT_TRUE(has_number) << query.where << ": " << query.query;
  }
}

// What scrapes a registry has a label of that name for it, too.
TEST_F(LiveDashboards, TellMembersApartByTheirRoles) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<DashboardQuery> queries,
                                PanelQueries());
  int asked = 0;
  for (const DashboardQuery& query : queries) {
    if (!absl::StrContains(query.query, "(fairlead_registry_members)")) {
      continue;
    }
    ++asked;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const Json series,
        prometheus_->QueryRange(query.query, absl::Seconds(10)));
    EXPECT_THAT(series, SizeIs(3)) << query.where << ": " << series;
  }
  EXPECT_EQ(asked, 2);
}

TEST_F(LiveDashboards, EveryAlertIsExplainedAndTested) {
  const std::string runbook = Read(Dashboards("RUNBOOK.md"));
  const std::string tests =
      Read(Dashboards("prometheus/tests/flow_test.yml")) +
      Read(Dashboards("prometheus/tests/services_test.yml"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<Json> rules, Rules());
  for (const Json& rule : rules) {
    EXPECT_EQ(rule["health"], "ok") << rule;
    if (rule["type"] != "alerting") continue;
    const std::string name = rule["name"];
    EXPECT_THAT((std::vector<std::string>{"critical", "warning", "info"}),
                Contains(rule["labels"]["severity"]))
        << name;
    EXPECT_EQ(rule["annotations"]["runbook"],
              "RUNBOOK.md#" + absl::AsciiStrToLower(name));
    EXPECT_NE(rule["annotations"].value("summary", ""), "") << name;
    const std::vector<std::string> parts =
        absl::StrSplit(runbook, absl::StrCat("\n## ", name, "\n"));
    ASSERT_THAT(parts, SizeIs(2)) << "sections of " << name;
    const std::string section = parts[1].substr(0, parts[1].find("\n## "));
    for (const char* line : {"**Means:**", "**Look at:**", "**Change:**"}) {
      EXPECT_THAT(section, HasSubstr(line)) << name;
    }
    const std::vector<std::string> cases =
        absl::StrSplit(tests, absl::StrCat("alertname: ", name, "\n"));
    int silent = 0;
    int fires = 0;
    for (size_t i = 1; i < cases.size(); ++i) {
      const std::string rest = cases[i].substr(0, cases[i].find("- name:"));
      ++(absl::StrContains(rest, "exp_alerts: []") ? silent : fires);
    }
    EXPECT_THAT(silent, Ge(1)) << name << ": no test that it is silent";
    EXPECT_THAT(fires, Ge(1)) << name << ": no test that it fires";
  }
}

TEST_F(LiveDashboards, NoAlertSaysThatAHealthyClusterIsBroken) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Json data, prometheus_->Get("alerts"));
  for (const Json& alert : data["alerts"]) {
    EXPECT_NE(alert["labels"]["severity"], "critical") << alert;
  }
}

// What a browser made of a plot: its curves, with how many points they have.
std::vector<int> PointsOf(absl::string_view figure) {
  std::vector<int> points;
  for (const absl::string_view piece :
       absl::StrSplit(figure, "data-points=\"")) {
    int count = 0;
    const absl::string_view number = piece.substr(0, piece.find('"'));
    if (absl::SimpleAtoi(number, &count)) points.push_back(count);
  }
  return points;
}

TEST_F(LiveDashboards, ConsolePageDrawsItsPlotsInABrowser) {
  if (!IsInstalled("chromium")) GTEST_SKIP() << kNoBrowser;
  const std::string folder = NewFolder();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome browser,
      RunToEnd({"/usr/bin/env", "HOME=" + folder, "chromium", "--headless=new",
                "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--user-data-dir=" + folder, "--virtual-time-budget=2000",
                "--dump-dom", prometheus_->console_url() + "?range=1m"},
               testing::kPatience, folder));
  ASSERT_EQ(browser.exit_code, 0) << browser.err;
  ASSERT_THAT(browser.out, HasSubstr("data-state=\"drawn\"")) << browser.err;
  const std::vector<std::string> figures =
      absl::StrSplit(browser.out, "<figure id=\"");
  ASSERT_THAT(figures, SizeIs(Ge(11)));
  for (size_t i = 1; i < figures.size(); ++i) {
    EXPECT_THAT(PointsOf(figures[i].substr(0, figures[i].find("</figure>"))),
                Contains(Ge(10)))
        << figures[i].substr(0, 2000);
  }
  // Two trainers of one load and one of the other, each with two channels.
  const std::vector<std::string> rows =
      absl::StrSplit(browser.out, "data-channel=\"");
  EXPECT_THAT(rows, SizeIs(1 + 6));
}

}  // namespace
}  // namespace fairlead
