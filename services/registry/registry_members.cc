// RegistryState's members: who joins, in which rank and for how long, and what
// goes with those who leave.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/message_differencer.h"
#include "google/protobuf/util/time_util.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "services/registry/check_name.h"
#include "services/registry/registry_state.h"
#include "services/registry/registry_store.h"
#include "services/registry/stored_records.h"

namespace fairlead {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::google::protobuf::util::TimeUtil;

// More than a thread that is due may wait for a processor.
constexpr absl::Duration kLate = absl::Milliseconds(500);

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Nanoseconds(TimeUtil::DurationToNanoseconds(duration));
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  return TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(duration));
}

bool IsService(v1::Role role) {
  return role == v1::ROLE_SAMPLER_POOL || role == v1::ROLE_CHANNEL_GATEWAY;
}

}  // namespace

void RegistryState::ApplyMember(const v1::MemberRecord& record,
                                absl::Duration now) {
  const uint64_t id = record.member().member_id();
  const auto [it, is_new] = members_.try_emplace(id);
  MemberEntry& entry = it->second;
  if (is_new || entry.record.away() != record.away() ||
      !MessageDifferencer::Equals(entry.member(), record.member())) {
    changed_members_.insert(id);
  }
  if (record.member().role() == v1::ROLE_SAMPLER_POOL &&
      (is_new || entry.record.away() != record.away() ||
       entry.member().incarnation() != record.member().incarnation())) {
    entry.lacks_since = now;
  }
  entry.record = record;
  entry.expires_at = absl::InfiniteDuration();
  if (record.home() == incarnation_) {
    entry.expires_at =
        now + (record.away()
                   ? limits_.max_lease
                   : FromProto(record.lease()) /
                         (int64_t{1} << std::min(record.lives_lost(), 6u)));
  }
  member_by_name_[record.member().member_name()] = id;
}

// Pools of one dataset must have it in the same partitions, or they would ask
// each other for what is elsewhere.
absl::Status RegistryState::CheckDataset(const v1::JoinRequest& request) const {
  if (!request.has_dataset()) return absl::OkStatus();
  const v1::DatasetPartition& dataset = request.dataset();
  if (dataset.partition() >= dataset.num_partitions()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "dataset: partition ", dataset.partition(), " of ",
        dataset.num_partitions(), "; partitions are numbered from 0"));
  }
  for (const auto& [id, entry] : members_) {
    const v1::DatasetPartition& other = entry.member().dataset();
    if (entry.record.away() ||
        entry.member().member_name() == request.member_name() ||
        other.name() != dataset.name() || other.num_partitions() == 0 ||
        other.num_partitions() == dataset.num_partitions()) {
      continue;
    }
    return absl::FailedPreconditionError(absl::StrCat(
        "dataset ", dataset.name(), ": is in ", dataset.num_partitions(),
        " partitions here and in ", other.num_partitions(), " at ",
        entry.member().member_name(),
        "; serve the same folder on all sampler pools, or name it otherwise"));
  }
  return absl::OkStatus();
}

absl::StatusOr<RegistryState::Planned<v1::JoinResponse>>
RegistryState::PlanJoin(const v1::JoinRequest& request,
                        const std::string& job) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckName("member_name", request.member_name()));
  if (!IsService(request.role()) && request.role() != v1::ROLE_TRAINER) {
    return absl::InvalidArgumentError(
        absl::StrCat("role: ", request.role(), " is no role"));
  }
  if (IsService(request.role()) &&
      (request.address().empty() || request.shm_domain().empty())) {
    return absl::InvalidArgumentError(
        "address, shm_domain: a sampler pool and a gateway must give both");
  }
  if (request.has_lease() && request.lease().seconds() < 0) {
    return absl::InvalidArgumentError("lease: must not be negative");
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckDataset(request));
  v1::MemberRecord record;
  v1::Member& member = *record.mutable_member();
  Planned<v1::JoinResponse> planned;
  const auto known = member_by_name_.find(request.member_name());
  if (known != member_by_name_.end()) {
    member = members_.at(known->second).member();
    if (member.role() != request.role()) {
      return absl::FailedPreconditionError(
          absl::StrCat("member_name: ", request.member_name(), " is held by a ",
                       v1::Role_Name(member.role()), "; choose another name"));
    }
  } else {
    if (members_.size() >= limits_.max_members) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the cluster has --max_members=", limits_.max_members,
                       " members already"));
    }
    std::set<uint32_t> taken;
    for (const auto& [id, entry] : members_) {
      if (entry.member().role() == request.role()) {
        taken.insert(entry.member().rank());
      }
    }
    uint32_t rank = 0;
    while (taken.contains(rank)) ++rank;
    v1::IdCounters ids = ids_;
    member.set_member_id(ids.next_member_id());
    member.set_member_name(request.member_name());
    member.set_role(request.role());
    member.set_rank(rank);
    ids.set_next_member_id(ids.next_member_id() + 1);
    planned.writes.push_back(Put(ids));
  }
  member.set_address(request.address());
  member.set_metrics_address(request.metrics_address());
  member.set_shm_domain(request.shm_domain());
  *member.mutable_dataset() = request.dataset();
  member.set_incarnation(request.incarnation());
  member.set_job(job);
  const absl::Duration asked = FromProto(request.lease());
  const absl::Duration lease =
      std::min(asked > absl::ZeroDuration() ? asked : limits_.default_lease,
               limits_.max_lease);
  *record.mutable_lease() = ToProto(lease);
  record.set_home(incarnation_);
  planned.writes.push_back(Put(record));
  planned.answer.set_member_id(member.member_id());
  planned.answer.set_rank(member.rank());
  *planned.answer.mutable_lease() = record.lease();
  planned.answer.set_registry_incarnation(incarnation_);
  return planned;
}

RegistryState::Writes RegistryState::PlanAdopt(
    const std::set<uint64_t>& live) const {
  Writes writes;
  for (const auto& [id, entry] : members_) {
    if (live.contains(entry.record.home())) continue;
    v1::MemberRecord adopted = entry.record;
    adopted.set_home(incarnation_);
    adopted.set_lives_lost(adopted.lives_lost() + 1);
    writes.push_back(Put(adopted));
  }
  return writes;
}

absl::StatusOr<RegistryState::Renewal> RegistryState::RenewLease(
    uint64_t member_id, const std::string& member_name, uint64_t incarnation,
    absl::Duration now) {
  const auto named = member_by_name_.find(member_name);
  if (named != member_by_name_.end() &&
      IsReplaced(named->second, incarnation)) {
    const v1::Member& other = members_.at(named->second).member();
    return absl::AbortedError(absl::StrCat(
        "member ", member_name, ": another process has joined under this name",
        other.address().empty() ? "" : ", at ", other.address(),
        "; this one was replaced: end it, or give each a name of its own"));
  }
  const auto it = members_.find(member_id);
  if (it == members_.end() || it->second.record.away() ||
      it->second.member().member_name() != member_name) {
    return absl::NotFoundError(absl::StrCat(
        "member ", member_id,
        ": its lease ran out and what it made has been reclaimed; join again"));
  }
  const absl::Duration lease = FromProto(it->second.record.lease());
  if (it->second.record.home() == incarnation_) {
    it->second.expires_at = now + lease;
  }
  return Renewal{.lease = lease, .draining = it->second.member().draining()};
}

RegistryState::Planned<std::vector<RegistryState::Ended>>
RegistryState::PlanLeave(uint64_t member_id) const {
  Planned<std::vector<Ended>> planned;
  const auto it = members_.find(member_id);
  if (it == members_.end()) return planned;
  const v1::Member& member = it->second.member();
  planned.writes = gathers_.PlanLeave(
      member_id, member.member_name(),
      [this](uint64_t id) { return FindMember(id) != nullptr; });
  if (member.role() == v1::ROLE_TRAINER) {
    for (const auto& [id, channel] : channels_) {
      if (channel.owner_member_id() != member_id) continue;
      planned.writes.push_back({ChannelKey(id), std::nullopt});
      planned.answer.push_back({id, PoolRank(channel)});
    }
    for (const auto& [id, backend] : backends_) {
      v1::BackendRecord left = backend;
      auto* users = left.mutable_user_member_ids();
      users->erase(std::remove(users->begin(), users->end(), member_id),
                   users->end());
      if (users->size() == backend.user_member_ids_size()) continue;
      if (users->empty()) {
        planned.writes.push_back({BackendKey(id), std::nullopt});
      } else {
        planned.writes.push_back(Put(left));
      }
    }
  }
  const bool is_pointed_at =
      member.role() == v1::ROLE_SAMPLER_POOL && ChannelsAt(member.rank()) > 0;
  if (is_pointed_at) {
    v1::MemberRecord away = it->second.record;
    away.set_home(incarnation_);
    away.set_away(true);
    away.mutable_member()->set_draining(false);  // it was for the membership
    planned.writes.push_back(Put(away));
  } else {
    planned.writes.push_back({MemberKey(member_id), std::nullopt});
  }
  return planned;
}

RegistryState::Planned<std::vector<RegistryState::Ended>>
RegistryState::PlanExpiry(uint64_t member_id, absl::Duration now) const {
  const auto it = members_.find(member_id);
  if (it == members_.end() || it->second.expires_at > now) return {};
  return PlanLeave(member_id);
}

void RegistryState::PardonLateExpiries(absl::Duration now) {
  if (NextExpiry() + kLate >= now) return;
  for (auto& [id, entry] : members_) {
    if (entry.record.home() == incarnation_) {
      entry.expires_at = now + FromProto(entry.record.lease());
    }
  }
}

bool RegistryState::IsReplaced(uint64_t member_id, uint64_t incarnation) const {
  const v1::Member* const member = FindMember(member_id);
  return member != nullptr && member->incarnation() != incarnation;
}

bool RegistryState::IsAway(uint64_t member_id) const {
  const auto it = members_.find(member_id);
  return it != members_.end() && it->second.record.away();
}

const v1::Member* RegistryState::FindMemberByName(
    const std::string& name) const {
  const auto it = member_by_name_.find(name);
  return it == member_by_name_.end() ? nullptr
                                     : &members_.at(it->second).member();
}

const v1::Member* RegistryState::FindMember(uint64_t member_id) const {
  const auto it = members_.find(member_id);
  if (it == members_.end() || it->second.record.away()) return nullptr;
  return &it->second.member();
}

absl::btree_set<uint64_t> RegistryState::TakeChangedMembers() {
  return std::exchange(changed_members_, {});
}

std::vector<uint64_t> RegistryState::Expired(absl::Duration now) const {
  std::vector<uint64_t> expired;
  for (const auto& [id, entry] : members_) {
    if (entry.expires_at <= now) expired.push_back(id);
  }
  return expired;
}

absl::Duration RegistryState::NextExpiry() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [id, entry] : members_) {
    next = std::min(next, entry.expires_at);
  }
  return next;
}

v1::ListMembersResponse RegistryState::ListMembers(v1::Role role) const {
  std::vector<const v1::Member*> live;
  for (const auto& [id, entry] : members_) {
    if (entry.record.away()) continue;
    if (role != v1::ROLE_UNSPECIFIED && entry.member().role() != role) continue;
    live.push_back(&entry.member());
  }
  std::sort(live.begin(), live.end(),
            [](const v1::Member* a, const v1::Member* b) {
              return std::pair(a->role(), a->rank()) <
                     std::pair(b->role(), b->rank());
            });
  v1::ListMembersResponse response;
  for (const v1::Member* member : live) *response.add_members() = *member;
  return response;
}

const v1::MemberRecord* RegistryState::PoolOf(uint32_t rank) const {
  for (const auto& [id, entry] : members_) {
    if (entry.member().role() == v1::ROLE_SAMPLER_POOL &&
        entry.member().rank() == rank) {
      return &entry.record;
    }
  }
  return nullptr;
}

absl::StatusOr<v1::Member> RegistryState::FindPool(uint32_t rank) const {
  const v1::MemberRecord* const pool = PoolOf(rank);
  if (pool == nullptr) {
    return absl::UnavailableError(absl::StrCat(
        "no sampler pool with server_rank ", rank,
        " has joined; start one with --registry pointing here, and try again"));
  }
  if (!pool->away()) return pool->member();
  return absl::UnavailableError(absl::StrCat(
      "sampler pool ", pool->member().member_name(), " (server_rank ", rank,
      ") is away; try again when it has joined again"));
}

absl::StatusOr<v1::Member> RegistryState::FindGateway(
    const std::string& shm_domain) const {
  const v1::Member* found = nullptr;
  for (const auto& [id, entry] : members_) {
    const v1::Member& member = entry.member();
    if (member.role() != v1::ROLE_CHANNEL_GATEWAY ||
        member.shm_domain() != shm_domain || entry.record.away()) {
      continue;
    }
    if (!member.draining()) return member;
    if (found == nullptr) found = &member;
  }
  if (found != nullptr) return *found;  // better than none
  return absl::UnavailableError(absl::StrCat(
      "no channel gateway shares the sampler pool's shared memory folder (",
      shm_domain,
      "); start one on that host with the pool's --shm_dir, and try again"));
}

}  // namespace fairlead
