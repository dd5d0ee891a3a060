// Every service says at /metrics what it did, and the numbers of one load agree
// with each other and with what the load tool counted.

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
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

}  // namespace
}  // namespace fairlead
