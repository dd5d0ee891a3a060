// Which of a partition's pools has which channel.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "services/registry/registry_state.h"
#include "services/registry/stored_records.h"

namespace fairlead {
namespace {

// A pool that may have channels of a partition, and what it would have.
struct Place {
  uint32_t rank = 0;
  bool is_home = false;
  std::vector<uint64_t> channels = {};
};

bool HasFewer(const Place& a, const Place& b) {
  return a.channels.size() < b.channels.size();
}

bool Serves(const v1::MemberRecord& pool,
            const std::set<std::string>& served_folders) {
  return !pool.away() && !pool.member().draining() &&
         served_folders.contains(pool.member().shm_domain());
}

bool IsOfPartition(const v1::Member& pool, const v1::DatasetPartition& of) {
  return pool.role() == v1::ROLE_SAMPLER_POOL && pool.has_dataset() &&
         pool.dataset().name() == of.name() &&
         pool.dataset().partition() == of.partition();
}

}  // namespace

std::set<std::string> RegistryState::ServedFolders() const {
  std::set<std::string> folders;
  for (const auto& [id, entry] : members_) {
    if (entry.member().role() == v1::ROLE_CHANNEL_GATEWAY &&
        !entry.record.away() && !entry.member().draining()) {
      folders.insert(entry.member().shm_domain());
    }
  }
  return folders;
}

uint64_t RegistryState::ChannelsAt(uint32_t pool_rank) const {
  const auto it = channels_at_.find(pool_rank);
  return it == channels_at_.end() ? 0 : it->second;
}

uint32_t RegistryState::PlaceOf(
    const v1::RegisterSamplingInputRequest& request) const {
  const auto known = channel_by_key_.find(
      {request.backend_id(), request.worker_key(), request.server_rank()});
  if (known != channel_by_key_.end()) {
    return PoolRank(channels_.at(known->second));
  }
  const uint32_t asked = request.server_rank();
  const v1::MemberRecord* const pool = PoolOf(asked);
  if (pool == nullptr || !pool->member().has_dataset()) return asked;
  const std::set<std::string> folders = ServedFolders();
  std::optional<uint32_t> best;
  if (Serves(*pool, folders)) best = asked;
  for (const auto& [id, entry] : members_) {
    if (!IsOfPartition(entry.member(), pool->member().dataset()) ||
        !Serves(entry.record, folders)) {
      continue;
    }
    const uint32_t rank = entry.member().rank();
    if (!best.has_value() || ChannelsAt(rank) < ChannelsAt(*best)) best = rank;
  }
  return best.value_or(asked);
}

std::vector<RegistryState::Move> RegistryState::PlanMoves() const {
  const std::set<std::string> folders = ServedFolders();
  using Partition = std::pair<std::string, uint32_t>;
  std::map<uint32_t, Partition> partition_of;  // by rank
  std::map<Partition, std::vector<Place>> serving;
  for (const auto& [id, entry] : members_) {
    const v1::Member& member = entry.member();
    if (member.role() != v1::ROLE_SAMPLER_POOL || !member.has_dataset()) {
      continue;
    }
    const Partition partition = {member.dataset().name(),
                                 member.dataset().partition()};
    partition_of[member.rank()] = partition;
    if (!Serves(entry.record, folders)) continue;
    serving[partition].push_back(
        {member.rank(), entry.record.home() == incarnation_});
  }
  std::map<Partition, std::vector<const v1::ChannelRecord*>> displaced;
  for (const auto& [id, channel] : channels_) {
    const auto partition = partition_of.find(PoolRank(channel));
    if (partition == partition_of.end()) continue;
    std::vector<Place>& places = serving[partition->second];
    const auto at = std::find_if(places.begin(), places.end(),
                                 [&channel = channel](const Place& place) {
                                   return place.rank == PoolRank(channel);
                                 });
    if (at != places.end()) {
      at->channels.push_back(id);
    } else {
      displaced[partition->second].push_back(&channel);
    }
  }
  std::vector<Move> moves;
  for (auto& [partition, places] : serving) {
    if (places.empty()) continue;
    const auto move = [&moves](uint64_t id, uint32_t from, Place& to) {
      to.channels.push_back(id);
      if (to.is_home) moves.push_back({id, from, to.rank});
    };
    for (const v1::ChannelRecord* const channel : displaced[partition]) {
      move(channel->spec().channel_id(), PoolRank(*channel),
           *std::min_element(places.begin(), places.end(), HasFewer));
    }
    while (true) {
      const auto [fewest, most] =
          std::minmax_element(places.begin(), places.end(), HasFewer);
      if (most->channels.size() < fewest->channels.size() + 2) break;
      const uint64_t id = most->channels.back();
      most->channels.pop_back();
      move(id, most->rank, *fewest);
    }
  }
  return moves;
}

RegistryState::Planned<std::optional<v1::ChannelSpec>> RegistryState::PlanMove(
    const Move& move) const {
  Planned<std::optional<v1::ChannelSpec>> planned;
  const auto it = channels_.find(move.channel_id);
  if (it == channels_.end() || PoolRank(it->second) != move.from) {
    return planned;
  }
  v1::ChannelRecord record = it->second;
  record.set_pool_rank(move.to);
  planned.answer = record.spec();
  planned.writes = {Put(record)};
  return planned;
}

}  // namespace fairlead
