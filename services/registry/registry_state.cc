#include "services/registry/registry_state.h"

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
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/util/message_differencer.h"
#include "google/protobuf/util/time_util.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "services/registry/registry_store.h"

namespace fairlead {
namespace {

using ::google::protobuf::util::MessageDifferencer;

constexpr char kIdsKey[] = "ids";
constexpr size_t kMaxNameLength = 128;
constexpr int kUpdateIdsKept = 16;
// More than a thread that is due may wait for a processor.
constexpr absl::Duration kLate = absl::Milliseconds(500);

// Ids are padded so that keys sort as numbers do.
std::string Key(absl::string_view kind, uint64_t id) {
  return absl::StrFormat("%s/%020u", kind, id);
}
std::string MemberKey(uint64_t id) { return Key("member", id); }
std::string BackendKey(uint64_t id) { return Key("backend", id); }
std::string ChannelKeyOf(uint64_t id) { return Key("channel", id); }

absl::Status CheckName(absl::string_view field, const std::string& name) {
  const bool good =
      !name.empty() && name.size() <= kMaxNameLength &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) ||
               absl::string_view("._/:-").find(static_cast<char>(c)) !=
                   absl::string_view::npos;
      });
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": \"", name, "\" must be 1 to ", kMaxNameLength,
                   " characters of [A-Za-z0-9._/:-]"));
}

using google::protobuf::util::TimeUtil;

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Nanoseconds(TimeUtil::DurationToNanoseconds(duration));
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  return TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(duration));
}

bool IsService(v1::Role role) {
  return role == v1::ROLE_SAMPLER_POOL || role == v1::ROLE_CHANNEL_GATEWAY;
}

// What to change in `ours` to get `theirs`, one line.
std::string Difference(const google::protobuf::Message& ours,
                       const google::protobuf::Message& theirs) {
  std::string text;
  MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&text);
  differencer.Compare(ours, theirs);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ';';
  }
  return text;
}

}  // namespace

StoreWrite RegistryState::Put(const v1::MemberRecord& member) {
  v1::StoredRecord record;
  *record.mutable_member() = member;
  return {MemberKey(member.member().member_id()), record.SerializeAsString()};
}
StoreWrite RegistryState::Put(const v1::BackendRecord& backend) {
  v1::StoredRecord record;
  *record.mutable_backend() = backend;
  return {BackendKey(backend.backend_id()), record.SerializeAsString()};
}
StoreWrite RegistryState::Put(const v1::ChannelRecord& channel) {
  v1::StoredRecord record;
  *record.mutable_channel() = channel;
  return {ChannelKeyOf(channel.spec().channel_id()),
          record.SerializeAsString()};
}
StoreWrite RegistryState::Put(const v1::IdCounters& ids) {
  v1::StoredRecord record;
  *record.mutable_ids() = ids;
  return {kIdsKey, record.SerializeAsString()};
}

absl::Status RegistryState::Apply(absl::Span<const StoreWrite> writes,
                                  absl::Duration now) {
  for (const StoreWrite& write : writes) {
    if (!write.value.has_value()) {
      ApplyDelete(write.key);
      continue;
    }
    v1::StoredRecord record;
    if (!record.ParseFromString(*write.value)) {
      return absl::DataLossError(
          absl::StrCat("store: the record ", write.key, " cannot be read"));
    }
    FAIRLEAD_RETURN_IF_ERROR(ApplyPut(record, now));
  }
  return absl::OkStatus();
}

absl::Status RegistryState::ApplyAll(absl::Span<const StoreWrite> records,
                                     absl::Duration now) {
  absl::btree_set<absl::string_view> there;
  for (const StoreWrite& record : records) there.insert(record.key);
  for (const std::string& key : Keys()) {
    if (!there.contains(key)) ApplyDelete(key);
  }
  return Apply(records, now);
}

std::vector<std::string> RegistryState::Keys() const {
  std::vector<std::string> keys = gathers_.Keys();
  for (const auto& [id, member] : members_) keys.push_back(MemberKey(id));
  for (const auto& [id, backend] : backends_) keys.push_back(BackendKey(id));
  for (const auto& [id, channel] : channels_) keys.push_back(ChannelKeyOf(id));
  return keys;
}

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

absl::Status RegistryState::ApplyPut(const v1::StoredRecord& record,
                                     absl::Duration now) {
  switch (record.record_case()) {
    case v1::StoredRecord::kMember:
      ApplyMember(record.member(), now);
      return absl::OkStatus();
    case v1::StoredRecord::kGather:
      gathers_.Put(record.gather());
      return absl::OkStatus();
    case v1::StoredRecord::kBackend:
      backends_[record.backend().backend_id()] = record.backend();
      backend_by_key_[record.backend().backend_key()] =
          record.backend().backend_id();
      return absl::OkStatus();
    case v1::StoredRecord::kChannel: {
      const v1::ChannelRecord& channel = record.channel();
      const auto [it, is_new] =
          channels_.try_emplace(channel.spec().channel_id());
      if (!is_new) --channels_at_[PoolRank(it->second)];
      it->second = channel;
      ++channels_at_[PoolRank(channel)];
      channel_by_key_[{channel.spec().backend_id(), channel.spec().worker_key(),
                       channel.server_rank()}] = channel.spec().channel_id();
      return absl::OkStatus();
    }
    case v1::StoredRecord::kIds:
      ids_ = record.ids();
      return absl::OkStatus();
    case v1::StoredRecord::RECORD_NOT_SET:
      break;
  }
  return absl::DataLossError(
      "store: a record of a kind that this registry does not know; was it "
      "written by a later version?");
}

void RegistryState::ApplyDelete(const std::string& key) {
  gathers_.Delete(key);
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(key, absl::MaxSplits('/', 1));
  uint64_t id = 0;
  if (!absl::SimpleAtoi(parts.second, &id)) return;
  if (parts.first == "member") {
    const auto it = members_.find(id);
    if (it == members_.end()) return;
    member_by_name_.erase(it->second.member().member_name());
    changed_members_.insert(id);
    members_.erase(it);
  } else if (parts.first == "backend") {
    const auto it = backends_.find(id);
    if (it == backends_.end()) return;
    backend_by_key_.erase(it->second.backend_key());
    backends_.erase(it);
  } else if (parts.first == "channel") {
    const auto it = channels_.find(id);
    if (it == channels_.end()) return;
    --channels_at_[PoolRank(it->second)];
    channel_by_key_.erase({it->second.spec().backend_id(),
                           it->second.spec().worker_key(),
                           it->second.server_rank()});
    channels_.erase(it);
  }
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
RegistryState::PlanJoin(const v1::JoinRequest& request) const {
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
      planned.writes.push_back({ChannelKeyOf(id), std::nullopt});
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
  const bool is_pointed_at = member.role() == v1::ROLE_SAMPLER_POOL &&
                             ChannelsAt(member.rank()) > 0;
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

const v1::Member* RegistryState::FindMember(uint64_t member_id) const {
  const auto it = members_.find(member_id);
  if (it == members_.end() || it->second.record.away()) return nullptr;
  return &it->second.member();
}

absl::btree_set<uint64_t> RegistryState::TakeChangedMembers() {
  return std::exchange(changed_members_, {});
}

absl::StatusOr<RegistryState::Writes> RegistryState::PlanGather(
    const v1::AllGatherRequest& request) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckName("group", request.group()));
  const v1::Member* const member = FindMember(request.member_id());
  if (member == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("member ", request.member_id(),
                     ": is none, or its lease ran out; join first"));
  }
  return gathers_.PlanValue(request, member->member_name());
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

absl::StatusOr<RegistryState::Planned<v1::InitSamplingBackendResponse>>
RegistryState::PlanInitBackend(
    const v1::InitSamplingBackendRequest& request) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckName("backend_key", request.backend_key()));
  const auto user = members_.find(request.member_id());
  if (user == members_.end() ||
      user->second.member().role() != v1::ROLE_TRAINER) {
    return absl::NotFoundError(absl::StrCat("member ", request.member_id(),
                                            ": is no trainer; join first"));
  }
  Planned<v1::InitSamplingBackendResponse> planned;
  v1::BackendRecord backend;
  const auto known = backend_by_key_.find(request.backend_key());
  if (known != backend_by_key_.end()) {
    backend = backends_.at(known->second);
    if (!MessageDifferencer::Equals(backend.options(), request.options())) {
      return absl::AlreadyExistsError(absl::StrCat(
          "backend ", request.backend_key(), ": exists with other options: ",
          Difference(backend.options(), request.options()),
          "; ask for the same, or use another backend_key"));
    }
    auto* users = backend.mutable_user_member_ids();
    const auto at =
        std::lower_bound(users->begin(), users->end(), request.member_id());
    if (at == users->end() || *at != request.member_id()) {
      users->Add(request.member_id());
      std::sort(users->begin(), users->end());
      planned.writes.push_back(Put(backend));
    }
  } else {
    if (backends_.size() >= limits_.max_backends) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the cluster has --max_backends=", limits_.max_backends,
                       " backends already"));
    }
    v1::IdCounters ids = ids_;
    backend.set_backend_id(ids.next_backend_id());
    backend.set_backend_key(request.backend_key());
    *backend.mutable_options() = request.options();
    backend.add_user_member_ids(request.member_id());
    ids.set_next_backend_id(ids.next_backend_id() + 1);
    planned.writes = {Put(ids), Put(backend)};
  }
  planned.answer.set_backend_id(backend.backend_id());
  return planned;
}

absl::StatusOr<RegistryState::Planned<RegistryState::Registration>>
RegistryState::PlanRegister(
    const v1::RegisterSamplingInputRequest& request) const {
  FAIRLEAD_RETURN_IF_ERROR(CheckName("worker_key", request.worker_key()));
  const auto owner = members_.find(request.member_id());
  if (owner == members_.end() ||
      owner->second.member().role() != v1::ROLE_TRAINER) {
    return absl::NotFoundError(
        absl::StrCat("member ", request.member_id(),
                     ": is no trainer, or its lease ran out; join first"));
  }
  const auto backend = backends_.find(request.backend_id());
  if (backend == backends_.end()) {
    return absl::NotFoundError(
        absl::StrCat("backend ", request.backend_id(),
                     request.backend_id() != 0 &&
                             request.backend_id() < ids_.next_backend_id()
                         ? ": is gone"
                         : ": never existed",
                     "; call InitSamplingBackend"));
  }
  Planned<Registration> planned;
  v1::ChannelRecord& record = planned.answer.record;
  const auto known = channel_by_key_.find(
      {request.backend_id(), request.worker_key(), request.server_rank()});
  if (known != channel_by_key_.end()) {
    record = channels_.at(known->second);
    if (record.owner_member_id() != request.member_id()) {
      return absl::AlreadyExistsError(absl::StrCat(
          "worker_key ", request.worker_key(), ": is in use by member ",
          record.owner_member_id(), "; use one of your own"));
    }
    if (!MessageDifferencer::Equals(record.spec().input(), request.input()) ||
        !MessageDifferencer::Equals(record.spec().config(), request.config()) ||
        record.spec().failure_policy() != request.failure_policy()) {
      return absl::AlreadyExistsError(
          absl::StrCat("worker_key ", request.worker_key(),
                       ": has a channel with another input or config: ",
                       Difference(record.spec().config(), request.config()),
                       "; destroy channel ", record.spec().channel_id(),
                       " first, or use another worker_key"));
    }
    return planned;
  }
  const uint32_t place = PlaceOf(request);
  const v1::MemberRecord* const pool = PoolOf(place);
  if (pool != nullptr && pool->member().draining()) {
    return DrainingError(pool->member());
  }
  if (channels_.size() >= limits_.max_channels) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the cluster has --max_channels=", limits_.max_channels,
                     " channels already"));
  }
  v1::IdCounters ids = ids_;
  v1::ChannelSpec& spec = *record.mutable_spec();
  spec.set_channel_id(ids.next_channel_id());
  spec.set_backend_id(request.backend_id());
  spec.set_worker_key(request.worker_key());
  *spec.mutable_input() = request.input();
  *spec.mutable_config() = request.config();
  *spec.mutable_options() = backend->second.options();
  *spec.mutable_control() = request.control();
  spec.set_failure_policy(request.failure_policy());
  record.set_owner_member_id(request.member_id());
  record.set_server_rank(request.server_rank());
  record.set_pool_rank(place);
  ids.set_next_channel_id(ids.next_channel_id() + 1);
  planned.answer.is_new = true;
  planned.writes = {Put(ids), Put(record)};
  return planned;
}

absl::StatusOr<RegistryState::Writes> RegistryState::PlanUpdate(
    const v1::UpdateChannelRequest& request) const {
  FAIRLEAD_ASSIGN_OR_RETURN(v1::ChannelRecord record,
                            FindChannel(request.channel_id()));
  auto* ids = record.mutable_update_ids();
  if (!request.request_id().empty()) {
    FAIRLEAD_RETURN_IF_ERROR(CheckName("request_id", request.request_id()));
    if (std::find(ids->begin(), ids->end(), request.request_id()) !=
        ids->end()) {
      return Writes{};
    }
    ids->Add(std::string(request.request_id()));
    if (ids->size() > kUpdateIdsKept) ids->erase(ids->begin());
  }
  *record.mutable_spec()->mutable_control() = request.control();
  return Writes{Put(record)};
}

absl::StatusOr<RegistryState::Planned<std::optional<RegistryState::Ended>>>
RegistryState::PlanDestroy(uint64_t channel_id) const {
  Planned<std::optional<Ended>> planned;
  const auto it = channels_.find(channel_id);
  if (it != channels_.end()) {
    planned.answer = Ended{channel_id, PoolRank(it->second)};
    planned.writes.push_back({ChannelKeyOf(channel_id), std::nullopt});
    return planned;
  }
  // Ids rise, so what never was needs no list to be known by (W-19).
  if (channel_id == 0 || channel_id >= ids_.next_channel_id()) {
    return FindChannel(channel_id).status();
  }
  return planned;
}

absl::StatusOr<v1::ChannelRecord> RegistryState::FindChannel(
    uint64_t channel_id) const {
  const auto it = channels_.find(channel_id);
  if (it != channels_.end()) return it->second;
  if (channel_id == 0 || channel_id >= ids_.next_channel_id()) {
    return absl::NotFoundError(absl::StrCat(
        "channel ", channel_id, ": never existed; register an input first"));
  }
  return absl::NotFoundError(absl::StrCat(
      "channel ", channel_id,
      ": is gone, destroyed or reclaimed with its trainer's lease; register "
      "the input again"));
}

v1::ListAssignmentsResponse RegistryState::Assignments(
    uint32_t pool_rank) const {
  v1::ListAssignmentsResponse response;
  for (const auto& [id, channel] : channels_) {
    if (PoolRank(channel) == pool_rank) {
      *response.add_channels() = channel.spec();
    }
  }
  return response;
}

}  // namespace fairlead
