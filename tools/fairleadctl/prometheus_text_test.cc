#include "tools/fairleadctl/prometheus_text.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kPage[] =
    "# HELP batches_total Batches, \"by\" result.\n"
    "# TYPE batches_total counter\n"
    "batches_total{result=\"ok\"} 17\n"
    "\n"
    "batches_total{result=\"failed\",} 2 1700000000000\n"
    "up 1\r\n"
    "path{name=\"a \\\"b\\\" \\\\ c\\n}\", x=\"\"} -2.5e-3\n"
    "seconds_bucket{le=\"+Inf\"} +Inf\n"
    "nothing NaN\n";

TEST(PrometheusText, ReadsNamesLabelsAndValues) {
  const auto samples = ParsePrometheusText(kPage);
  ASSERT_TRUE(samples.ok()) << samples.status();
  ASSERT_EQ(samples->size(), 6u);
  EXPECT_EQ((*samples)[0].name, "batches_total");
  EXPECT_THAT((*samples)[0].labels, ElementsAre(Pair("result", "ok")));
  EXPECT_EQ((*samples)[0].value, 17);
  EXPECT_EQ((*samples)[1].value, 2);
  EXPECT_EQ((*samples)[2].name, "up");
  EXPECT_THAT((*samples)[2].labels, IsEmpty());
  EXPECT_THAT((*samples)[3].labels,
              ElementsAre(Pair("name", "a \"b\" \\ c\n}"), Pair("x", "")));
  EXPECT_EQ((*samples)[3].value, -2.5e-3);
  EXPECT_TRUE(std::isinf((*samples)[4].value));
  EXPECT_TRUE(std::isnan((*samples)[5].value));
}

TEST(PrometheusText, NamesTheLineThatIsNone) {
  for (const char* line :
       {"{}", "name", "name{", "name{a", "name{a=", "name{a=\"", "name{a=\"\\",
        "name{a=\"x\"", "name{a=\"x\" b=\"y\"} 1", "name{=\"x\"} 1", "name x",
        "name 1 2 3", "name{a=\"x\"}", "<html>"}) {
    EXPECT_THAT(
        ParsePrometheusText(absl::StrCat("up 1\n", line)),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 2")))
        << line;
  }
}

TEST(PrometheusText, NoBytesAreWorseThanAnError) {
  RandomStream random(7, 0, 0);
  constexpr char kAlphabet[] = "\0\n{}=\",\\ #a1.eNIf-+\xff";
  const std::string alphabet(kAlphabet, sizeof(kAlphabet) - 1);
  for (int round = 0; round < 20000; ++round) {
    // A page with a few bytes changed, or nothing but noise.
    std::string text = round % 2 == 0 ? kPage : std::string(40, 'x');
    const uint64_t changes = round % 2 == 0 ? 1 + random.Below(5) : text.size();
    for (uint64_t i = 0; i < changes; ++i) {
      text[random.Below(text.size())] = alphabet[random.Below(alphabet.size())];
    }
    text.resize(random.Below(text.size() + 1));
    ParsePrometheusText(text).IgnoreError();
  }
}

}  // namespace
}  // namespace fairlead
