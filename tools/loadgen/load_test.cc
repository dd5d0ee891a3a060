#include "tools/loadgen/load.h"

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/loader/fake_cluster.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

LoadOptions Options() {
  LoadOptions options;
  options.loader.seeds.emplace_back().set_split(v1::SPLIT_TRAIN);
  options.loader.config.set_batch_size(1);
  return options;
}

LoadOptions Against(const FakeCluster& cluster) {
  LoadOptions options = Options();
  options.loader.registry = cluster.address();
  return options;
}

TEST(Load, CountsWhatCame) {
  FakeCluster cluster({.batches = 3});
  LoadOptions options = Against(cluster);
  options.clients = 2;
  options.epochs = 4;
  uint64_t announced = 0;
  std::set<std::tuple<uint64_t, uint64_t, uint64_t>> seen;
  options.on_start = [&](uint64_t batches) { announced = batches; };
  options.on_batch = [&](const LoadedBatch& batch) {
    EXPECT_GT(batch.received, absl::ZeroDuration());
    seen.emplace(batch.client, batch.epoch, batch.batch_index);
  };
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const LoadReport report, RunLoad(options));
  EXPECT_THAT(report.status, IsOk());
  EXPECT_EQ(report.batches, 24u);
  EXPECT_EQ(report.seeds, 48u);
  EXPECT_EQ(report.unique_seeds, 6u);
  EXPECT_EQ(report.edges, 24u);
  EXPECT_EQ(report.duplicates, 0u);
  EXPECT_EQ(report.missing, 0u);
  EXPECT_EQ(announced, 24u);
  EXPECT_THAT(seen, SizeIs(24));
  EXPECT_GT(report.bytes, 24u * 64);
  EXPECT_LE(report.wait_p50, report.wait_p99);
  // Nothing is left on the servers.
  EXPECT_EQ(cluster.num_members(), 0u);
  EXPECT_EQ(cluster.channels().size(), 0u);
}

TEST(Load, DigestIsTheSumOverClients) {
  FakeCluster cluster({.batches = 3});
  LoadOptions options = Against(cluster);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const LoadReport one, RunLoad(options));
  options.clients = 3;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const LoadReport three, RunLoad(options));
  EXPECT_NE(one.digest, 0u);
  EXPECT_EQ(three.digest, 3 * one.digest);
}

TEST(Load, DigestDoesNotDependOnTheOrderOfBatches) {
  FakeCluster forward({.batches = 3});
  FakeCluster backward({.batches = 3, .script = [](auto& stream) {
                          for (const uint64_t i : {2, 0, 1}) {
                            stream.SendBatch(i);
                          }
                          stream.SendEnd();
                          return stream.AwaitClose();
                        }});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const LoadReport one,
                                RunLoad(Against(forward)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const LoadReport other,
                                RunLoad(Against(backward)));
  EXPECT_EQ(one.digest, other.digest);
}

TEST(Load, StopsAfterMaxBatches) {
  FakeCluster cluster({.batches = 3});
  LoadOptions options = Against(cluster);
  options.epochs = 10;
  options.max_batches = 7;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const LoadReport report, RunLoad(options));
  EXPECT_THAT(report.status, IsOk());
  EXPECT_EQ(report.batches, 7u);
}

TEST(Load, StopsWhenAsked) {
  FakeCluster cluster({.batches = 3});
  LoadOptions options = Against(cluster);
  options.epochs = 1'000'000;
  uint64_t seen = 0;
  options.on_batch = [&](const LoadedBatch&) { ++seen; };
  options.should_stop = [&] { return seen >= 5; };
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const LoadReport report, RunLoad(options));
  EXPECT_THAT(report.status, IsOk());
  EXPECT_EQ(report.batches, 5u);
}

TEST(Load, HasNoDigestOfWhatItDoesNotRead) {
  FakeCluster cluster({.batches = 3});
  LoadOptions options = Against(cluster);
  options.read_batches = false;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const LoadReport report, RunLoad(options));
  EXPECT_EQ(report.batches, 3u);
  EXPECT_EQ(report.seeds, 6u);
  EXPECT_EQ(report.digest, 0u);
}

TEST(Load, MissingBatchesAreAnError) {
  FakeCluster cluster({.batches = 3, .script = [](auto& stream) {
                         stream.SendBatch(1);
                         stream.SendEnd();
                         return stream.AwaitClose();
                       }});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const LoadReport report,
                                RunLoad(Against(cluster)));
  EXPECT_THAT(report.status, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(report.batches, 1u);
  EXPECT_EQ(report.missing, 2u);
}

TEST(Load, CountsStreamsThatWereResumed) {
  FakeCluster cluster({.batches = 3, .script = [](auto& stream) {
                         if (stream.attempt() == 0) {
                           stream.SendBatch(1);
                           return grpc::Status(grpc::StatusCode::UNAVAILABLE,
                                               "link lost");
                         }
                         stream.SendAll();
                         return stream.AwaitClose();
                       }});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const LoadReport report,
                                RunLoad(Against(cluster)));
  EXPECT_THAT(report.status, IsOk());
  EXPECT_EQ(report.batches, 3u);
  EXPECT_EQ(report.recoveries, 1u);
}

TEST(Load, DuplicatesAreAnError) {
  FakeCluster cluster({.batches = 1, .script = [](auto& stream) {
                         stream.SendBatch(0);
                         stream.SendBatch(0);
                         stream.SendEnd();
                         return stream.AwaitClose();
                       }});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const LoadReport report,
                                RunLoad(Against(cluster)));
  EXPECT_THAT(report.status,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("twice")));
  EXPECT_EQ(report.batches, 1u);
  EXPECT_EQ(report.duplicates, 1u);
}

TEST(Load, BadOptionsAreNamed) {
  const auto refused = [](const LoadOptions& options, const char* why) {
    EXPECT_THAT(RunLoad(options),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  LoadOptions options = Options();
  options.clients = 0;
  refused(options, "clients");
  options = Options();
  options.epochs = 0;
  refused(options, "epochs");
  options = Options();
  options.loader.config.set_batch_size(0);
  refused(options, "batch_size");
  options = Options();
  options.loader.registry = "nonsense";
  refused(options, "nonsense");
}

TEST(Load, RegistryThatIsNotThereIsNamed) {
  std::string address;
  {
    FakeCluster gone({});
    address = gone.address();
  }
  LoadOptions options = Options();
  options.loader.registry = address;
  options.loader.connect_timeout = absl::Milliseconds(1);
  EXPECT_THAT(RunLoad(options),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("registry"), HasSubstr(address))));
}

TEST(Load, BatchIsOneJsonObjectInOneLine) {
  const std::string text = LoadedBatch{.client = 2,
                                       .batch_index = 17,
                                       .digest = 0xabc,
                                       .received = absl::Microseconds(3)}
                               .ToJson();
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const nlohmann::json json = nlohmann::json::parse(text);
  EXPECT_EQ(json["client"], 2);
  EXPECT_EQ(json["batch_index"], 17);
  EXPECT_EQ(json["digest"], "0000000000000abc");
  EXPECT_EQ(json["received_ns"], 3000);
  for (const char* key : {"server", "epoch", "attempt"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
}

TEST(Load, ReportIsOneJsonObjectInOneLine) {
  LoadReport report;
  report.batches = 10;
  report.wall = absl::Seconds(2);
  report.digest = 0xabc;
  report.wait_p50 = absl::Microseconds(1.5);
  const std::string text = report.ToJson();
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const nlohmann::json json = nlohmann::json::parse(text);
  EXPECT_EQ(json["batches"], 10);
  EXPECT_EQ(json["batches_per_s"], 5.0);
  EXPECT_EQ(json["wait_p50_us"], 1.5);
  EXPECT_EQ(json["digest"], "0000000000000abc");
  for (const char* key : {"seeds", "unique_seeds", "edges", "bytes", "wall_s",
                          "edges_per_s", "bytes_per_s", "duplicates", "missing",
                          "recoveries", "prefetch", "wait_p99_us"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
}

}  // namespace
}  // namespace fairlead
