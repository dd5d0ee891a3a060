#include "tools/fairleadctl/cluster_status.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/describe_json.h"

namespace fairlead {
namespace {

using Json = nlohmann::ordered_json;

// Of each dataset, which partitions no pool serves.
void WarnOfPartitions(absl::Span<const v1::Member* const> members,
                      std::vector<std::string>& warnings) {
  std::map<std::pair<std::string, uint32_t>, std::set<uint32_t>> served;
  for (const v1::Member* member : members) {
    if (!member->has_dataset()) continue;
    served[{member->dataset().name(), member->dataset().num_partitions()}]
        .insert(member->dataset().partition());
  }
  for (const auto& [dataset, partitions] : served) {
    // What is missing is not listed one by one: there may be thousands.
    if (partitions.size() >= dataset.second) continue;
    uint32_t first = 0;
    while (partitions.contains(first)) ++first;
    warnings.push_back(absl::StrCat(
        "dataset ", dataset.first, ": ", dataset.second - partitions.size(),
        " of ", dataset.second, " partitions have no sampler pool, the first ",
        first, "; batches that need them fail: start their pools"));
  }
}

void WarnOfMembers(absl::Span<const v1::Member* const> members,
                   std::vector<std::string>& warnings) {
  std::set<std::string> delivered;
  bool has_pool = false;
  for (const v1::Member* member : members) {
    if (member->role() == v1::ROLE_CHANNEL_GATEWAY) {
      delivered.insert(member->shm_domain());
    }
    has_pool = has_pool || member->role() == v1::ROLE_SAMPLER_POOL;
  }
  if (!has_pool) {
    warnings.emplace_back(
        "no sampler pool has joined; start one, with this registry's address "
        "as its --registry");
  }
  for (const v1::Member* member : members) {
    if (member->role() != v1::ROLE_SAMPLER_POOL ||
        delivered.contains(member->shm_domain())) {
      continue;
    }
    warnings.push_back(absl::StrCat(
        "sampler pool ", member->member_name(),
        ": no channel gateway shares its shared memory folder; start one on "
        "its host with its --shm_dir"));
  }
}

// One line for all channels in one bad state.
void WarnOfState(absl::Span<const v1::ChannelDescription* const> channels,
                 v1::ChannelState state, const char* what,
                 std::vector<std::string>& warnings) {
  constexpr size_t kNamed = 5;
  std::vector<std::string> named;
  std::set<std::string> pools;
  uint64_t count = 0;
  for (const v1::ChannelDescription* channel : channels) {
    if (channel->state() != state) continue;
    ++count;
    pools.insert(channel->pool_name());
    if (named.size() < kNamed) {
      named.push_back(absl::StrCat(channel->channel_id()));
    }
  }
  if (count == 0) return;
  warnings.push_back(absl::StrCat(
      StateName(state), ": channel", count == 1 ? " " : "s ",
      absl::StrJoin(named, ", "), count > kNamed ? " and others" : "", " of ",
      absl::StrJoin(pools, ", "), ": ", what));
}

}  // namespace

ClusterStatus SummariseCluster(
    absl::Span<const v1::Member* const> members,
    absl::Span<const v1::ChannelDescription* const> channels,
    uint64_t backends) {
  ClusterStatus status;
  status.backends = backends;
  for (const v1::Role role :
       {v1::ROLE_SAMPLER_POOL, v1::ROLE_CHANNEL_GATEWAY, v1::ROLE_TRAINER}) {
    status.members[role];
  }
  for (const v1::Member* member : members) {
    ClusterStatus::Members& role = status.members[member->role()];
    ++(member->draining() ? role.draining : role.up);
  }
  for (const v1::ChannelDescription* channel : channels) {
    ++status.channels[channel->state()];
  }
  WarnOfMembers(members, status.warnings);
  WarnOfPartitions(members, status.warnings);
  WarnOfState(channels, v1::CHANNEL_STATE_LOST,
              "the pool is away, or does not answer; start it again",
              status.warnings);
  WarnOfState(channels, v1::CHANNEL_STATE_FAILED,
              "their buffers were damaged; their trainers must register again",
              status.warnings);
  for (const v1::ChannelDescription* channel : channels) {
    if (channel->failed_batches() == 0) continue;
    status.warnings.push_back(absl::StrCat(
        "channel ", channel->channel_id(), " (", channel->worker_key(),
        "): ", channel->failed_batches(), " batches of epoch ",
        channel->epoch(), " could not be made; its trainer was told why"));
  }
  return status;
}

Json ClusterStatus::ToJson() const {
  Json json = {{"members", Json::object()},
               {"channels", Json::object()},
               {"backends", backends},
               {"warnings", warnings}};
  for (const auto& [role, count] : members) {
    json["members"][RoleName(role)] = {{"up", count.up},
                                       {"draining", count.draining}};
  }
  for (const auto& [state, count] : channels) {
    json["channels"][StateName(state)] = count;
  }
  return json;
}

std::string ClusterStatus::ToText() const {
  std::string text;
  for (const auto& [role, count] : members) {
    absl::StrAppendFormat(&text, "%-16s %d", RoleName(role),
                          count.up + count.draining);
    if (count.draining > 0) {
      absl::StrAppend(&text, ", ", count.draining, " of them draining");
    }
    text += "\n";
  }
  absl::StrAppendFormat(&text, "%-16s %d\n", "backends", backends);
  uint64_t all = 0;
  std::vector<std::string> by_state;
  for (const auto& [state, count] : channels) {
    all += count;
    by_state.push_back(absl::StrCat(count, " ", StateName(state)));
  }
  absl::StrAppendFormat(&text, "%-16s %d", "channels", all);
  if (all > 0) absl::StrAppend(&text, ": ", absl::StrJoin(by_state, ", "));
  text += "\n";
  if (warnings.empty()) text += "\nnothing is wrong\n";
  for (const std::string& warning : warnings) {
    absl::StrAppend(&text, "\nwarning: ", warning, "\n");
  }
  return text;
}

}  // namespace fairlead
