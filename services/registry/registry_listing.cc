// What RegistryState tells people and their tools, and taking members out of
// service.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "services/registry/registry_state.h"
#include "services/registry/stored_records.h"

namespace fairlead {

absl::Status DrainingError(const v1::Member& member) {
  return absl::UnavailableError(absl::StrCat(
      "sampler pool ", member.member_name(), " (server_rank ", member.rank(),
      ") is draining and takes no new channels; use another of its partition, "
      "or `fairleadctl drain ",
      member.member_name(), " --undo`"));
}

absl::StatusOr<RegistryState::Planned<v1::DrainMemberResponse>>
RegistryState::PlanDrain(const v1::DrainMemberRequest& request) const {
  const auto named = member_by_name_.find(request.member_name());
  const MemberEntry* const entry =
      named == member_by_name_.end() ? nullptr : &members_.at(named->second);
  if (entry == nullptr || entry->record.away()) {
    return absl::NotFoundError(
        absl::StrCat("member ", request.member_name(),
                     entry == nullptr ? ": there is none" : ": is away",
                     "; `fairleadctl members` lists all there are"));
  }
  const v1::Member& member = entry->member();
  if (member.role() == v1::ROLE_TRAINER) {
    return absl::InvalidArgumentError(
        absl::StrCat("member_name: ", member.member_name(),
                     " is a trainer, which serves nobody; name a sampler pool "
                     "or a channel gateway"));
  }
  Planned<v1::DrainMemberResponse> planned;
  uint64_t served = 0;
  for (const auto& [id, channel] : channels_) {
    const v1::MemberRecord* const pool = PoolOf(PoolRank(channel));
    if (pool == nullptr) continue;
    // Which of several gateways a trainer is at, none of them says: each may
    // have any channel of its folder.
    const bool is_served =
        member.role() == v1::ROLE_SAMPLER_POOL
            ? pool->member().member_id() == member.member_id()
            : pool->member().shm_domain() == member.shm_domain();
    served += is_served ? 1 : 0;
  }
  planned.answer.set_channels(served);
  if (member.draining() != request.draining()) {
    v1::MemberRecord changed = entry->record;
    changed.mutable_member()->set_draining(request.draining());
    planned.writes.push_back(Put(changed));
  }
  return planned;
}

std::string RegistryState::NameOf(uint64_t member_id) const {
  const auto it = members_.find(member_id);
  return it == members_.end() ? "" : it->second.member().member_name();
}

v1::ChannelDescription RegistryState::Describe(
    const v1::ChannelRecord& channel) const {
  v1::ChannelDescription description;
  description.set_channel_id(channel.spec().channel_id());
  description.set_backend_id(channel.spec().backend_id());
  description.set_worker_key(channel.spec().worker_key());
  description.set_server_rank(channel.server_rank());
  description.set_state(v1::CHANNEL_STATE_LOST);
  *description.mutable_control() = channel.spec().control();
  description.set_trainer_name(NameOf(channel.owner_member_id()));
  const v1::MemberRecord* const pool = PoolOf(PoolRank(channel));
  if (pool != nullptr) {
    description.set_pool_name(pool->member().member_name());
  }
  return description;
}

std::vector<v1::ChannelDescription> RegistryState::DescribeChannels() const {
  std::vector<v1::ChannelDescription> descriptions;
  descriptions.reserve(channels_.size());
  for (const auto& [id, channel] : channels_) {
    descriptions.push_back(Describe(channel));
  }
  return descriptions;
}

absl::StatusOr<v1::ChannelDescription> RegistryState::DescribeChannel(
    uint64_t channel_id) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::ChannelRecord channel,
                            FindChannel(channel_id));
  return Describe(channel);
}

v1::ListBackendsResponse RegistryState::ListBackends() const {
  absl::flat_hash_map<uint64_t, uint64_t> channels;
  for (const auto& [id, channel] : channels_) {
    ++channels[channel.spec().backend_id()];
  }
  v1::ListBackendsResponse response;
  for (const auto& [id, backend] : backends_) {
    v1::BackendDescription& description = *response.add_backends();
    description.set_backend_id(id);
    description.set_backend_key(backend.backend_key());
    *description.mutable_options() = backend.options();
    description.set_channels(channels[id]);
    for (const uint64_t user : backend.user_member_ids()) {
      description.add_member_names(NameOf(user));
    }
  }
  return response;
}

RegistryCounts RegistryState::Count(absl::Duration now) const {
  RegistryCounts counts;
  counts.backends = backends_.size();
  absl::flat_hash_map<uint32_t, const MemberEntry*> pools;  // by rank
  for (const auto& [id, entry] : members_) {
    const v1::Member& member = entry.member();
    if (member.role() == v1::ROLE_SAMPLER_POOL) pools[member.rank()] = &entry;
    if (entry.record.away()) continue;
    counts.draining += member.draining() ? 1 : 0;
    counts.sampler_pools += member.role() == v1::ROLE_SAMPLER_POOL ? 1 : 0;
    counts.channel_gateways +=
        member.role() == v1::ROLE_CHANNEL_GATEWAY ? 1 : 0;
    counts.trainers += member.role() == v1::ROLE_TRAINER ? 1 : 0;
  }
  for (const auto& [id, channel] : channels_) {
    const auto found = pools.find(PoolRank(channel));
    const MemberEntry* const pool =
        found == pools.end() ? nullptr : found->second;
    if (pool == nullptr || pool->record.away()) {
      ++counts.lost;
    } else if (channel.spec().control().paused()) {
      ++counts.paused;
    } else {
      ++counts.assigned;
    }
    if (pool != nullptr && pool->lacks_since.has_value() &&
        pool->record.home() == incarnation_) {
      counts.reconcile_lag =
          std::max(counts.reconcile_lag, now - *pool->lacks_since);
    }
  }
  return counts;
}

void RegistryState::NoteAsked(uint64_t member_id) {
  const auto it = members_.find(member_id);
  if (it == members_.end() || it->second.record.away()) return;
  it->second.lacks_since = std::nullopt;
}

}  // namespace fairlead
