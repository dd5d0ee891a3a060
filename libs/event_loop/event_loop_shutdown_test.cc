// The states of a loop, and how it comes to its end.

#include <array>
#include <atomic>
#include <future>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/event_loop/event_loop.h"
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

// GL-113: the original's stop waits for the next event.
TEST(EventLoop, IdleLoopStopsThoughNothingHappens) {
  Loop never_used(4, 1);
  EXPECT_THAT(never_used.Shutdown(kDrain), IsOk());
  Loop used(4, 1);
  EXPECT_THAT(used.RunTask(Nothing, kForever), IsOk());
  EXPECT_THAT(used.Shutdown(kDrain), IsOk());
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
