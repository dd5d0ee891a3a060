// What other programs print, read.

#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"
#include "tools/bench/micro.h"
#include "tools/bench/syscalls.h"

namespace fairlead::bench {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(ParseBenchmarkJson, TakesRepetitionsAndLeavesAggregates) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto cases, ParseBenchmarkJson(R"({
    "context": {"date": "today"},
    "benchmarks": [
      {"name": "A/1", "run_name": "A/1", "run_type": "iteration",
       "iterations": 9, "real_time": 2.0, "cpu_time": 1.0, "time_unit": "ms",
       "bytes_per_second": 10.0},
      {"name": "A/1", "run_name": "A/1", "run_type": "iteration",
       "iterations": 9, "real_time": 4.0, "cpu_time": 1.0, "time_unit": "ms",
       "bytes_per_second": 30.0},
      {"name": "A/1_mean", "run_name": "A/1", "run_type": "aggregate",
       "real_time": 3.0, "time_unit": "ms"}]})"));
  ASSERT_EQ(cases.size(), 1);
  EXPECT_EQ(cases[0]["name"], "A/1");
  EXPECT_THAT(cases[0]["values"].get<std::vector<double>>(),
              ElementsAre(2e-3, 4e-3));
  EXPECT_THAT(
      cases[0]["counters"]["bytes_per_second"].get<std::vector<double>>(),
      ElementsAre(10, 30));
  EXPECT_EQ(cases[0]["counters"].size(), 1);
}

TEST(ParseBenchmarkJson, WhatFailedAndWhatIsNoneAreErrors) {
  EXPECT_THAT(ParseBenchmarkJson("oops"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseBenchmarkJson(R"({"benchmarks": [
      {"run_name": "A", "run_type": "iteration", "error_occurred": true,
       "error_message": "no graph"}]})"),
              StatusIs(absl::StatusCode::kInternal));
}

TEST(ParseStraceSummary, CountsCallsByName) {
  EXPECT_THAT(
      ParseStraceSummary(
          "% time     seconds  usecs/call     calls    errors syscall\n"
          "------ ----------- ----------- --------- --------- ------------\n"
          " 65.01    0.012345          12      1000         3 futex\n"
          " 34.99    0.006645           6       500           sendmsg\n"
          "------ ----------- ----------- --------- --------- ------------\n"
          "100.00    0.018990          12      1500         3 total\n"),
      ElementsAre(Pair("futex", 1000), Pair("sendmsg", 500)));
  EXPECT_THAT(ParseStraceSummary("strace: Process 7 attached\n"), IsEmpty());
}

}  // namespace
}  // namespace fairlead::bench
