#include "libs/telemetry/telemetry.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/rpc/readiness.h"
#include "libs/status/status_matchers.h"
#include "libs/telemetry/metric_names.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

// As much as libtorch and its BLAS have: a server's thread must have room for
// the thread-local data of whatever else is in the process.
thread_local char large_thread_local[128 << 10];

// What a server on this host answers.
std::string Ask(const std::string& address, const std::string& request) {
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  EXPECT_EQ(write(fd, request.data(), request.size()),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  ssize_t n = 0;
  while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
    answer.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  return answer;
}

constexpr char kScrape[] =
    "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
std::string Scrape(const std::string& address) { return Ask(address, kScrape); }

TEST(TelemetryTest, ScrapeShowsWhatWasCounted) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto telemetry,
                                Telemetry::Serve("127.0.0.1:0"));
  telemetry->Counter(metrics::kPoolBatches, {{"result", "ok"}}).Increment(3);
  telemetry->Histogram(metrics::kRegistryStoreCommitSeconds, DurationBuckets())
      .Observe(0.02);

  EXPECT_THAT(
      Scrape(telemetry->address()),
      AllOf(HasSubstr("200 OK"),
            HasSubstr("fairlead_pool_batches_total{result=\"ok\"} 3"),
            HasSubstr(
                "fairlead_registry_store_commit_seconds_bucket{le=\"0.03\"} 1"),
            HasSubstr("process_resident_memory_bytes "),
            HasSubstr("process_cpu_seconds_total ")));
}

TEST(TelemetryTest, AConnectionIsGoodForManyScrapes) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto telemetry,
                                Telemetry::Serve("127.0.0.1:0"));
  const std::string answers =
      Ask(telemetry->address(),
          absl::StrCat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", kScrape));
  const size_t second = answers.find("HTTP/1.1 200 OK", 1);
  ASSERT_NE(second, std::string::npos);
  EXPECT_THAT(answers.substr(second),
              HasSubstr("fairlead_scrape_seconds_count 1"));
}

TEST(TelemetryTest, WhatIsNoScrapeIsRefusedAndTheNextOneIsAnswered) {
  large_thread_local[0] = 1;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto telemetry,
                                Telemetry::Serve("127.0.0.1:0"));
  const std::string end = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_THAT(Ask(telemetry->address(), absl::StrCat("GET /", end)),
              AllOf(HasSubstr("404"), HasSubstr("/metrics")));
  EXPECT_THAT(Ask(telemetry->address(), absl::StrCat("POST /metrics", end)),
              HasSubstr("405"));
  EXPECT_EQ(Ask(telemetry->address(), "\x16\x03\x01 no HTTP\r\n\r\n"), "");
  EXPECT_EQ(Ask(telemetry->address(), std::string(64 << 10, 'x')), "");
  EXPECT_THAT(Scrape(telemetry->address()), HasSubstr("200 OK"));
}

TEST(TelemetryTest, AnswersProbesThatKnowNoGrpc) {
  rpc::Readiness readiness;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto telemetry,
                                Telemetry::Serve("127.0.0.1:0"));
  const std::string end = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const auto probe = [&telemetry, &end](absl::string_view path) {
    return Ask(telemetry->address(), absl::StrCat("GET ", path, end));
  };
  EXPECT_THAT(probe("/livez"), HasSubstr("200"));
  EXPECT_THAT(probe("/readyz"), HasSubstr("503"));  // nobody has said
  telemetry->ExposeReadiness(readiness);
  EXPECT_THAT(probe("/readyz"), HasSubstr("200"));
  readiness.Hold("draining");
  EXPECT_THAT(probe("/readyz"), HasSubstr("503"));
  EXPECT_THAT(probe("/livez"), HasSubstr("200"));
}

TEST(TelemetryTest, SameNameAndLabelsAreTheSameMetric) {
  Telemetry telemetry;
  telemetry.Counter(metrics::kPoolBatches, {{"result", "ok"}}).Increment();
  telemetry.Counter(metrics::kPoolBatches, {{"result", "ok"}}).Increment();
  EXPECT_THAT(telemetry.Expose(),
              HasSubstr("fairlead_pool_batches_total{result=\"ok\"} 2"));
}

TEST(TelemetryTest, PortInUseIsAnErrorThatNamesIt) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto telemetry,
                                Telemetry::Serve("127.0.0.1:0"));
  EXPECT_THAT(Telemetry::Serve(telemetry->address()),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr(telemetry->address())));
}

TEST(TelemetryTest, BadAddressIsAnErrorThatNamesIt) {
  for (const char* bad :
       {"nonsense", "127.0.0.1:x", "127.0.0.1:", "127.0.0.1:65536", ":0"}) {
    EXPECT_THAT(
        Telemetry::Serve(bad),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr(absl::StrCat("--metrics_listen=\"", bad, "\""))));
  }
}

TEST(TelemetryTest, SaysWhatTheProcessIs) {
  const Telemetry telemetry;
  const std::string exposed = telemetry.Expose();
  EXPECT_THAT(exposed, ContainsRegex("fairlead_build_info\\{commit=\"\","
                                     "config=\"[a-z]+\",version=\""));
  EXPECT_THAT(exposed, HasSubstr("process_max_fds "));
  const std::string name = "\nprocess_start_time_seconds ";
  double start = 0;
  ASSERT_TRUE(absl::SimpleAtod(
      absl::string_view(exposed).substr(exposed.find(name) + name.size(), 12),
      &start));
  const double now = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  EXPECT_LT(start, now + 1);  // the time of boot is in whole seconds
  EXPECT_GT(start, now - 3600);
}

TEST(TelemetryTest, SaysWhetherItIsReadyAndIfNotWhy) {
  rpc::Readiness readiness;
  Telemetry telemetry;
  telemetry.ExposeReadiness(readiness);
  readiness.Hold("draining");
  EXPECT_THAT(telemetry.Expose(),
              AllOf(HasSubstr("fairlead_ready 0"),
                    HasSubstr("fairlead_not_ready{reason=\"draining\"} 1")));
  readiness.Release("draining");
  EXPECT_THAT(telemetry.Expose(),
              AllOf(HasSubstr("fairlead_ready 1"),
                    HasSubstr("fairlead_not_ready{reason=\"draining\"} 0")));
}

TEST(TelemetryTest, SamplesAreAskedForAtEachScrapeUntilTheirSourceIsGone) {
  Telemetry telemetry;
  int asked = 0;
  auto sampled = telemetry.OnScrape([&asked](MetricSamples& samples) {
    ++asked;
    samples.Gauge({"depth", "How deep."}, {{"who", "a"}}, asked);
    samples.Gauge({"depth", "How deep."}, {{"who", "b"}}, 7);
  });
  EXPECT_THAT(telemetry.Expose(), HasSubstr("depth{who=\"a\"} 1"));
  EXPECT_THAT(telemetry.Expose(), AllOf(HasSubstr("depth{who=\"a\"} 2"),
                                        HasSubstr("depth{who=\"b\"} 7")));
  sampled.reset();
  EXPECT_THAT(telemetry.Expose(), Not(HasSubstr("depth")));
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace fairlead
