// Results that somebody waits for.

#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
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
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::kCancel;
using ::fairlead::testing::kForever;
using ::fairlead::testing::kNoWait;
using ::fairlead::testing::Loop;
using ::fairlead::testing::Nothing;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

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

}  // namespace
}  // namespace fairlead
