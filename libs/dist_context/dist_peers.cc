#include "libs/dist_context/dist_peers.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

std::optional<DistRole> RoleNamed(absl::string_view name) {
  for (const DistRole role :
       {DistRole::kWorker, DistRole::kServer, DistRole::kClient}) {
    if (name == DistRoleName(role)) return role;
  }
  return std::nullopt;
}

}  // namespace

std::string MemberName(const DistContext& context, const std::string& job) {
  return absl::StrCat(job, "/", DistRoleName(context.role), "/",
                      context.group_name, "/", context.rank, "/",
                      absl::Hex(absl::Uniform<uint64_t>(absl::BitGen())));
}

std::optional<DistPeer> ParsePeer(const v1::Member& member) {
  const std::vector<std::string> parts =
      absl::StrSplit(member.member_name(), '/');
  DistPeer peer;
  if (parts.size() != 5 || !RoleNamed(parts[1]).has_value() ||
      !absl::SimpleAtoi(parts[3], &peer.rank)) {
    return std::nullopt;
  }
  peer.role = *RoleNamed(parts[1]);
  peer.worker_name = absl::StrCat(parts[2], "_", peer.rank);
  peer.member_name = member.member_name();
  peer.address = member.address();
  return peer;
}

std::vector<DistPeer> ParsePeers(const MemberWatch::Members& members) {
  // Of two that claim one rank the later counts: the other is on its way out.
  std::map<std::pair<DistRole, uint32_t>, std::pair<uint64_t, DistPeer>> latest;
  for (const auto& [name, member] : members) {
    std::optional<DistPeer> peer = ParsePeer(member);
    if (!peer.has_value()) continue;
    auto& [id, held] = latest[{peer->role, peer->rank}];
    if (member.member_id() < id) continue;
    id = member.member_id();
    held = *std::move(peer);
  }
  std::vector<DistPeer> peers;
  for (auto& [place, entry] : latest) peers.push_back(std::move(entry.second));
  return peers;
}

std::set<uint32_t> RanksOf(const MemberWatch::Members& members, DistRole role) {
  std::set<uint32_t> ranks;
  for (const auto& [name, member] : members) {
    const std::optional<DistPeer> peer = ParsePeer(member);
    if (peer.has_value() && peer->role == role) ranks.insert(peer->rank);
  }
  return ranks;
}

std::vector<uint32_t> Missing(const std::set<uint32_t>& ranks, uint32_t of) {
  std::vector<uint32_t> missing;
  for (uint32_t rank = 0; rank < of; ++rank) {
    if (!ranks.contains(rank)) missing.push_back(rank);
  }
  return missing;
}

}  // namespace fairlead
