#include "libs/tensor_mesh/registry_rendezvous.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/backoff.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

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
  const absl::StatusOr<std::vector<Rendezvous::Value>> gathered =
      group->AllGather(value, deadline - absl::Now());
  if (absl::IsAborted(gathered.status())) {
    return absl::UnavailableError(
        absl::StrCat(key, ": ", gathered.status().message()));
  }
  if (!gathered.ok()) return gathered.status();
  std::vector<std::string> values;
  MutexLock lock(&mutex_);
  for (size_t i = 0; i < gathered->size(); ++i) {
    number_of_[(*gathered)[i].member_name] = members[i];
    values.push_back((*gathered)[i].value);
  }
  return values;
}

void RegistryRendezvous::WatchGone(
    std::function<void(uint32_t member)> on_gone) {
  MutexLock watch_lock(&watch_mutex_);
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    if (stream_ != nullptr) stream_->TryCancel();
  }
  if (watch_.joinable()) watch_.join();
  if (on_gone == nullptr) return;
  {
    MutexLock lock(&mutex_);
    stopping_ = false;
  }
  watch_ =
      std::thread([this, on_gone = std::move(on_gone)] { Watch(on_gone); });
}

void RegistryRendezvous::Watch(const std::function<void(uint32_t)>& on_gone) {
  rpc::Backoff backoff(/*seed=*/member_);
  std::set<uint32_t> told;
  while (true) {
    ReadStream(on_gone, told);
    MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&stopping_), backoff.Next());
    if (stopping_) return;
  }
}

void RegistryRendezvous::ReadStream(
    const std::function<void(uint32_t)>& on_gone, std::set<uint32_t>& told) {
  auto context = std::make_shared<grpc::ClientContext>();
  std::map<std::string, uint32_t> number_of;
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    stream_ = context;
    number_of = number_of_;
  }
  v1::WatchMembersRequest request;
  request.set_role(v1::ROLE_TRAINER);
  const auto reader = membership_.stub().WatchMembers(context.get(), request);
  std::map<uint64_t, std::string> name_of;
  const auto tell = [&](const std::string& name) {
    const auto found = number_of.find(name);
    if (found == number_of.end() || found->second == member_) return;
    if (told.insert(found->second).second) on_gone(found->second);
  };
  v1::WatchMembersResponse response;
  for (bool is_first = true; reader->Read(&response); is_first = false) {
    std::set<std::string> living;
    for (const v1::Member& member : response.members()) {
      name_of[member.member_id()] = member.member_name();
      living.insert(member.member_name());
    }
    for (const uint64_t id : response.left()) tell(name_of[id]);
    if (!is_first) continue;
    // All there are: who is not among them went before.
    for (const auto& [name, number] : number_of) {
      if (!living.contains(name)) tell(name);
    }
  }
  reader->Finish();
}

}  // namespace fairlead
