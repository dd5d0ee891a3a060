#include "libs/dist_rpc/rpc_data_partition_router.h"

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/clock/fake_clock.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

using Route = RpcDataPartitionRouter::Route;

class RouterTest : public ::testing::Test {
 protected:
  std::unique_ptr<RpcDataPartitionRouter> Make(PartitionToWorkers workers) {
    auto router =
        RpcDataPartitionRouter::Create(std::move(workers),
                                       {.is_there =
                                            [this](const std::string& worker) {
                                              return !gone_.contains(worker);
                                            },
                                        .failure_pause = absl::Seconds(5)},
                                       &clock_);
    EXPECT_THAT(router, IsOk());
    return *std::move(router);
  }

  FakeClock clock_;
  std::set<std::string> gone_;
};

TEST_F(RouterTest, PartitionWithoutAWorkerIsNamed) {
  EXPECT_THAT(RpcDataPartitionRouter::Create({{"a"}, {}}, {}, &clock_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("partition 1 of 2 has no worker")));
  EXPECT_THAT(Make({{"a"}})->GetToWorker(1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("no 1"), HasSubstr("are 1"))));
}

TEST_F(RouterTest, IdleWorkersTakeTurns) {
  const auto router = Make({{"a", "b", "c"}});
  for (int round = 0; round < 3; ++round) {
    std::set<std::string> asked;
    for (int i = 0; i < 3; ++i) asked.insert(router->GetToWorker(0)->worker());
    EXPECT_EQ(asked.size(), 3u);
  }
}

TEST_F(RouterTest, BusyWorkersArePassedOverOnWhicheverPartition) {
  const auto router = Make({{"a"}, {"a", "b"}});
  const auto busy = router->GetToWorker(0);
  ASSERT_THAT(busy, IsOk());
  EXPECT_EQ(router->outstanding("a"), 1u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(router->GetToWorker(1)->worker(), "b");
  EXPECT_EQ(router->outstanding("b"), 0u);
}

TEST_F(RouterTest, WorkersThatAreGoneAreNeverAsked) {
  const auto router = Make({{"a", "b"}});
  gone_ = {"a"};
  std::vector<Route> routes;
  for (int i = 0; i < 3; ++i) routes.push_back(*router->GetToWorker(0));
  EXPECT_EQ(router->outstanding("b"), 3u);
  gone_ = {"a", "b"};
  EXPECT_THAT(router->GetToWorker(0), StatusIs(absl::StatusCode::kUnavailable,
                                               HasSubstr("gone: a, b")));
  gone_ = {};
  EXPECT_EQ(router->GetToWorker(0)->worker(), "a");
}

TEST_F(RouterTest, ReportedWorkerRestsUnlessThereIsNoOther) {
  const auto router = Make({{"a", "b"}});
  auto a = router->GetToWorker(0);
  ASSERT_EQ(a->worker(), "a");
  a->ReportFailure();
  std::vector<Route> busy;
  for (int i = 0; i < 3; ++i) busy.push_back(*router->GetToWorker(0));
  EXPECT_EQ(router->outstanding("b"), 3u);
  gone_ = {"b"};
  EXPECT_EQ(router->GetToWorker(0)->worker(), "a");
  gone_ = {};
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(router->GetToWorker(0)->worker(), "a");
}

TEST_F(RouterTest, LeavesNothingOutstandingAndStaysEvenWhateverComes) {
  const uint64_t seed = 17;
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  RandomStream random(seed, 0, 0);
  const auto router = Make({{"a", "b", "c"}, {"a", "b", "c"}});
  std::vector<Route> routes;
  for (int step = 0; step < 2000; ++step) {
    if (routes.empty() || random.Below(5) > 1) {
      routes.push_back(
          *router->GetToWorker(static_cast<uint32_t>(random.Below(2))));
      // The one just asked had the fewest.
      const uint64_t had = router->outstanding(routes.back().worker()) - 1;
      for (const char* worker : {"a", "b", "c"}) {
        EXPECT_LE(had, router->outstanding(worker));
      }
    } else {
      std::swap(routes[random.Below(routes.size())], routes.back());
      routes.pop_back();
    }
  }
  routes.clear();
  for (const char* worker : {"a", "b", "c"}) {
    EXPECT_EQ(router->outstanding(worker), 0u);
  }
}

TEST_F(RouterTest, ThreadsShareIt) {
  const auto router = Make({{"a", "b"}});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&router, t] {
      for (int i = 0; i < 500; ++i) {
        auto route = router->GetToWorker(0);
        if (i % 100 == t) route->ReportFailure();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(router->outstanding("a") + router->outstanding("b"), 0u);
}

}  // namespace
}  // namespace fairlead
