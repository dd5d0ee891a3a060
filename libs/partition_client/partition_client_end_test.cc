#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "libs/partition_client/fake_pools.h"
#include "libs/partition_client/partition_client.h"
#include "libs/partition_client/peer_source.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"

// What becomes of calls when their client goes.
namespace fairlead {
namespace {

using ::fairlead::testing::FakePeers;
using ::fairlead::testing::FakePool;
using ::fairlead::testing::FetchOutcome;
using ::fairlead::testing::PatientOptions;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

TEST(PartitionClientEndTest, CallsThatHangEndAtOnceWithTheClientEachOnce) {
  FakePool hung;
  FakePool good;
  hung.Hang();
  FakePeers peers({{{{0, hung.address()}, {1, good.address()}}}});
  auto client = std::make_unique<PartitionClient>(PatientOptions(), peers);
  FetchOutcome outcomes[3];
  for (FetchOutcome& outcome : outcomes) {
    outcome.AddDraw(0, {1});
    outcome.AddDraw(1, {1});
    outcome.Start(*client);
  }
  hung.AwaitCall();
  EXPECT_GE(client->counts().in_flight, 3u);
  client.reset();
  for (FetchOutcome& outcome : outcomes) {
    EXPECT_EQ(outcome.times_done(), 1);  // before the client was gone
    EXPECT_THAT(outcome.Wait(), StatusIs(absl::StatusCode::kCancelled,
                                         HasSubstr("shutting down")));
  }
}

TEST(PartitionClientEndTest, CallsThatWaitForTheNextTryEndWithTheClient) {
  FakePool bad;
  bad.FailWith(grpc::StatusCode::UNAVAILABLE, "draining");
  FakePeers peers({{{{1, bad.address()}}}});
  auto client = std::make_unique<PartitionClient>(PatientOptions(), peers);
  FetchOutcome outcomes[8];
  for (uint32_t i = 0; i < 8; ++i) {
    outcomes[i].AddDraw(i % 2, {1});
    outcomes[i].Start(*client);
  }
  client.reset();
  for (FetchOutcome& outcome : outcomes) {
    EXPECT_EQ(outcome.times_done(), 1);
    EXPECT_THAT(outcome.Wait(), StatusIs(absl::StatusCode::kCancelled));
  }
}

// Answers when the test says so.
class SlowPeers final : public PeerSource {
 public:
  void List(
      std::function<void(absl::StatusOr<std::vector<Peer>>)> done) override {
    MutexLock lock(&mutex_);
    waiting_.push_back(std::move(done));
  }
  void AnswerAll() {
    std::vector<std::function<void(absl::StatusOr<std::vector<Peer>>)>> all;
    {
      MutexLock lock(&mutex_);
      all.swap(waiting_);
    }
    for (const auto& done : all) done(std::vector<Peer>{});
  }

 private:
  Mutex mutex_;
  std::vector<std::function<void(absl::StatusOr<std::vector<Peer>>)>> waiting_
      ABSL_GUARDED_BY(mutex_);
};

TEST(PartitionClientEndTest, ClientThatGoesWaitsForTheListThatItHasAskedFor) {
  SlowPeers peers;
  auto client = std::make_unique<PartitionClient>(PatientOptions(), peers);
  FetchOutcome outcome;
  outcome.AddDraw(0, {1});
  outcome.Start(*client);
  EXPECT_EQ(outcome.times_done(), 0);
  std::thread end([&client] { client.reset(); });
  // Every try asks anew until the end has begun.
  while (outcome.times_done() == 0) {
    peers.AnswerAll();
    std::this_thread::yield();
  }
  end.join();
  EXPECT_EQ(outcome.times_done(), 1);
  EXPECT_THAT(outcome.Wait(), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace fairlead
