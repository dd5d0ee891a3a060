#include "libs/tensor_mesh/registry_rendezvous.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

// A call to the registry asks for the values for so long; in between is looked
// for members that are gone, of which the registry says nothing if they have
// not taken part in just this gather.
constexpr absl::Duration kAsk = absl::Seconds(1);
// A gather that is complete is answered at once.
constexpr absl::Duration kAskOnce = absl::Milliseconds(1);

constexpr absl::Duration kToJoin = absl::Seconds(2);

// "mesh/barrier-7/12" is a round of "mesh/barrier-7".
std::string GroupOf(const std::string& key) {
  const size_t slash = key.rfind('/');
  const bool has_number =
      slash != std::string::npos && slash + 1 < key.size() &&
      std::all_of(key.begin() + static_cast<int64_t>(slash) + 1, key.end(),
                  absl::ascii_isdigit);
  return has_number ? key.substr(0, slash) : key;
}

}  // namespace

std::string RegistryRendezvous::NameOf(const std::string& job,
                                       uint32_t member) {
  return absl::StrCat(job, "/", member);
}

absl::StatusOr<std::unique_ptr<RegistryRendezvous>> RegistryRendezvous::Join(
    Membership* membership, const std::string& job, uint32_t member) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<MemberWatch> living,
      MemberWatch::Start({.registry = membership->registry(),
                          .role = v1::ROLE_TRAINER,
                          .name_prefix = absl::StrCat(job, "/")}));
  const std::string name = NameOf(job, member);
  const uint64_t id = membership->member_id();
  const bool has_joined = living->Await(
      [&name, id](const MemberWatch::Members& members) {
        const auto found = members.find(name);
        return found != members.end() && found->second.member_id() == id;
      },
      absl::Now() + kToJoin);
  if (!has_joined) {
    return absl::FailedPreconditionError(absl::StrCat(
        "rendezvous of ", job, ": this process has not joined as ", name,
        ", with ROLE_TRAINER, so the others would not know "
        "when it is gone; join under that name"));
  }
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<RegistryRendezvous>(
      new RegistryRendezvous(membership, job, member, std::move(living)));
}

RegistryRendezvous::RegistryRendezvous(Membership* membership, std::string job,
                                       uint32_t member,
                                       std::unique_ptr<MemberWatch> living)
    : membership_(*membership),
      job_(std::move(job)),
      member_(member),
      living_(std::move(living)),
      thread_([this] { Run(); }) {}

RegistryRendezvous::~RegistryRendezvous() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  living_->Reconsider();
  thread_.join();
}

std::set<uint32_t> RegistryRendezvous::Gone(
    const MemberWatch::Members& living) {
  std::set<uint32_t> there;
  for (const auto& [name, member] : living) {
    absl::string_view number = name;
    uint32_t each = 0;
    if (absl::ConsumePrefix(&number, absl::StrCat(job_, "/")) &&
        absl::SimpleAtoi(number, &each)) {
      there.insert(each);
    }
  }
  std::set<uint32_t> gone;
  MutexLock lock(&mutex_);
  known_.insert(there.begin(), there.end());
  std::set_difference(known_.begin(), known_.end(), there.begin(), there.end(),
                      std::inserter(gone, gone.end()));
  gone.erase(member_);
  return gone;
}

absl::StatusOr<std::vector<std::string>> RegistryRendezvous::AllGather(
    const std::string& key, absl::Span<const uint32_t> members,
    const std::string& value, absl::Time deadline) {
  const auto self = std::find(members.begin(), members.end(), member_);
  if (self == members.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        key, ": member ", member_, " is not among those who gather"));
  }
  std::shared_ptr<Rendezvous> group;
  {
    MutexLock lock(&mutex_);
    std::shared_ptr<Rendezvous>& known = groups_[GroupOf(key)];
    if (known == nullptr) {
      known = std::make_shared<Rendezvous>(
          &membership_, GroupOf(key), static_cast<uint32_t>(members.size()),
          static_cast<uint32_t>(self - members.begin()));
    }
    group = known;
  }
  while (true) {
    // Before the values are asked for: one that gave its value and ended is no
    // loss.
    const std::set<uint32_t> gone = Gone(living_->members());
    const auto lost =
        std::find_if(members.begin(), members.end(),
                     [&gone](uint32_t each) { return gone.contains(each); });
    const absl::Duration left = deadline - absl::Now();
    const absl::StatusOr<std::vector<Rendezvous::Value>> gathered =
        group->AllGather(
            value, std::min(left, lost == members.end() ? kAsk : kAskOnce));
    if (gathered.ok()) {
      std::vector<std::string> values;
      for (const Rendezvous::Value& each : *gathered) {
        values.push_back(each.value);
      }
      return values;
    }
    if (absl::IsAborted(gathered.status())) {
      return absl::UnavailableError(
          absl::StrCat(key, ": ", gathered.status().message()));
    }
    if (!absl::IsDeadlineExceeded(gathered.status())) return gathered.status();
    if (lost != members.end()) {
      return absl::UnavailableError(absl::StrCat(
          key, ": member ", *lost, " is gone (", NameOf(job_, *lost),
          " left the registry, or its lease "
          "has ended)"));
    }
    if (left <= kAsk) return gathered.status();
  }
}

void RegistryRendezvous::WatchGone(
    std::function<void(uint32_t member)> on_gone) {
  {
    MutexLock lock(&call_mutex_);
    on_gone_ = std::move(on_gone);
    told_.clear();
  }
  Tell(Gone(living_->members()));
}

void RegistryRendezvous::Tell(const std::set<uint32_t>& gone) {
  MutexLock lock(&call_mutex_);
  if (on_gone_ == nullptr) return;
  for (const uint32_t member : gone) {
    if (told_.insert(member).second) on_gone_(member);
  }
}

void RegistryRendezvous::Run() {
  std::set<uint32_t> gone;
  while (true) {
    const std::set<uint32_t> before = gone;
    living_->Await(
        [&](const MemberWatch::Members& members) {
          gone = Gone(members);
          MutexLock lock(&mutex_);
          return stopping_ || gone != before;
        },
        absl::InfiniteFuture());
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
    }
    Tell(gone);
  }
}

}  // namespace fairlead
