#include "libs/tensor_mesh/in_memory_rendezvous.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace fairlead {
namespace {

constexpr uint64_t kRemembered = 256;

// What a gather waits for. Used under the meeting's lock.
struct Wanted {
  InMemoryRendezvous::Meeting* meeting;
  const InMemoryRendezvous::Meeting::Gather* gather;
  absl::Span<const uint32_t> members;

  std::vector<uint32_t> Missing() const {
    std::vector<uint32_t> missing;
    for (const uint32_t member : members) {
      if (!gather->values.contains(member)) missing.push_back(member);
    }
    return missing;
  }
  bool IsDecided() const ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const std::vector<uint32_t> missing = Missing();
    for (const uint32_t member : missing) {
      if (meeting->gone.contains(member)) return true;
    }
    return missing.empty();
  }
};

}  // namespace

absl::StatusOr<std::vector<std::string>> InMemoryRendezvous::AllGather(
    const std::string& key, absl::Span<const uint32_t> members,
    const std::string& value, absl::Time deadline) {
  if (std::find(members.begin(), members.end(), member_) == members.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        key, ": member ", member_, " is not among those who gather"));
  }
  MutexLock lock(&meeting_->mutex);
  auto [entry, is_new] = meeting_->gathers.try_emplace(key);
  if (is_new) entry->second = std::make_shared<Meeting::Gather>();
  const std::shared_ptr<Meeting::Gather> gather = entry->second;
  if (is_new) {
    gather->number = meeting_->gathers_begun++;
    for (auto old = meeting_->gathers.begin();
         old != meeting_->gathers.end();) {
      const bool is_old =
          old->second->number + kRemembered < meeting_->gathers_begun;
      old = is_old ? meeting_->gathers.erase(old) : std::next(old);
    }
  }
  const auto [given, is_first] = gather->values.try_emplace(member_, value);
  if (!is_first && given->second != value) {
    return absl::AlreadyExistsError(absl::StrCat(
        key, ": member ", member_,
        " has given another value; two processes have one role and rank"));
  }
  const Wanted wanted{meeting_.get(), gather.get(), members};
  meeting_->mutex.AwaitWithDeadline(
      absl::Condition(&wanted, &Wanted::IsDecided), deadline);
  const std::vector<uint32_t> missing = wanted.Missing();
  for (const uint32_t member : missing) {
    if (meeting_->gone.contains(member)) {
      return absl::UnavailableError(
          absl::StrCat(key, ": member ", member, " is gone"));
    }
  }
  if (!missing.empty()) {
    return absl::DeadlineExceededError(absl::StrCat(
        key, ": waited in vain for members ", absl::StrJoin(missing, ", ")));
  }
  std::vector<std::string> values;
  for (const uint32_t member : members) {
    values.push_back(gather->values.at(member));
  }
  return values;
}

void InMemoryRendezvous::WatchGone(
    std::function<void(uint32_t member)> on_gone) {
  MutexLock lock(&meeting_->mutex);
  if (on_gone == nullptr) {
    meeting_->watches.erase(member_);
    return;
  }
  for (const uint32_t member : meeting_->gone) {
    if (member != member_) on_gone(member);
  }
  meeting_->watches[member_] = std::move(on_gone);
}

void InMemoryRendezvous::Leave() {
  MutexLock lock(&meeting_->mutex);
  meeting_->watches.erase(member_);
  if (!meeting_->gone.insert(member_).second) return;
  for (const auto& [member, on_gone] : meeting_->watches) on_gone(member_);
}

}  // namespace fairlead
