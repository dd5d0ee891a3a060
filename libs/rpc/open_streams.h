#ifndef FAIRLEAD_LIBS_RPC_OPEN_STREAMS_H_
#define FAIRLEAD_LIBS_RPC_OPEN_STREAMS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/sync/mutex.h"

namespace fairlead::rpc {

// How many streams each client holds open (a client is what ClientOf says), so
// that one cannot take them all. Thread-safe; must outlive the streams.
class OpenStreams {
 public:
  // Of one client.
  explicit OpenStreams(int64_t most) : most_(most) {}

  // For as long as this lives a stream counts.
  using Place = std::shared_ptr<void>;

  // RESOURCE_EXHAUSTED, naming the flag, if the client has as many as it may.
  absl::StatusOr<Place> Open(const std::string& client)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    int64_t& open = open_[client];
    if (open >= most_) {
      if (open == 0) open_.erase(client);
      return absl::ResourceExhaustedError(
          absl::StrCat(client, ": has --max_streams_per_client=", most_,
                       " open streams already"));
    }
    ++open;
    return Place(nullptr, [this, client](void*) { Close(client); });
  }

 private:
  void Close(const std::string& client) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    const auto it = open_.find(client);
    if (--it->second == 0) open_.erase(it);
  }

  const int64_t most_;
  Mutex mutex_;
  std::map<std::string, int64_t> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_OPEN_STREAMS_H_
