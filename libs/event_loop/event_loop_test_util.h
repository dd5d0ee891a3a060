#ifndef FAIRLEAD_LIBS_EVENT_LOOP_EVENT_LOOP_TEST_UTIL_H_
#define FAIRLEAD_LIBS_EVENT_LOOP_EVENT_LOOP_TEST_UTIL_H_

#include <functional>
#include <latch>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/event_loop/event_loop.h"
#include "libs/status/status_matchers.h"

namespace fairlead::testing {

inline constexpr absl::Time kForever = absl::InfiniteFuture();
inline constexpr absl::Time kNoWait = absl::InfinitePast();
inline constexpr auto kDrain = EventLoop::ShutdownMode::kDrain;
inline constexpr auto kCancel = EventLoop::ShutdownMode::kCancel;

inline absl::Status Nothing() { return absl::OkStatus(); }
inline void Ignore(const absl::Status& /*status*/) {}

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

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_EVENT_LOOP_EVENT_LOOP_TEST_UTIL_H_
