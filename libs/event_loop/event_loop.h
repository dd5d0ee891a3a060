#ifndef FAIRLEAD_LIBS_EVENT_LOOP_EVENT_LOOP_H_
#define FAIRLEAD_LIBS_EVENT_LOOP_EVENT_LOOP_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/sync/mutex.h"

namespace fairlead {

// What a task returns: absl::Status or absl::StatusOr<T>.
template <typename Task>
using TaskResult = std::invoke_result_t<Task&>;
template <typename Task>
concept EventLoopTask = std::constructible_from<TaskResult<Task>, absl::Status>;

struct EventLoopOptions {
  std::string name = "event_loop";  // in errors; cut to 15 bytes, of threads
  int max_concurrency = 16;         // tasks that run at a time, a thread each
  int max_queued = 64;              // tasks beside those that wait for a thread
};

// Runs tasks, many at a time and never more than it has room for: for work
// that mostly waits, such as for an answer of another host.
//
//   EventLoop loop({.name = "lookups", .max_concurrency = 8});
//   RETURN_IF_ERROR(loop.Start());
//   RETURN_IF_ERROR(loop.AddTask(
//       [ids] { return LookUp(ids); },                // StatusOr<Rows>
//       [](absl::StatusOr<Rows> rows) { ... },        // once, whatever happens
//       absl::Now() + absl::Seconds(10)));
//   RETURN_IF_ERROR(loop.WaitAll(absl::Now() + absl::Minutes(1)));
//
// Tasks start in the order in which they were added. A task that was accepted
// has its callback called exactly once, on a thread of the loop, with what it
// returned, INTERNAL with its text if it threw, or CANCELLED if the loop was
// shut down before it began (parity GL-115: the original leaves out the
// callback where there is an error). The task is destroyed before the
// callback is called. Only when the callback has returned, and is destroyed,
// too, has the task ended: makes room, is no longer waited for. A callback
// that throws ends the program.
//
// What would wait for itself for ever, WaitAll, RunTask, AddTask, Async or
// Shutdown from within a task or callback of the same loop, is answered with
// FAILED_PRECONDITION at once, whether it would have had to wait this time or
// not; TryAddTask may be called from there (GL-113 to GL-115: deadlocks). Two
// loops whose tasks wait for each other are not found out: give those waits a
// deadline.
//
//             Start              Shutdown              its tasks ended
//   kNew ─────────────► kRunning ──────────► kStopping ───────────────►
//   kStopped
//     └───────────────────── Shutdown ────────────────────────────────────►┘
//
// Thread-safe.
class EventLoop {
 public:
  enum class ShutdownMode {
    kDrain,   // the tasks that were accepted run
    kCancel,  // those that have not begun get CANCELLED instead
  };

  // How full the loop is.
  struct Load {
    int64_t running = 0;
    int64_t queued = 0;
    int64_t capacity = 0;  // of the two together
  };

  explicit EventLoop(EventLoopOptions options);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Shutdown(kCancel). REQUIRES that no other call is in progress, and this is
  // no thread of the loop's (which ends the program).
  ~EventLoop();

  // Starts the threads; OK if they run already. INVALID_ARGUMENT for bad
  // options; FAILED_PRECONDITION once it was shut down; RESOURCE_EXHAUSTED,
  // and the loop is shut down, if the system has no threads left.
  absl::Status Start() ABSL_LOCKS_EXCLUDED(mutex_);

  // Accepts no more tasks, and returns when all have ended and the threads are
  // gone: the tasks that run are waited for in either mode, for nobody can end
  // a thread from outside; they may ask is_cancelled(). May be called again,
  // by several threads, each of which waits; kCancel overrules kDrain.
  // FAILED_PRECONDITION from within a task.
  absl::Status Shutdown(ShutdownMode mode) ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether Shutdown(kCancel) was called: a long task had better end.
  bool is_cancelled() const ABSL_LOCKS_EXCLUDED(mutex_);

  Load load() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Waits until the tasks accepted before this call have ended; tasks that are
  // added meanwhile do not delay it. DEADLINE_EXCEEDED; FAILED_PRECONDITION
  // from within a task.
  absl::Status WaitAll(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);

  // Adds a task, once there is room: fewer than max_concurrency + max_queued
  // that have not ended. If not OK, neither task nor callback is ever called:
  // DEADLINE_EXCEEDED if there was no room in time; FAILED_PRECONDITION if the
  // loop does not run, or from within a task.
  template <EventLoopTask Task, std::invocable<TaskResult<Task>> Callback>
  absl::Status AddTask(Task task, Callback callback, absl::Time deadline) {
    return AddWhenRoom(MakeJob(std::move(task), std::move(callback)), "AddTask",
                       deadline)
        .status();
  }

  // The same without waiting: RESOURCE_EXHAUSTED if there is no room.
  template <EventLoopTask Task, std::invocable<TaskResult<Task>> Callback>
  absl::Status TryAddTask(Task task, Callback callback) {
    return TryAdd(MakeJob(std::move(task), std::move(callback)));
  }

  // Runs a task in the loop and returns what it returns. Errors as AddTask,
  // and CANCELLED. The deadline is for the task to begin: then it never runs
  // if it has not; once it has, its end is waited for, so it may refer to
  // what is the caller's.
  template <EventLoopTask Task>
  TaskResult<Task> RunTask(Task task, absl::Time deadline) {
    std::optional<TaskResult<Task>> result;
    const absl::Status begun = RunAndWait(
        [&task, &result] { result.emplace(CallTask(task)); }, deadline);
    if (!begun.ok()) return begun;
    return *std::move(result);
  }

  // As AddTask; the result, or why the task was not accepted, by a future.
  template <EventLoopTask Task>
  std::future<TaskResult<Task>> Async(Task task, absl::Time deadline) {
    std::promise<TaskResult<Task>> promise;
    std::future<TaskResult<Task>> future = promise.get_future();
    const absl::Status added = AddTask(
        std::move(task),
        [promise = std::move(promise)](TaskResult<Task> result) mutable {
          promise.set_value(std::move(result));
        },
        deadline);
    if (!added.ok()) {
      std::promise<TaskResult<Task>> refused;
      refused.set_value(added);
      future = refused.get_future();
    }
    return future;
  }

 private:
  enum class State { kNew, kRunning, kStopping, kStopped };

  // Is called once: with OK to run a task, or with the error instead of which
  // it does not run.
  using Job = absl::AnyInvocable<void(absl::Status)>;

  // Tasks are numbered as they are accepted.
  struct Queued {
    int64_t number;
    Job job;
  };

  template <typename Task>
  static TaskResult<Task> CallTask(Task& task) {
    try {
      return task();
    } catch (const std::exception& error) {
      return absl::InternalError(absl::StrCat("task threw: ", error.what()));
    } catch (...) {
      return absl::InternalError("task threw what is no std::exception");
    }
  }

  template <typename Task, typename Callback>
  static Job MakeJob(Task task, Callback callback) {
    return [task = std::optional<Task>(std::move(task)),
            callback =
                std::move(callback)](absl::Status admission) mutable noexcept {
      TaskResult<Task> result = admission.ok()
                                    ? CallTask(*task)
                                    : TaskResult<Task>(std::move(admission));
      task.reset();
      callback(std::move(result));
    };
  }

  // Each returns the task's number, where it matters.
  absl::StatusOr<int64_t> AddWhenRoom(Job job, absl::string_view caller,
                                      absl::Time deadline)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status TryAdd(Job job) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status RunAndWait(absl::FunctionRef<void()> run, absl::Time deadline)
      ABSL_LOCKS_EXCLUDED(mutex_);

  void Work(size_t worker) ABSL_LOCKS_EXCLUDED(mutex_);
  // The end of a shutdown, once the state is kStopping.
  void Join(std::vector<std::thread> threads) ABSL_LOCKS_EXCLUDED(mutex_);

  // An error that says that `caller` must not be called from within a task, if
  // this is within one.
  absl::Status CheckNotWithin(absl::string_view caller) const;
  absl::Status CheckRunning() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Error(absl::StatusCode code, absl::string_view what) const;

  int64_t Accept(Job job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int64_t Capacity() const;
  int64_t Unfinished() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether the tasks below that number have ended, or just that one.
  bool AllEndedBefore(int64_t number) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasEnded(int64_t number) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // What is waited for.
  bool MayAdd() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MayWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const EventLoopOptions options_;

  mutable Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kNew;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t next_number_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<Queued> queue_ ABSL_GUARDED_BY(mutex_);
  // By worker: the number of its task, if it has one.
  std::vector<std::optional<int64_t>> running_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
};

// A task that waits for a future that is somebody else's to fulfil (parity
// GL-110), such as a remote procedure call's. CANCELLED if nobody will.
//
//   loop.AddTask(AwaitFuture(CallPeer(request)), callback, deadline);
//
// The future of an Async of the same loop is fulfilled, too: that task began
// earlier.
template <typename Result>
requires std::constructible_from<Result, absl::Status>
auto AwaitFuture(std::future<Result> future) {
  return [future = std::move(future)]() mutable -> Result {
    try {
      return future.get();
    } catch (const std::future_error& error) {
      if (error.code() != std::future_errc::broken_promise) throw;
      return absl::CancelledError(
          "the future's promise was dropped without a result");
    }
  };
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_EVENT_LOOP_EVENT_LOOP_H_
