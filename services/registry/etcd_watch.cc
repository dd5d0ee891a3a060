#include "services/registry/etcd_watch.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/rpc/backoff.h"

namespace fairlead {
namespace {

constexpr size_t kMaxHistoryBytes = size_t{16} << 20;
constexpr size_t kCommitBytes = 64;  // of one without writes

// A stream is opened anew after this long, whatever it looks like.
constexpr absl::Duration kStreamDeadline = absl::Minutes(10);

size_t Bytes(const StoreWrite& write) {
  return sizeof(write) + write.key.size() + write.value.value_or("").size();
}

size_t Bytes(const EtcdWatch::Commit& commit) {
  size_t bytes = kCommitBytes;
  for (const StoreWrite& write : commit.writes) bytes += Bytes(write);
  return bytes;
}

}  // namespace

EtcdWatch::EtcdWatch(Options options)
    : options_(std::move(options)),
      client_(options_.endpoints, options_.call_deadline, options_.security),
      stream_thread_([this] { Run(); }) {}

EtcdWatch::~EtcdWatch() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  client_.Stop();
  stream_thread_.join();
  if (notify_thread_.joinable()) notify_thread_.join();
}

void EtcdWatch::Run() {
  rpc::Backoff backoff(absl::Uniform<uint64_t>(absl::BitGen()),
                       absl::Milliseconds(20), absl::Milliseconds(500));
  while (true) {
    etcdserverpb::WatchCreateRequest request;
    request.set_key(options_.begin);
    request.set_range_end(options_.end);
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
      if (delivered_ > 0) request.set_start_revision(delivered_ + 1);
    }
    // How it ended does not matter: whoever needs what it missed hears why it
    // cannot be had.
    client_
        .Watch(request, kStreamDeadline,
               [&](const etcdserverpb::WatchResponse& response) {
                 backoff.Reset();
                 return TakeIn(response);
               })
        .IgnoreError();
    MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&stopping_), backoff.Next());
  }
}

bool EtcdWatch::TakeIn(const etcdserverpb::WatchResponse& response) {
  MutexLock lock(&mutex_);
  // Compacted away, or the work of an etcd that was made anew.
  if (response.compact_revision() > 0 ||
      (response.created() && response.header().revision() < delivered_)) {
    LoseHistory();
    return false;
  }
  if (response.canceled()) return false;
  if (response.created() && delivered_ == 0) {
    delivered_ = complete_after_ = response.header().revision();
    ++events_;  // what happened before that, nobody was told of
  }
  for (const mvccpb::Event& event : response.events()) TakeInEvent(event);
  while (history_bytes_ > kMaxHistoryBytes) {
    complete_after_ = history_.front().revision;
    history_bytes_ -= Bytes(history_.front());
    history_.pop_front();
  }
  return true;
}

void EtcdWatch::TakeInEvent(const mvccpb::Event& event) {
  const std::string& key = event.kv().key();
  const int64_t revision = event.kv().mod_revision();
  // All events of a revision come in one response.
  delivered_ = revision;
  const bool is_record = absl::StartsWith(key, options_.records);
  if (!is_record && key != options_.version) {
    ++events_;
    return;
  }
  last_commit_ = revision;
  if (history_.empty() || history_.back().revision != revision) {
    history_.push_back({.revision = revision});
    history_bytes_ += kCommitBytes;
  }
  if (!is_record) return;
  StoreWrite write{std::string(absl::StripPrefix(key, options_.records))};
  if (event.type() == mvccpb::Event::PUT) write.value = event.kv().value();
  history_bytes_ += Bytes(write);
  history_.back().writes.push_back(std::move(write));
}

void EtcdWatch::LoseHistory() {
  delivered_ = 0;
  complete_after_ = kNever;
  history_.clear();
  history_bytes_ = 0;
  last_commit_ = 0;
  known_ = 0;
}

std::optional<std::vector<EtcdWatch::Commit>> EtcdWatch::Since(int64_t revision,
                                                               int64_t until) {
  MutexLock lock(&mutex_);
  const auto settled = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || revision < complete_after_ || until <= delivered_;
  };
  if (!mutex_.AwaitWithTimeout(absl::Condition(&settled),
                               options_.call_deadline)) {
    // It may hang: another member may be quicker.
    client_.BreakCalls();
    return std::nullopt;
  }
  if (stopping_ || revision < complete_after_) return std::nullopt;
  const auto first = std::partition_point(
      history_.begin(), history_.end(),
      [&](const Commit& commit) { return commit.revision <= revision; });
  return std::vector<Commit>(first, history_.end());
}

void EtcdWatch::NoteLastCommit(int64_t last_commit, int64_t read_at) {
  MutexLock lock(&mutex_);
  // There was no commit between the two, so the list misses none.
  if (last_commit < complete_after_ && complete_after_ <= read_at) {
    complete_after_ = last_commit;
  }
}

void EtcdWatch::Notify(std::function<void()> changed) {
  notify_thread_ = std::thread([this, changed = std::move(changed)] {
    while (AwaitNews()) changed();
  });
}

bool EtcdWatch::AwaitNews() {
  MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &EtcdWatch::HasNews));
  events_ = 0;
  known_ = std::max(known_, last_commit_);
  return !stopping_;
}

void EtcdWatch::BeginCommit() {
  MutexLock lock(&mutex_);
  ++commits_under_way_;
}

void EtcdWatch::EndCommit(int64_t known) {
  MutexLock lock(&mutex_);
  --commits_under_way_;
  known_ = std::max(known_, known);
}

void EtcdWatch::NoteKnown(int64_t revision) {
  MutexLock lock(&mutex_);
  known_ = std::max(known_, revision);
}

}  // namespace fairlead
