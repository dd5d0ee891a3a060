#include "libs/event_loop/event_loop.h"

#include <pthread.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"

namespace fairlead {
namespace {

constexpr size_t kMaxThreadName = 15;

// The loop whose thread this is.
thread_local const EventLoop* this_thread_is_of = nullptr;

}  // namespace

EventLoop::EventLoop(EventLoopOptions options) : options_(std::move(options)) {}

EventLoop::~EventLoop() {
  // Fails only within a task; then the threads cannot be joined, and
  // std::thread ends the program.
  Shutdown(ShutdownMode::kCancel).IgnoreError();
}

absl::Status EventLoop::Error(absl::StatusCode code,
                              absl::string_view what) const {
  return absl::Status(code,
                      absl::StrCat("event loop ", options_.name, ": ", what));
}

absl::Status EventLoop::CheckNotWithin(absl::string_view caller) const {
  if (this_thread_is_of != this) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition,
               absl::StrCat(caller,
                            " from within one of its own tasks would wait for "
                            "itself; call it from elsewhere, or TryAddTask"));
}

absl::Status EventLoop::CheckRunning() const {
  if (state_ == State::kRunning) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition,
               state_ == State::kNew ? "is not started; call Start first"
                                     : "was shut down; make another");
}

int64_t EventLoop::Capacity() const {
  return int64_t{options_.max_concurrency} + options_.max_queued;
}

int64_t EventLoop::Unfinished() const {
  return static_cast<int64_t>(queue_.size()) +
         std::count_if(running_.begin(), running_.end(),
                       [](const auto& number) { return number.has_value(); });
}

bool EventLoop::HasRoom() const { return Unfinished() < Capacity(); }

bool EventLoop::MayAdd() const {
  return state_ != State::kRunning || HasRoom();
}

bool EventLoop::MayWork() const {
  return state_ == State::kStopping || !queue_.empty();
}

bool EventLoop::AllEndedBefore(int64_t number) const {
  // Tasks are queued, and so taken, in the order of their numbers.
  if (!queue_.empty() && queue_.front().number < number) return false;
  return std::none_of(running_.begin(), running_.end(),
                      [number](const auto& other) {
                        return other.has_value() && *other < number;
                      });
}

bool EventLoop::HasEnded(int64_t number) const {
  if (!queue_.empty() && queue_.front().number <= number) return false;
  return std::find(running_.begin(), running_.end(), number) == running_.end();
}

absl::Status EventLoop::Start() {
  if (options_.max_concurrency < 1 || options_.max_queued < 0) {
    return Error(absl::StatusCode::kInvalidArgument,
                 absl::StrCat("max_concurrency ", options_.max_concurrency,
                              " must be at least 1, max_queued ",
                              options_.max_queued, " at least 0"));
  }
  std::vector<std::thread> threads;
  {
    MutexLock lock(&mutex_);
    if (state_ == State::kRunning) return absl::OkStatus();
    if (state_ != State::kNew) return CheckRunning();
    const auto workers = static_cast<size_t>(options_.max_concurrency);
    running_.resize(workers);
    threads.reserve(workers);
    try {
      while (threads.size() < workers) {
        threads.emplace_back(&EventLoop::Work, this, threads.size());
      }
    } catch (const std::system_error&) {
      // Those that there are must not be left behind.
    }
    if (threads.size() == workers) {
      state_ = State::kRunning;
      threads_ = std::move(threads);
      return absl::OkStatus();
    }
    state_ = State::kStopping;
  }
  const size_t started = threads.size();
  Join(std::move(threads));
  return Error(absl::StatusCode::kResourceExhausted,
               absl::StrCat("the system has but ", started, " threads for ",
                            options_.max_concurrency,
                            " tasks at a time; lower max_concurrency"));
}

absl::Status EventLoop::Shutdown(ShutdownMode mode) {
  FAIRLEAD_RETURN_IF_ERROR(CheckNotWithin("Shutdown"));
  std::vector<std::thread> threads;
  {
    MutexLock lock(&mutex_);
    if (mode == ShutdownMode::kCancel) is_cancelled_ = true;
    if (state_ == State::kStopping || state_ == State::kStopped) {
      // Another thread joins them.
      const auto is_stopped = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return state_ == State::kStopped;
      };
      mutex_.Await(absl::Condition(&is_stopped));
      return absl::OkStatus();
    }
    state_ = State::kStopping;
    threads.swap(threads_);
  }
  Join(std::move(threads));
  return absl::OkStatus();
}

void EventLoop::Join(std::vector<std::thread> threads) {
  for (std::thread& thread : threads) thread.join();
  MutexLock lock(&mutex_);
  state_ = State::kStopped;
}

bool EventLoop::is_cancelled() const {
  MutexLock lock(&mutex_);
  return is_cancelled_;
}

EventLoop::Load EventLoop::load() const {
  MutexLock lock(&mutex_);
  const auto queued = static_cast<int64_t>(queue_.size());
  return {Unfinished() - queued, queued, Capacity()};
}

absl::Status EventLoop::WaitAll(absl::Time deadline) {
  FAIRLEAD_RETURN_IF_ERROR(CheckNotWithin("WaitAll"));
  MutexLock lock(&mutex_);
  const auto ended = [this, next = next_number_]()
                         ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
                           return AllEndedBefore(next);
                         };
  if (mutex_.AwaitWithDeadline(absl::Condition(&ended), deadline)) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kDeadlineExceeded,
               absl::StrCat("WaitAll: ", Unfinished(),
                            " tasks have not ended; wait longer, or shut it "
                            "down with kCancel"));
}

int64_t EventLoop::Accept(Job job) {
  queue_.push_back({next_number_, std::move(job)});
  return next_number_++;
}

absl::Status EventLoop::TryAdd(Job job) {
  MutexLock lock(&mutex_);
  FAIRLEAD_RETURN_IF_ERROR(CheckRunning());
  if (!HasRoom()) {
    return Error(absl::StatusCode::kResourceExhausted,
                 absl::StrCat("has ", Capacity(),
                              " tasks, as many as it may; try again when one "
                              "has ended"));
  }
  Accept(std::move(job));
  return absl::OkStatus();
}

absl::StatusOr<int64_t> EventLoop::AddWhenRoom(Job job,
                                               absl::string_view caller,
                                               absl::Time deadline) {
  FAIRLEAD_RETURN_IF_ERROR(CheckNotWithin(caller));
  MutexLock lock(&mutex_);
  const bool may_add = mutex_.AwaitWithDeadline(
      absl::Condition(this, &EventLoop::MayAdd), deadline);
  FAIRLEAD_RETURN_IF_ERROR(CheckRunning());
  if (!may_add) {
    return Error(absl::StatusCode::kDeadlineExceeded,
                 absl::StrCat(caller, ": none of its ", Capacity(),
                              " tasks ended in time to make room"));
  }
  return Accept(std::move(job));
}

absl::Status EventLoop::RunAndWait(absl::FunctionRef<void()> run,
                                   absl::Time deadline) {
  absl::Status admission;
  Job job = [&admission, run](absl::Status status) {
    admission = std::move(status);
    if (admission.ok()) run();
  };
  FAIRLEAD_ASSIGN_OR_RETURN(const int64_t number,
                            AddWhenRoom(std::move(job), "RunTask", deadline));
  MutexLock lock(&mutex_);
  const auto ended = [this, number]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return HasEnded(number);
  };
  if (!mutex_.AwaitWithDeadline(absl::Condition(&ended), deadline)) {
    const auto queued = std::find_if(
        queue_.begin(), queue_.end(),
        [number](const Queued& other) { return other.number == number; });
    if (queued != queue_.end()) {
      queue_.erase(queued);
      return Error(absl::StatusCode::kDeadlineExceeded,
                   "RunTask: the task did not begin in time, and never will");
    }
    mutex_.Await(absl::Condition(&ended));
  }
  return admission;
}

void EventLoop::Work(size_t worker) {
  this_thread_is_of = this;
  pthread_setname_np(pthread_self(),
                     options_.name.substr(0, kMaxThreadName).c_str());
  for (;;) {
    Job job;
    absl::Status admission;
    {
      MutexLock lock(&mutex_);
      running_[worker].reset();
      mutex_.Await(absl::Condition(this, &EventLoop::MayWork));
      if (queue_.empty()) return;
      running_[worker] = queue_.front().number;
      job = std::move(queue_.front().job);
      queue_.pop_front();
      if (is_cancelled_) {
        admission = Error(absl::StatusCode::kCancelled,
                          "was shut down before the task began");
      }
    }
    job(std::move(admission));
  }
}

}  // namespace fairlead
