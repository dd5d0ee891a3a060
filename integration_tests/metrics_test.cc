// Every service says at /metrics what it did, and the numbers of one load agree
// with each other and with what the load tool counted.

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/sampling_input.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::Partition;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::Scrape;
using ::fairlead::testing::TestCluster;
using ::testing::Contains;
using ::testing::Gt;
using ::testing::Pair;

using Samples = std::map<std::string, double>;

TEST(Metrics, CountTheRoadOfEveryBatch) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<TestCluster> cluster,
      TestCluster::Start({.dataset = dataset, .workers = 3}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const nlohmann::json report,
      cluster->Load(
          {"--fanout=5,3", "--batch_size=64", "--clients=2", "--epochs=2"}));
  const double batches = report["batches"];
  const double bytes = report["bytes"];
  const double edges = report["edges"];
  ASSERT_EQ(batches, 2 * 2 * 10);

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Samples registry,
                                Scrape(cluster->registry().metrics_address()));
  EXPECT_THAT(
      registry,
      Contains(Pair("fairlead_registry_members{role=\"sampler_pool\"}", 1)));
  EXPECT_THAT(
      registry,
      Contains(Pair("fairlead_registry_members{role=\"channel_gateway\"}", 1)));
  // Two trainers joined, registered and left, each in a change of its own.
  EXPECT_THAT(registry,
              Contains(Pair("fairlead_registry_store_commit_seconds_count",
                            Gt(2 * 3))));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Samples pool,
                                Scrape(cluster->pool().metrics_address()));
  EXPECT_THAT(pool, Contains(Pair("fairlead_pool_batches_total{result=\"ok\"}",
                                  batches)));
  EXPECT_THAT(pool, Contains(Pair(
                        "fairlead_pool_batches_total{result=\"failed\"}", 0)));
  EXPECT_THAT(pool, Contains(Pair("fairlead_pool_batch_bytes_total", bytes)));
  EXPECT_THAT(pool, Contains(Pair("fairlead_pool_sampled_edges_total", edges)));
  EXPECT_THAT(pool, Contains(Pair("fairlead_pool_workers", 3)));
  EXPECT_THAT(pool, Contains(Pair(
                        "fairlead_pool_worker_busy_seconds_total{worker=\"0\"}",
                        Gt(0))));
  for (const char* stage : {"queued", "sample", "features", "commit"}) {
    EXPECT_THAT(pool,
                Contains(Pair(absl::StrCat("fairlead_pool_stage_seconds_count{"
                                           "stage=\"",
                                           stage, "\"}"),
                              batches)));
  }
  for (const char* state : {"idle", "runnable", "parked"}) {
    EXPECT_THAT(pool, Contains(Pair(absl::StrCat("fairlead_pool_channels{"
                                                 "state=\"",
                                                 state, "\"}"),
                                    ::testing::Ge(0))));
  }

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Samples gateway,
                                Scrape(cluster->gateway().metrics_address()));
  EXPECT_THAT(gateway,
              Contains(Pair("fairlead_gateway_messages_total{kind=\"batch\"}",
                            batches)));
  EXPECT_THAT(gateway,
              Contains(Pair(
                  "fairlead_gateway_messages_total{kind=\"batch_error\"}", 0)));
  EXPECT_THAT(
      gateway,
      Contains(
          Pair("fairlead_gateway_messages_total{kind=\"epoch_end\"}", 2 * 2)));
  // The ends of epochs are bytes, too.
  EXPECT_THAT(gateway,
              Contains(Pair("fairlead_gateway_bytes_total", Gt(bytes))));
  EXPECT_THAT(gateway,
              Contains(Pair("fairlead_gateway_stale_messages_total", 0)));
  EXPECT_THAT(gateway,
              Contains(Pair("fairlead_gateway_send_seconds_count", Gt(0))));

  for (ServiceProcess& service : cluster->services()) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Samples samples,
                                  Scrape(service.metrics_address()));
    EXPECT_THAT(samples, Contains(Pair("process_cpu_seconds_total", Gt(0))));
    EXPECT_THAT(samples,
                Contains(Pair("process_resident_memory_bytes", Gt(1 << 20))));
    EXPECT_THAT(samples, Contains(Pair("process_open_fds", Gt(3))));
  }
  EXPECT_THAT(cluster->Stop(), IsOk());
}

// Whatever is sent twice is answered twice and counted once.
TEST(Metrics, EpochsCountOnceHoweverOftenTheyAreAskedFor) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TestCluster> cluster,
                                TestCluster::Start({.dataset = dataset}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto session,
      RegistrySession::Create({.registry = cluster->registry_addresses()}));
  SamplingInput::Options options{.backend_key = "raw", .worker_key = "raw"};
  options.seeds.emplace_back().set_split(v1::SPLIT_TRAIN);
  options.config.set_type(v1::SAMPLING_TYPE_NODE);
  options.config.add_fanout(3);
  options.config.set_batch_size(64);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto input, SamplingInput::Register(session.get(), options));
  for (const auto& [epoch, attempt] :
       std::vector<std::pair<uint64_t, uint32_t>>{
           {0, 0}, {0, 0}, {0, 1}, {0, 1}, {0, 1}, {1, 0}, {1, 0}}) {
    EXPECT_THAT(input->StartEpoch(0, epoch, attempt, {}), IsOk());
  }
  EXPECT_FALSE(input->StartEpoch(0, 0, 0, {}).ok());  // long over
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Samples registry,
                                Scrape(cluster->registry().metrics_address()));
  EXPECT_THAT(registry, Contains(Pair("fairlead_registry_epochs_total", 2)));
  EXPECT_THAT(registry,
              Contains(Pair("fairlead_registry_resumed_epochs_total", 1)));
  EXPECT_THAT(cluster->Stop(), IsOk());
}

// The names that a process may expose, without those of trainers: a library's
// own test (libs/loader/dist_loader_test.cc) scrapes those.
std::set<std::string> ListedNames() {
  std::ifstream in(absl::StrCat(std::getenv("TEST_SRCDIR"), "/",
                                std::getenv("TEST_WORKSPACE"),
                                "/libs/telemetry/metric_names.h"));
  EXPECT_TRUE(in.good());
  const std::string header{std::istreambuf_iterator<char>(in), {}};
  std::set<std::string> names;
  for (const absl::string_view part : absl::StrSplit(header, '"')) {
    if ((absl::StartsWith(part, "fairlead_") ||
         absl::StartsWith(part, "process_")) &&
        !absl::StartsWith(part, "fairlead_loader_") &&
        part.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") ==
            absl::string_view::npos) {
      names.emplace(part);
    }
  }
  return names;
}

// `x_seconds` of `x_seconds_bucket{le="1"}`, if that is listed.
std::string MetricOf(const std::string& sample,
                     const std::set<std::string>& listed) {
  const std::string name = sample.substr(0, sample.find('{'));
  for (const char* suffix : {"_bucket", "_sum", "_count"}) {
    absl::string_view metric = name;
    if (absl::ConsumeSuffix(&metric, suffix) &&
        listed.contains(std::string(metric))) {
      return std::string(metric);
    }
  }
  return name;
}

TEST(Metrics, AllThatAreListedAreExposedAndNoOthers) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string whole, MakeKronecker());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, Partition(whole, 2));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<TestCluster> cluster,
      TestCluster::Start({.dataset = dataset,
                          .partitions = 2,
                          .gateway_flags = {"--timeline_every=1"}}));
  // Channels have series while they are: the load runs on.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<RunningLoad> load,
      RunningLoad::Start(*cluster, {"--fanout=5,3", "--batch_size=16",
                                    "--clients=2", "--epochs=100000"}));
  ASSERT_TRUE(load->AwaitBatches(50));
  const std::set<std::string> listed = ListedNames();
  std::set<std::string> exposed;
  for (ServiceProcess& service : cluster->services()) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Samples samples,
                                  Scrape(service.metrics_address()));
    for (const auto& [sample, value] : samples) {
      exposed.insert(MetricOf(sample, listed));
    }
  }
  EXPECT_EQ(exposed, listed);
}

}  // namespace
}  // namespace fairlead
