#include "libs/event_loop/event_loop.h"

#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/event_loop/event_loop_test_util.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::HeldTask;
using ::fairlead::testing::Ignore;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::kCancel;
using ::fairlead::testing::kDrain;
using ::fairlead::testing::kForever;
using ::fairlead::testing::kNoWait;
using ::fairlead::testing::Loop;
using ::fairlead::testing::Nothing;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(EventLoop, GivesTheCallbackWhatTheTaskReturns) {
  Loop loop(2, 2);
  absl::StatusOr<std::unique_ptr<int>> value;
  absl::Status error;
  ASSERT_THAT(loop.AddTask(
                  []() -> absl::StatusOr<std::unique_ptr<int>> {
                    return std::make_unique<int>(7);
                  },
                  [&value](absl::StatusOr<std::unique_ptr<int>> result) {
                    value = std::move(result);
                  },
                  kForever),
              IsOk());
  ASSERT_THAT(loop.TryAddTask(
                  [] { return absl::DataLossError("gone"); },
                  [&error](absl::Status status) { error = std::move(status); }),
              IsOk());
  ASSERT_THAT(loop.WaitAll(kForever), IsOk());
  ASSERT_THAT(value, IsOk());
  EXPECT_EQ(**value, 7);
  EXPECT_THAT(error, StatusIs(absl::StatusCode::kDataLoss, "gone"));
}

TEST(EventLoop, TurnsWhatIsThrownIntoAStatus) {
  Loop loop(1, 0);
  EXPECT_THAT(
      loop.RunTask(
          []() -> absl::StatusOr<int> {
            throw std::runtime_error("no such row");
          },
          kForever),
      StatusIs(absl::StatusCode::kInternal, HasSubstr("threw: no such row")));
  EXPECT_THAT(loop.RunTask([]() -> absl::Status { throw 7; }, kForever),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("threw")));
  EXPECT_THAT(loop.RunTask(Nothing, kForever), IsOk());  // and goes on
}

TEST(EventLoop, RunsMaxConcurrencyTasksAtATimeAndNoMore) {
  constexpr int kConcurrency = 4;
  constexpr int kRounds = 50;
  Loop loop(kConcurrency, kConcurrency * kRounds);
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  // Tasks of a round end only when all of them run.
  std::vector<std::unique_ptr<std::latch>> rounds;
  for (int round = 0; round < kRounds; ++round) {
    rounds.push_back(std::make_unique<std::latch>(kConcurrency));
    for (int i = 0; i < kConcurrency; ++i) {
      ASSERT_THAT(loop.TryAddTask(
                      [&, all = rounds.back().get()] {
                        const int now = ++running;
                        int before = most;
                        while (before < now &&
                               !most.compare_exchange_weak(before, now)) {
                        }
                        all->arrive_and_wait();
                        --running;
                        return absl::OkStatus();
                      },
                      Ignore),
                  IsOk());
    }
  }
  ASSERT_THAT(loop.WaitAll(kForever), IsOk());
  EXPECT_EQ(most, kConcurrency);
}

TEST(EventLoop, StartsTasksInTheOrderInWhichTheyWereAdded) {
  Loop loop(1, 10);
  std::vector<int> order;
  HeldTask held(loop);
  for (int i = 0; i < 10; ++i) {
    ASSERT_THAT(loop.TryAddTask(
                    [&order, i] {
                      order.push_back(i);
                      return absl::OkStatus();
                    },
                    Ignore),
                IsOk());
  }
  held.End();
  ASSERT_THAT(loop.WaitAll(kForever), IsOk());
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
}

TEST(EventLoop, HoldsAsManyTasksAsItMayAndRefusesTheNext) {
  Loop loop(1, 2);
  HeldTask held(loop);
  ASSERT_THAT(loop.TryAddTask(Nothing, Ignore), IsOk());
  ASSERT_THAT(loop.AddTask(Nothing, Ignore, kNoWait), IsOk());
  EXPECT_EQ(loop.load().running, 1);
  EXPECT_EQ(loop.load().queued, 2);
  EXPECT_EQ(loop.load().capacity, 3);

  const auto never = [] {
    ADD_FAILURE() << "a refused task runs";
    return absl::OkStatus();
  };
  const auto never_called = [](const absl::Status& /*status*/) {
    ADD_FAILURE() << "a refused task's callback is called";
  };
  EXPECT_THAT(
      loop.TryAddTask(never, never_called),
      StatusIs(absl::StatusCode::kResourceExhausted,
               AllOf(HasSubstr("event loop loop"), HasSubstr("has 3 tasks"))));
  EXPECT_THAT(loop.AddTask(never, never_called, kNoWait),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(loop.RunTask(never, kNoWait),
              StatusIs(absl::StatusCode::kDeadlineExceeded));

  held.End();
  ASSERT_THAT(loop.WaitAll(kForever), IsOk());
  EXPECT_EQ(loop.load().running, 0);
  EXPECT_EQ(loop.load().queued, 0);
  EXPECT_THAT(loop.TryAddTask(Nothing, Ignore), IsOk());
}

TEST(EventLoop, AddTaskWaitsForRoom) {
  Loop loop(1, 0);
  HeldTask held(loop);
  std::future<absl::Status> added = std::async(std::launch::async, [&loop] {
    return loop.AddTask(Nothing, Ignore, kForever);
  });
  held.End();
  EXPECT_THAT(added.get(), IsOk());
}

// Parity GL-115: room is made after the callback, not before.
TEST(EventLoop, TaskHasEndedWhenItAndItsCallbackAreNoMore) {
  Loop loop(1, 0);
  auto of_task = std::make_shared<int>(1);
  auto of_callback = std::make_shared<int>(1);
  const std::weak_ptr<int> task_alive = of_task;
  const std::weak_ptr<int> callback_alive = of_callback;
  ASSERT_THAT(loop.TryAddTask(
                  [resource = std::move(of_task)] { return absl::OkStatus(); },
                  [&, resource = std::move(of_callback)](const absl::Status&) {
                    EXPECT_TRUE(task_alive.expired());
                    EXPECT_EQ(loop.load().running, 1);
                    EXPECT_THAT(loop.TryAddTask(Nothing, Ignore),
                                StatusIs(absl::StatusCode::kResourceExhausted));
                  }),
              IsOk());
  ASSERT_THAT(loop.WaitAll(kForever), IsOk());
  EXPECT_TRUE(callback_alive.expired());
}

// Tasks that follow each other without end: the loop is never idle.
TEST(EventLoop, WaitAllIsNotDelayedByLaterTasks) {
  Loop loop(2, 2);
  std::function<void(const absl::Status&)> add_next =
      [&](const absl::Status& /*status*/) {
        loop.TryAddTask(Nothing, add_next).IgnoreError();
      };
  ASSERT_THAT(loop.TryAddTask(Nothing, add_next), IsOk());
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(loop.WaitAll(kForever), IsOk());
    const EventLoop::Load load = loop.load();
    EXPECT_GT(load.running + load.queued, 0);
  }
  EXPECT_THAT(loop.Shutdown(kDrain), IsOk());
}

TEST(EventLoop, WaitAllWaitsForTasksThatRunAndTasksThatAreQueued) {
  Loop loop(1, 1);
  HeldTask held(loop);
  ASSERT_THAT(loop.TryAddTask(Nothing, Ignore), IsOk());
  EXPECT_THAT(
      loop.WaitAll(kNoWait),
      StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("2 tasks")));
  held.End();
  EXPECT_THAT(loop.WaitAll(kForever), IsOk());
}

// Parity GL-114: two callers deadlock in the original.
TEST(EventLoop, SeveralThreadsMayWaitForAll) {
  Loop loop(2, 2);
  HeldTask held(loop);
  std::vector<std::future<absl::Status>> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.push_back(std::async(std::launch::async,
                                 [&loop] { return loop.WaitAll(kForever); }));
  }
  held.End();
  for (auto& waiter : waiters) EXPECT_THAT(waiter.get(), IsOk());
}

// Parity GL-113 to GL-116: each of these can hang in the original.
TEST(EventLoop, RefusesToWaitForItselfWithinATaskOrCallback) {
  Loop loop(2, 2);
  const auto call_all = [&loop] {
    return std::array<absl::Status, 6>{loop.WaitAll(kForever),
                                       loop.AddTask(Nothing, Ignore, kForever),
                                       loop.RunTask(Nothing, kForever),
                                       loop.Async(Nothing, kForever).get(),
                                       loop.Shutdown(kDrain),
                                       loop.Shutdown(kCancel)};
  };
  std::array<absl::Status, 6> in_task;
  std::array<absl::Status, 6> in_callback;
  ASSERT_THAT(
      loop.AddTask(
          [&] {
            in_task = call_all();
            return absl::OkStatus();
          },
          [&](const absl::Status&) { in_callback = call_all(); }, kForever),
      IsOk());
  ASSERT_THAT(loop.WaitAll(kForever), IsOk());
  const auto refused = StatusIs(absl::StatusCode::kFailedPrecondition,
                                HasSubstr("within one of its own tasks"));
  EXPECT_THAT(in_task, Each(refused));
  EXPECT_THAT(in_callback, Each(refused));
  EXPECT_THAT(loop.RunTask(Nothing, kForever), IsOk());  // and goes on
}

TEST(EventLoop, WithinATaskMayTryToAddAndUseOtherLoops) {
  Loop loop(1, 1);
  Loop other(1, 1);
  bool ran = false;
  EXPECT_THAT(loop.RunTask(
                  [&] {
                    EXPECT_THAT(loop.TryAddTask(
                                    [&ran] {
                                      ran = true;
                                      return absl::OkStatus();
                                    },
                                    Ignore),
                                IsOk());
                    EXPECT_THAT(other.RunTask(Nothing, kForever), IsOk());
                    EXPECT_THAT(other.WaitAll(kForever), IsOk());
                    EXPECT_THAT(other.Shutdown(kDrain), IsOk());
                    return absl::OkStatus();
                  },
                  kForever),
              IsOk());
  ASSERT_THAT(loop.WaitAll(kForever), IsOk());
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace fairlead
