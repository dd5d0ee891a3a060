#include "libs/tensor_mesh/in_memory_rendezvous.h"

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace fairlead {

InMemoryRendezvous::~InMemoryRendezvous() {
  MutexLock lock(&meeting_->mutex);
  meeting_->watches.erase(this);
  const auto poster = meeting_->posters.find(member_);
  if (poster == meeting_->posters.end() || poster->second != this) return;
  meeting_->posters.erase(poster);
  meeting_->lines.erase(member_);
  for (const auto& [member, on_change] : meeting_->watches) {
    on_change(meeting_->lines);
  }
}

absl::Status InMemoryRendezvous::Post(const std::string& line,
                                      absl::Time /*deadline*/) {
  MutexLock lock(&meeting_->mutex);
  const auto [poster, is_first] = meeting_->posters.try_emplace(member_, this);
  if (poster->second != this) {
    return absl::AlreadyExistsError(absl::StrCat(
        "member ", member_, " is there; two processes have one role and rank"));
  }
  meeting_->lines[member_] = line;
  for (const auto& [member, on_change] : meeting_->watches) {
    on_change(meeting_->lines);
  }
  return absl::OkStatus();
}

void InMemoryRendezvous::Watch(std::function<void(const Lines&)> on_change) {
  MutexLock lock(&meeting_->mutex);
  if (on_change == nullptr) {
    meeting_->watches.erase(this);
    return;
  }
  on_change(meeting_->lines);
  meeting_->watches[this] = std::move(on_change);
}

}  // namespace fairlead
