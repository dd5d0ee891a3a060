#ifndef FAIRLEAD_SERVICES_REGISTRY_ETCD_WATCH_H_
#define FAIRLEAD_SERVICES_REGISTRY_ETCD_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "libs/sync/mutex.h"
#include "services/registry/etcd_client.h"
#include "services/registry/registry_store.h"
#include "third_party/etcd/rpc.pb.h"

namespace fairlead {

// What was committed to an etcd store of late, as a watch tells it: a list in
// memory, so that what others wrote need not be asked for.
//
// The list reaches back to the time the watch began, to the last compaction
// that overtook it, or as far as 16 MiB go. A stream that breaks is opened
// again where it was. Thread-safe.
class EtcdWatch {
 public:
  struct Options {
    std::vector<std::string> endpoints;
    std::shared_ptr<rpc::Security> security;
    absl::Duration call_deadline;
    // The keys to watch: all of a store's but its chunks, from `begin` up to
    // `end`. A commit is a revision in which `version` was written; what is
    // under `records` was written by it.
    std::string begin;
    std::string end;
    std::string version;
    std::string records;
  };
  struct Commit {
    int64_t revision = 0;
    std::vector<StoreWrite> writes;  // values as they are in etcd
  };

  explicit EtcdWatch(Options options);
  ~EtcdWatch();  // ends the calls of `changed`, too

  // All commits after `revision`, up to `until` at least, which is known to be
  // one; waits for them. nullopt if the list does not reach back so far, or the
  // watch is too slow: then read everything.
  std::optional<std::vector<Commit>> Since(int64_t revision, int64_t until)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // A read at revision `read_at` of etcd found that `last_commit` was the last.
  void NoteLastCommit(int64_t last_commit, int64_t read_at)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Has `changed` called after each commit later than those that the owner
  // knows, after anything else happened to the keys, and when the list begins.
  // From a thread of its own. Call it once at most.
  void Notify(std::function<void()> changed);
  // The owner knows all commits up to this one.
  void NoteKnown(int64_t revision) ABSL_LOCKS_EXCLUDED(mutex_);
  // While the owner commits, it is told nothing: what the watch sees may be its
  // own commit. `known` is that commit, or 0 if there is none.
  void BeginCommit() ABSL_LOCKS_EXCLUDED(mutex_);
  void EndCommit(int64_t known) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Keeps a stream open.
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // False if the stream is of no more use.
  bool TakeIn(const etcdserverpb::WatchResponse& response)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void TakeInEvent(const mvccpb::Event& event)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LoseHistory() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  bool AwaitNews() ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ ||
           (commits_under_way_ == 0 && (events_ > 0 || last_commit_ > known_));
  }

  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  const Options options_;
  EtcdClient client_;

  Mutex mutex_;
  // Whatever happened at these revisions or before was delivered; 0: no stream
  // was opened since the list was lost.
  int64_t delivered_ ABSL_GUARDED_BY(mutex_) = 0;
  // All commits after this one are in history_, once they are delivered.
  int64_t complete_after_ ABSL_GUARDED_BY(mutex_) = kNever;
  std::deque<Commit> history_ ABSL_GUARDED_BY(mutex_);
  size_t history_bytes_ ABSL_GUARDED_BY(mutex_) = 0;

  int64_t last_commit_ ABSL_GUARDED_BY(mutex_) = 0;  // that was delivered
  // What the owner knows, or was told that there is.
  int64_t known_ ABSL_GUARDED_BY(mutex_) = 0;
  int commits_under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  // What happened besides commits, since `changed` was called.
  int64_t events_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread stream_thread_;
  std::thread notify_thread_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_ETCD_WATCH_H_
