#include "libs/event_loop/event_loop.h"

#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Time kForever = absl::InfiniteFuture();
constexpr absl::Time kNoWait = absl::InfinitePast();
constexpr auto kDrain = EventLoop::ShutdownMode::kDrain;
constexpr auto kCancel = EventLoop::ShutdownMode::kCancel;

absl::Status Nothing() { return absl::OkStatus(); }
void Ignore(const absl::Status& /*status*/) {}

// A started loop.
class Loop : public EventLoop {
 public:
  Loop(int max_concurrency, int max_queued)
      : EventLoop({.name = "loop",
                   .max_concurrency = max_concurrency,
                   .max_queued = max_queued}) {
    EXPECT_THAT(Start(), IsOk());
  }
};

// A task that has begun, and ends when it is told to.
class HeldTask {
 public:
  explicit HeldTask(EventLoop& loop,
                    std::function<void(absl::Status)> callback = Ignore) {
    EXPECT_THAT(loop.TryAddTask(
                    [latches = latches_] {
                      latches->began.count_down();
                      latches->may_end.wait();
                      return absl::OkStatus();
                    },
                    std::move(callback)),
                IsOk());
    latches_->began.wait();
  }
  ~HeldTask() { End(); }

  void End() {
    if (!latches_->may_end.try_wait()) latches_->may_end.count_down();
  }

 private:
  struct Latches {
    std::latch began{1};
    std::latch may_end{1};
  };

  const std::shared_ptr<Latches> latches_ = std::make_shared<Latches>();
};

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

// Every state, and what every call does in it.
TEST(EventLoop, StatesFollowTheTable) {
  const auto refuses = [](EventLoop& loop, const std::string& why) {
    const auto refused =
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(why));
    EXPECT_THAT(loop.TryAddTask(Nothing, Ignore), refused);
    EXPECT_THAT(loop.AddTask(Nothing, Ignore, kForever), refused);
    EXPECT_THAT(loop.RunTask(Nothing, kForever), refused);
    EXPECT_THAT(loop.Async(Nothing, kForever).get(), refused);
  };
  EventLoop loop({.max_concurrency = 1, .max_queued = 1});
  // kNew
  refuses(loop, "call Start first");
  EXPECT_THAT(loop.WaitAll(kNoWait), IsOk());
  // kRunning
  ASSERT_THAT(loop.Start(), IsOk());
  EXPECT_THAT(loop.Start(), IsOk());
  EXPECT_THAT(loop.RunTask(Nothing, kForever), IsOk());
  // kStopping
  HeldTask held(loop);
  std::future<absl::Status> shut_down =
      std::async(std::launch::async, [&loop] { return loop.Shutdown(kDrain); });
  while (loop.Start().ok()) std::this_thread::yield();
  refuses(loop, "was shut down");
  EXPECT_THAT(loop.Start(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(loop.WaitAll(kNoWait),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  held.End();
  EXPECT_THAT(shut_down.get(), IsOk());
  // kStopped
  refuses(loop, "was shut down");
  EXPECT_THAT(loop.Start(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                     HasSubstr("make another")));
  EXPECT_THAT(loop.WaitAll(kNoWait), IsOk());
  EXPECT_THAT(loop.Shutdown(kDrain), IsOk());
  EXPECT_THAT(loop.Shutdown(kCancel), IsOk());

  // kNew to kStopped
  EventLoop unused({});
  EXPECT_THAT(unused.Shutdown(kDrain), IsOk());
  EXPECT_THAT(unused.Start(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(EventLoop, RefusesBadOptions) {
  for (const auto& [concurrency, queued] :
       {std::pair(0, 1), std::pair(1, -1)}) {
    EventLoop loop(
        {.name = "bad", .max_concurrency = concurrency, .max_queued = queued});
    EXPECT_THAT(loop.Start(), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("event loop bad")));
  }
}

TEST(EventLoop, DrainRunsWhatWasAccepted) {
  Loop loop(1, 5);
  HeldTask held(loop);
  int ran = 0;
  for (int i = 0; i < 5; ++i) {
    ASSERT_THAT(
        loop.TryAddTask(
            [&ran] {
              ++ran;
              return absl::OkStatus();
            },
            [](const absl::Status& status) { EXPECT_THAT(status, IsOk()); }),
        IsOk());
  }
  held.End();
  EXPECT_THAT(loop.Shutdown(kDrain), IsOk());
  EXPECT_EQ(ran, 5);
}

TEST(EventLoop, CancelOverrulesDrainAndTellsTasksAndCallbacks) {
  Loop loop(1, 2);
  std::vector<absl::Status> results;
  HeldTask held(loop, [&](const absl::Status& status) {
    EXPECT_TRUE(loop.is_cancelled());
    results.push_back(status);
  });
  for (int i = 0; i < 2; ++i) {
    ASSERT_THAT(loop.TryAddTask(
                    [] {
                      ADD_FAILURE() << "a cancelled task runs";
                      return absl::OkStatus();
                    },
                    [&results](const absl::Status& status) {
                      results.push_back(status);
                    }),
                IsOk());
  }
  std::future<absl::Status> drained =
      std::async(std::launch::async, [&loop] { return loop.Shutdown(kDrain); });
  while (loop.Start().ok()) std::this_thread::yield();
  EXPECT_FALSE(loop.is_cancelled());
  std::future<absl::Status> cancelled = std::async(
      std::launch::async, [&loop] { return loop.Shutdown(kCancel); });
  while (!loop.is_cancelled()) std::this_thread::yield();
  held.End();
  EXPECT_THAT(drained.get(), IsOk());
  EXPECT_THAT(cancelled.get(), IsOk());
  EXPECT_THAT(results,
              ElementsAre(IsOk(), StatusIs(absl::StatusCode::kCancelled),
                          StatusIs(absl::StatusCode::kCancelled)));
}

TEST(EventLoop, ShutdownWakesThoseThatWaitForRoom) {
  Loop loop(1, 0);
  HeldTask held(loop);
  std::future<absl::Status> added = std::async(std::launch::async, [&loop] {
    return loop.AddTask(Nothing, Ignore, kForever);
  });
  std::future<absl::Status> shut_down = std::async(
      std::launch::async, [&loop] { return loop.Shutdown(kCancel); });
  // While no task has ended.
  EXPECT_THAT(added.get(), StatusIs(absl::StatusCode::kFailedPrecondition));
  held.End();
  EXPECT_THAT(shut_down.get(), IsOk());
}

TEST(EventLoop, DestructionCancelsWhatHasNotBegun) {
  absl::Status result;
  {
    std::latch began(1);
    Loop loop(1, 1);
    ASSERT_THAT(loop.TryAddTask(
                    [&] {
                      began.count_down();
                      while (!loop.is_cancelled()) std::this_thread::yield();
                      return absl::OkStatus();
                    },
                    Ignore),
                IsOk());
    began.wait();
    ASSERT_THAT(loop.TryAddTask(
                    Nothing,
                    [&result](const absl::Status& status) { result = status; }),
                IsOk());
  }
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kCancelled,
                               HasSubstr("before the task began")));
}

TEST(EventLoop, RunTaskReturnsWhatTheTaskReturns) {
  Loop loop(1, 0);
  int here = 0;
  EXPECT_THAT(loop.RunTask(
                  [&here]() -> absl::StatusOr<std::string> {
                    ++here;
                    return "seven";
                  },
                  kForever),
              IsOkAndHolds("seven"));
  EXPECT_EQ(here, 1);
  EXPECT_THAT(
      loop.RunTask([] { return absl::AbortedError("not now"); }, kForever),
      StatusIs(absl::StatusCode::kAborted));
  // It has ended: there is room.
  EXPECT_THAT(loop.TryAddTask(Nothing, Ignore), IsOk());
}

TEST(EventLoop, RunTaskThatDidNotBeginInTimeNeverRuns) {
  Loop loop(1, 1);
  HeldTask held(loop);
  EXPECT_THAT(loop.RunTask(
                  [] {
                    ADD_FAILURE() << "a withdrawn task runs";
                    return absl::OkStatus();
                  },
                  kNoWait),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       HasSubstr("did not begin")));
  EXPECT_EQ(loop.load().queued, 0);
  EXPECT_THAT(loop.TryAddTask(Nothing, Ignore), IsOk());
  held.End();
  EXPECT_THAT(loop.WaitAll(kForever), IsOk());
}

TEST(EventLoop, RunTaskWaitsForATaskThatHasBegun) {
  Loop loop(1, 1);
  const absl::Time deadline = absl::Now() + absl::Milliseconds(10);
  bool began = false;
  const absl::Status status = loop.RunTask(
      [&] {
        began = true;
        while (absl::Now() < deadline) std::this_thread::yield();
        return absl::OutOfRangeError("late");
      },
      deadline);
  // On a slow day it did not begin in time: then it never ran.
  EXPECT_THAT(status, StatusIs(began ? absl::StatusCode::kOutOfRange
                                     : absl::StatusCode::kDeadlineExceeded));
}

TEST(EventLoop, RunTaskIsCancelledIfTheLoopIs) {
  Loop loop(1, 1);
  HeldTask held(loop);
  std::future<absl::Status> run = std::async(std::launch::async, [&loop] {
    return loop.RunTask(
        [] {
          ADD_FAILURE() << "a cancelled task runs";
          return absl::OkStatus();
        },
        kForever);
  });
  while (loop.load().queued == 0) std::this_thread::yield();
  std::future<absl::Status> shut_down = std::async(
      std::launch::async, [&loop] { return loop.Shutdown(kCancel); });
  while (!loop.is_cancelled()) std::this_thread::yield();
  held.End();
  EXPECT_THAT(run.get(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(shut_down.get(), IsOk());
}

TEST(EventLoop, AsyncGivesAFuture) {
  Loop loop(1, 1);
  EXPECT_THAT(
      loop.Async([]() -> absl::StatusOr<int> { return 7; }, kForever).get(),
      IsOkAndHolds(7));
  HeldTask held(loop);
  std::future<absl::Status> cancelled = loop.Async(Nothing, kForever);
  EXPECT_THAT(loop.Async(Nothing, kNoWait).get(),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  std::future<absl::Status> shut_down = std::async(
      std::launch::async, [&loop] { return loop.Shutdown(kCancel); });
  while (!loop.is_cancelled()) std::this_thread::yield();
  held.End();
  EXPECT_THAT(cancelled.get(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(shut_down.get(), IsOk());
}

// Parity GL-110.
TEST(AwaitFuture, WaitsForWhatAnotherThreadBrings) {
  Loop loop(2, 0);
  std::promise<absl::StatusOr<int>> kept;
  std::promise<absl::StatusOr<int>> failed;
  absl::StatusOr<int> results[2];
  const auto to = [](absl::StatusOr<int>& result) {
    return [&result](absl::StatusOr<int> value) { result = std::move(value); };
  };
  ASSERT_THAT(loop.TryAddTask(AwaitFuture(kept.get_future()), to(results[0])),
              IsOk());
  ASSERT_THAT(loop.TryAddTask(AwaitFuture(failed.get_future()), to(results[1])),
              IsOk());
  kept.set_value(7);
  failed.set_value(absl::UnavailableError("peer is gone"));
  ASSERT_THAT(loop.WaitAll(kForever), IsOk());
  EXPECT_THAT(results[0], IsOkAndHolds(7));
  EXPECT_THAT(results[1], StatusIs(absl::StatusCode::kUnavailable));
}

// (Broken beforehand: TSan does not see the reference count of an exception
// that goes from thread to thread, which is the C++ library's.)
TEST(AwaitFuture, OfAnExceptionOrABrokenPromiseIsAStatus) {
  Loop loop(1, 0);
  std::future<absl::StatusOr<int>> dropped;
  std::future<absl::StatusOr<int>> thrown;
  {
    std::promise<absl::StatusOr<int>> drops;
    std::promise<absl::StatusOr<int>> throws;
    dropped = drops.get_future();
    thrown = throws.get_future();
    throws.set_exception(
        std::make_exception_ptr(std::runtime_error("no such row")));
  }
  EXPECT_THAT(loop.RunTask(AwaitFuture(std::move(dropped)), kForever),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(loop.RunTask(AwaitFuture(std::move(thrown)), kForever),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no such row")));
}

TEST(AwaitFuture, OfTheSameLoopIsFulfilledEvenWithOneThread) {
  Loop loop(1, 1);
  std::future<absl::StatusOr<int>> first =
      loop.Async([]() -> absl::StatusOr<int> { return 7; }, kForever);
  EXPECT_THAT(loop.RunTask(AwaitFuture(std::move(first)), kForever),
              IsOkAndHolds(7));
}

// Threads that add, try, run, wait and measure while others do, and a
// shutdown in the middle: each task that was accepted has its callback called
// once, each that was refused has it never called.
TEST(EventLoop, CallsEveryCallbackOnceWhateverHappens) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 400;
  for (const auto mode : {kDrain, kCancel}) {
    std::array<std::atomic<int>, kThreads * kTasks> called{};
    std::array<std::atomic<int>, kThreads * kTasks> ran{};
    std::array<bool, kThreads * kTasks> accepted{};
    std::atomic<int> cancelled = 0;
    std::latch half_way(kThreads);
    Loop loop(3, 5);
    const auto use = [&](int thread) {
      for (int i = 0; i < kTasks; ++i) {
        if (i == kTasks / 2) half_way.count_down();
        const int task = thread * kTasks + i;
        const auto run = [&ran, task]() -> absl::StatusOr<int> {
          ++ran[task];
          if (task % 7 == 0) throw std::runtime_error("as it may");
          if (task % 11 == 0) return absl::AbortedError("as it may");
          return task;
        };
        const auto callback = [&, task](absl::StatusOr<int> result) {
          ++called[task];
          if (absl::IsCancelled(result.status())) {
            ++cancelled;
            EXPECT_EQ(ran[task], 0);
          } else {
            EXPECT_EQ(ran[task], 1);
            EXPECT_EQ(result.ok(), task % 7 != 0 && task % 11 != 0);
          }
        };
        switch (i % 5) {
          case 0:
            accepted[task] = loop.TryAddTask(run, callback).ok();
            break;
          case 1: {
            const absl::StatusOr<int> result =
                loop.RunTask(run, i % 2 == 0 ? kForever : kNoWait);
            // Ran or not, as it says.
            if (result.ok()) {
              EXPECT_EQ(*result, task);
              EXPECT_EQ(ran[task], 1);
            }
            if (absl::IsDeadlineExceeded(result.status())) {
              EXPECT_EQ(ran[task], 0);
            }
            break;
          }
          case 2:
            EXPECT_THAT(loop.WaitAll(kForever), IsOk());
            break;
          default:
            accepted[task] = loop.AddTask(run, callback, kForever).ok();
        }
        const EventLoop::Load load = loop.load();
        EXPECT_LE(load.running, 3);
        EXPECT_LE(load.running + load.queued, load.capacity);
      }
    };
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back(use, thread);
    }
    half_way.wait();
    EXPECT_THAT(loop.Shutdown(mode), IsOk());
    for (std::thread& thread : threads) thread.join();
    for (size_t task = 0; task < called.size(); ++task) {
      ASSERT_EQ(called[task], accepted[task] ? 1 : 0) << "task " << task;
    }
    if (mode == kDrain) {
      EXPECT_EQ(cancelled, 0);
    }
  }
}

}  // namespace
}  // namespace fairlead
