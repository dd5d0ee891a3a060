#include "libs/partition_client/partition_client.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "libs/partition_client/fake_pools.h"
#include "libs/partition_client/peer_source.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"

namespace fairlead {
namespace {

using ::fairlead::testing::FakePeers;
using ::fairlead::testing::FakePool;
using ::fairlead::testing::FetchOutcome;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::PatientOptions;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One node of a partition.
absl::Status FetchOne(PartitionClient& client, uint32_t partition = 0) {
  FetchOutcome outcome;
  outcome.AddDraw(partition, {1});
  outcome.Start(client);
  return outcome.Wait();
}

TEST(PartitionClientTest, RoundIsOneCallAPartitionHoweverMuchIsAsked) {
  FakePool first;
  FakePool second;
  FakePeers peers({{{{0, first.address()}, {1, second.address()}}}});
  PartitionClient client(PatientOptions(), peers);
  FetchOutcome outcome;
  outcome.AddDraw(1, {5});
  outcome.AddDraw(0, {7, 8});
  outcome.AddDraw(1, {6}).edge_type = 2;
  outcome.AddRows(1, {23, 4});
  outcome.AddRows(0, {9});
  outcome.Start(client);
  ASSERT_THAT(outcome.Wait(), IsOk());
  EXPECT_THAT(outcome.neighbors(0), ElementsAre(501));
  EXPECT_THAT(outcome.neighbors(1), ElementsAre(700, 800));
  EXPECT_THAT(outcome.neighbors(2), ElementsAre(601));
  EXPECT_EQ(outcome.rows(0), "34");
  EXPECT_EQ(outcome.rows(1), "9");
  EXPECT_EQ(first.calls(), 1u);
  EXPECT_EQ(second.calls(), 1u);
  EXPECT_EQ(second.last_request().dataset_name(), "graph");
  EXPECT_EQ(second.last_request().num_partitions(), 3u);
  EXPECT_EQ(second.last_request().partition(), 1u);
  EXPECT_EQ(second.last_request().draws(1).edge_type(), 2u);
  const PartitionClient::Counts counts = client.counts();
  EXPECT_EQ(counts.calls, 2u);
  EXPECT_EQ(counts.failed_calls, 0u);
  EXPECT_EQ(counts.given_up, 0u);
  EXPECT_GT(counts.request_bytes, 0u);
  EXPECT_GT(counts.response_bytes, 0u);
}

TEST(PartitionClientTest, NothingToFetchIsDoneAtOnce) {
  FakePeers peers({absl::InternalError("is not asked")});
  PartitionClient client(PatientOptions(), peers);
  FetchOutcome outcome;
  outcome.Start(client);
  EXPECT_EQ(outcome.times_done(), 1);
  EXPECT_THAT(outcome.Wait(), IsOk());
  int times_done = 0;
  client.Fetch({}, [&times_done](const absl::Status& status) {
    EXPECT_THAT(status, IsOk());
    ++times_done;
  });
  EXPECT_EQ(times_done, 1);
  EXPECT_EQ(client.counts().calls, 0u);
}

size_t ThreadsOfThisProcess() {
  return static_cast<size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                    std::filesystem::directory_iterator()));
}

// Parity GL-087, where as many calls run at a time as threads were asked for.
TEST(PartitionClientTest, CallsUnderWayTakeNoThreads) {
  constexpr size_t kCalls = 200;
  FakePool pool;
  FakePeers peers({{{{0, pool.address()}}}});
  PartitionClient client(PatientOptions(), peers);
  ASSERT_THAT(FetchOne(client), IsOk());  // gRPC has what threads it wants
  const size_t before = ThreadsOfThisProcess();
  pool.Hang();
  std::vector<FetchOutcome> outcomes(kCalls);
  for (FetchOutcome& outcome : outcomes) {
    outcome.AddDraw(0, {1});
    outcome.Start(client);
  }
  EXPECT_EQ(client.counts().in_flight, kCalls);
  EXPECT_LT(ThreadsOfThisProcess(), before + kCalls / 4);
  pool.GoOn();
  for (FetchOutcome& outcome : outcomes) EXPECT_THAT(outcome.Wait(), IsOk());
}

TEST(PartitionClientTest, CallsGoRoundTheReplicasOfEachPartition) {
  FakePool pools[4];
  FakePeers peers({{{{0, pools[0].address()},
                     {0, pools[1].address()},
                     {1, pools[2].address()},
                     {1, pools[3].address()}}}});
  PartitionClient client(PatientOptions(), peers);
  for (int i = 0; i < 4; ++i) {
    FetchOutcome outcome;
    outcome.AddDraw(0, {1});
    outcome.AddDraw(1, {1});
    outcome.Start(client);
    ASSERT_THAT(outcome.Wait(), IsOk());
  }
  for (const FakePool& pool : pools) EXPECT_EQ(pool.calls(), 2u);
}

TEST(PartitionClientTest, ReplicaThatIsUnavailableIsPassedOverThenAndLater) {
  FakePool bad;
  FakePool good;
  bad.FailWith(grpc::StatusCode::UNAVAILABLE, "draining");
  FakePeers peers({{{{0, bad.address()}, {0, good.address()}}}});
  PartitionClient client(PatientOptions(), peers);
  for (int i = 0; i < 5; ++i) EXPECT_THAT(FetchOne(client), IsOk());
  EXPECT_EQ(bad.calls(), 1u);
  EXPECT_EQ(good.calls(), 5u);
  EXPECT_EQ(client.counts().calls, 6u);
  EXPECT_EQ(client.counts().failed_calls, 1u);
}

TEST(PartitionClientTest, ReplicaThatIsDeadIsPassedOver) {
  FakePool dead;
  FakePool good;
  dead.Stop();
  FakePeers peers({{{{0, dead.address()}, {0, good.address()}}}});
  PartitionClient client(PatientOptions(), peers);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(FetchOne(client), IsOk());
  EXPECT_EQ(good.calls(), 3u);
}

TEST(PartitionClientTest, ReplicaThatHangsIsPassedOverAfterItsDeadline) {
  FakePool hung;
  FakePool good;
  hung.Hang();
  FakePeers peers({{{{0, hung.address()}, {0, good.address()}}}});
  PartitionClient::Options options = PatientOptions();
  options.call_deadline = absl::Milliseconds(300);
  PartitionClient client(options, peers);
  EXPECT_THAT(FetchOne(client), IsOk());
  EXPECT_EQ(hung.calls(), 1u);
  EXPECT_GE(good.calls(), 1u);
}

TEST(PartitionClientTest, PoolOfAnotherDatasetIsPassedOver) {
  FakePool other;
  FakePool good;
  other.FailWith(grpc::StatusCode::FAILED_PRECONDITION, "serves another");
  FakePeers peers({{{{0, other.address()}, {0, good.address()}}}});
  PartitionClient client(PatientOptions(), peers);
  EXPECT_THAT(FetchOne(client), IsOk());
  EXPECT_EQ(good.calls(), 1u);
}

TEST(PartitionClientTest, WhoThereIsIsAskedForAnewOnceNobodyAnswers) {
  FakePool dead;
  FakePool successor;
  dead.Stop();
  FakePeers peers({{{{0, dead.address()}}}, {{{0, successor.address()}}}});
  PartitionClient client(PatientOptions(), peers);
  EXPECT_THAT(FetchOne(client), IsOk());
  EXPECT_EQ(successor.calls(), 1u);
}

TEST(PartitionClientTest, PartitionThatNobodyServesYetIsWaitedFor) {
  FakePool pool;
  FakePeers peers({std::vector<Peer>{},
                   absl::UnavailableError("the registry restarts"),
                   std::vector<Peer>{},
                   {{{0, pool.address()}}}});
  PartitionClient client(PatientOptions(), peers);
  EXPECT_THAT(FetchOne(client), IsOk());
}

TEST(PartitionClientTest, ReplicaThatJoinsLaterGetsItsShareThoughAllIsWell) {
  FakePool first;
  FakePool second;
  FakePeers peers({{{{0, first.address()}}},
                   {{{0, first.address()}, {0, second.address()}}}});
  PartitionClient::Options options = PatientOptions();
  options.list_again_after = absl::ZeroDuration();
  PartitionClient client(options, peers);
  for (int i = 0; i < 4; ++i) ASSERT_THAT(FetchOne(client), IsOk());
  EXPECT_GE(second.calls(), 1u);
}

TEST(PartitionClientTest, PartitionThatNobodyServesIsGivenUpByName) {
  FakePool pool;
  FakePeers peers({{{{0, pool.address()}}}});
  PartitionClient::Options options = PatientOptions();
  options.give_up_after = absl::Milliseconds(100);
  PartitionClient client(options, peers);
  EXPECT_THAT(FetchOne(client, /*partition=*/2),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("partition 2 of dataset graph"),
                             HasSubstr("within 100ms"),
                             HasSubstr("nobody serves it"))));
  EXPECT_EQ(client.counts().given_up, 1u);
}

TEST(PartitionClientTest, PartitionThatOnlyFailsIsGivenUp) {
  FakePool bad;
  bad.FailWith(grpc::StatusCode::UNAVAILABLE, "on fire");
  FakePeers peers({{{{0, bad.address()}}}});
  PartitionClient::Options options = PatientOptions();
  options.give_up_after = absl::Milliseconds(300);
  PartitionClient client(options, peers);
  EXPECT_THAT(FetchOne(client),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("partition 0 of dataset graph")));
  EXPECT_EQ(client.counts().given_up, 1u);
}

TEST(PartitionClientTest, RegistryThatCannotBeAskedIsWhatItIsGivenUpFor) {
  FakePeers peers({absl::InternalError("no registry here")});
  PartitionClient::Options options = PatientOptions();
  options.give_up_after = absl::Milliseconds(100);
  PartitionClient client(options, peers);
  EXPECT_THAT(FetchOne(client), StatusIs(absl::StatusCode::kUnavailable,
                                         HasSubstr("no registry here")));
}

TEST(PartitionClientTest, IdThatIsNotThereIsSaidAndAskedForNoMore) {
  FakePool pool;
  FakePool other;
  FakePool replica;
  pool.FailWith(grpc::StatusCode::NOT_FOUND, "id 17");
  FakePeers peers(
      {{{{1, pool.address()}, {1, replica.address()}, {0, other.address()}}}});
  PartitionClient client(PatientOptions(), peers);
  FetchOutcome outcome;
  outcome.AddDraw(0, {1});
  outcome.AddDraw(1, {17});
  outcome.Start(client);
  EXPECT_THAT(outcome.Wait(),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("partition 1 of dataset graph"),
                             HasSubstr(pool.address()), HasSubstr("id 17"))));
  EXPECT_EQ(pool.calls(), 1u);
  EXPECT_EQ(replica.calls(), 0u);
  EXPECT_EQ(other.calls(), 1u);  // whose answer was waited for all the same
}

TEST(PartitionClientTest, AnswerOfTheWrongSizeIsAnErrorWithThePartitionsName) {
  FakePool pool;
  FakePeers peers({{{{0, pool.address()}}}});
  PartitionClient client(PatientOptions(), peers);
  std::vector<RowFetch> rows = {{.ids = {1, 2}, .row_bytes = 8}};
  Mutex mutex;
  absl::Status result;
  bool is_done = false;
  client.Fetch({.rows = &rows}, [&](absl::Status status) {
    MutexLock lock(&mutex);
    result = std::move(status);
    is_done = true;
  });
  MutexLock lock(&mutex);
  mutex.Await(absl::Condition(&is_done));
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kInternal,
                               AllOf(HasSubstr("partition 0 of dataset graph"),
                                     HasSubstr("2 bytes for 2 rows"))));
}

TEST(PartitionClientTest, ManyCallsFromManyThreadsAreEachDoneOnce) {
  FakePool pools[3];
  pools[1].FailWith(grpc::StatusCode::UNAVAILABLE, "draining");
  FakePeers peers({{{{0, pools[0].address()},
                     {1, pools[1].address()},
                     {1, pools[0].address()},
                     {2, pools[2].address()}}}});
  PartitionClient client(PatientOptions(), peers);
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&client, t] {
      for (int64_t i = 0; i < 50; ++i) {
        FetchOutcome outcome;
        for (uint32_t p = 0; p < 3; ++p) outcome.AddDraw(p, {10 * t + i});
        outcome.Start(client);
        EXPECT_THAT(outcome.Wait(), IsOk());
        for (uint32_t p = 0; p < 3; ++p) {
          EXPECT_THAT(outcome.neighbors(p),
                      ElementsAre(100 * (10 * t + i) + p));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(client.counts().calls, 600 + client.counts().failed_calls);
}

}  // namespace
}  // namespace fairlead
