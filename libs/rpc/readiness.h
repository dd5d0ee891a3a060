#ifndef FAIRLEAD_LIBS_RPC_READINESS_H_
#define FAIRLEAD_LIBS_RPC_READINESS_H_

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "libs/sync/mutex.h"

namespace fairlead::rpc {

// Whether a process takes work now, and if not, why: several parts of it may
// each have a reason of their own, and it is ready while there is none.
//
//   Readiness readiness;
//   readiness.Hold("reconciling");     // not ready
//   readiness.Hold("draining");
//   readiness.Release("reconciling");  // still not
//   readiness.Release("draining");     // ready
//
// A reason is one word, the same every time: it is a label of a metric.
// Thread-safe.
class Readiness {
 public:
  // Nothing if it is held for that reason already.
  void Hold(absl::string_view reason) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    held_[std::string(reason)] = true;
    Tell();
  }
  // Nothing if it is not held for that reason.
  void Release(absl::string_view reason) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    const auto it = held_.find(std::string(reason));
    if (it == held_.end()) return;
    it->second = false;
    Tell();
  }
  // The one or the other.
  void Set(absl::string_view reason, bool held) ABSL_LOCKS_EXCLUDED(mutex_) {
    if (held) {
      Hold(reason);
    } else {
      Release(reason);
    }
  }

  bool ready() const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    return IsReady();
  }
  // Every reason that there ever was, and whether it holds now.
  std::map<std::string, bool> reasons() const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    return held_;
  }

  // Calls `listener` with ready(), now and at every change, with a lock held
  // that no method of this may be called under. Null ends that; there is one.
  void Listen(std::function<void(bool)> listener) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    listener_ = std::move(listener);
    Tell();
  }

 private:
  bool IsReady() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::none_of(held_.begin(), held_.end(),
                        [](const auto& reason) { return reason.second; });
  }
  void Tell() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (listener_ != nullptr) listener_(IsReady());
  }

  mutable Mutex mutex_;
  std::map<std::string, bool> held_ ABSL_GUARDED_BY(mutex_);
  std::function<void(bool)> listener_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_READINESS_H_
