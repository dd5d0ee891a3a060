// tools/bench from end to end, on a tiny graph: everything is measured, written
// down, drawn, and compared. What the numbers are does not matter here.

#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/prometheus_server.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/child_process.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::IsInstalled;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::Program;
using ::testing::Each;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

using Json = nlohmann::json;

constexpr absl::Duration kPatience = absl::Minutes(10);

std::string Read(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

absl::StatusOr<Outcome> RunBench(std::vector<std::string> flags) {
  flags.insert(flags.begin(), Program("tools/bench"));
  return RunToEnd(flags, kPatience, NewFolder());
}

// One run for all tests: it takes a while.
class Bench : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string folder = NewFolder();
    out_ = absl::StrCat(folder, "/results.json");
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const Outcome outcome,
        RunBench({"--quick", "--scale=10", "--max_nodes=1024", "--window=300ms",
                  absl::StrCat("--work_dir=", folder, "/work"),
                  absl::StrCat("--out=", out_), "--commit=0123456789ab"}));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    progress_ = outcome.err;
    text_ = outcome.out;
    results_ = Json::parse(Read(out_), nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(results_.is_object());
  }

  static std::string out_;
  static std::string progress_;
  static std::string text_;
  static Json results_;
};
std::string Bench::out_;
std::string Bench::progress_;
std::string Bench::text_;
Json Bench::results_;

std::set<std::string> NamesIn(const Json& list, const char* key) {
  std::set<std::string> names;
  for (const Json& item : list) names.insert(item[key].get<std::string>());
  return names;
}

TEST_F(Bench, MeasuresEveryPart) {
  EXPECT_EQ(results_["schema"], "fairlead.bench.v1");
  EXPECT_EQ(results_["taken"]["commit"], "0123456789ab");
  EXPECT_EQ(results_["taken"]["quick"], true);
  EXPECT_THAT(results_["machine"]["kernel"].get<std::string>(),
              HasSubstr("Linux"));
  EXPECT_THAT(
      NamesIn(results_["floors"], "name"),
      IsSupersetOf({"memcpy_dram", "random_read_independent", "gather_512",
                    "tcp_send_cpu", "futex_round_trip_p50"}));
  for (const Json& floor : results_["floors"]) {
    EXPECT_THAT(floor["values"].get<std::vector<double>>(), Each(Gt(0)))
        << floor;
  }
  EXPECT_THAT(NamesIn(results_["micro"], "part"),
              IsSupersetOf({"shm channel", "scheduler", "encode", "pool"}));
  for (const Json& part : results_["micro"]) {
    EXPECT_GT(part["cases"].size(), 0) << part;
  }
  EXPECT_GE(results_["idle"]["cores"][0], 0);
  EXPECT_EQ(results_["scaling"].size(), 1);
  for (const auto& [part, why] : results_["not_measured"].items()) {
    EXPECT_EQ(part, "syscalls") << why;
  }
  // Where nobody may trace, that is said.
  if (results_["syscalls"].empty()) {
    EXPECT_THAT(results_["not_measured"]["syscalls"].get<std::string>(),
                HasSubstr("strace"));
  }
}

TEST_F(Bench, WatchesEveryLoad) {
  EXPECT_THAT(
      NamesIn(results_["loads"], "name"),
      IsSupersetOf({"remote 10,5", "remote 15,10,5", "shared memory 10,5",
                    "shared memory 15,10,5", "remote 10,5, 4 clients"}));
  for (const Json& load : results_["loads"]) {
    for (const Json& round : load["rounds"]) {
      EXPECT_GT(round["batches"], 0) << load["name"];
      EXPECT_GT(round["batch"]["bytes"], 1000) << load["name"];
      EXPECT_GT(round["batch"]["edges"], 0) << load["name"];
      EXPECT_GT(round["cpu_s_per_batch"]["pool"], 0) << load["name"];
      EXPECT_GT(round["cpu_s_per_batch"]["trainer"], 0) << load["name"];
      double shares = 0;
      for (const Json& share : round["shares"]) {
        shares += share.get<double>();
      }
      EXPECT_NEAR(shares, 1, 1e-6) << load["name"];
    }
  }
}

TEST_F(Bench, ShowsHowFarItIsAndHowTheGoalsStand) {
  EXPECT_THAT(progress_, HasSubstr("remote 10,5, round 1"));
  EXPECT_THAT(text_, HasSubstr("remote, 15,10,5"));
  EXPECT_THAT(text_, HasSubstr(".html"));
}

TEST_F(Bench, ComparesWithAnEarlierRunAndMeasuresNothingAnew) {
  const std::string folder = NewFolder();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome outcome,
      RunBench({absl::StrCat("--report_of=", out_),
                absl::StrCat("--baseline=", out_),
                absl::StrCat("--out=", folder, "/again.json")}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("inside noise"));
  EXPECT_THAT(Read(absl::StrCat(folder, "/again.html")),
              HasSubstr("Against the run of"));
}

TEST_F(Bench, ReportOpensInABrowserWithItsPlots) {
  if (!IsInstalled("chromium")) {
    GTEST_SKIP() << "no program chromium: install the package chromium";
  }
  const std::string folder = NewFolder();
  const std::string page = absl::StrCat(
      "file://", absl::string_view(out_).substr(0, out_.size() - 5), ".html");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome browser,
      RunToEnd({"/usr/bin/env", "HOME=" + folder, "chromium", "--headless=new",
                "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--user-data-dir=" + folder, "--dump-dom", page},
               testing::kPatience, folder));
  ASSERT_EQ(browser.exit_code, 0) << browser.err;
  const std::vector<std::string> plots = absl::StrSplit(browser.out, "<svg");
  EXPECT_GE(plots.size(), 1 + 8);
  const std::vector<std::string> lines =
      absl::StrSplit(browser.out, "data-points=\"");
  EXPECT_GE(lines.size(), 1 + 10);
  for (size_t i = 1; i < lines.size(); ++i) {
    int points = 0;
    EXPECT_TRUE(
        absl::SimpleAtoi(lines[i].substr(0, lines[i].find('"')), &points));
    EXPECT_GT(points, 0);
  }
}

TEST(BenchCommandLine, NamesWhatIsWrong) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome part,
      RunBench({"--parts=floor", "--work_dir=" + NewFolder()}));
  EXPECT_EQ(part.exit_code, 1);
  EXPECT_THAT(part.err, HasSubstr("floors"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome baseline,
                                RunBench({"--baseline=/nowhere.json"}));
  EXPECT_EQ(baseline.exit_code, 1);
  EXPECT_THAT(baseline.err, HasSubstr("/nowhere.json"));
}

}  // namespace
}  // namespace fairlead
