#include "services/registry/registry_state.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "services/registry/check_name.h"
#include "services/registry/registry_store.h"
#include "services/registry/stored_records.h"

namespace fairlead {

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
  for (const auto& [id, channel] : channels_) keys.push_back(ChannelKey(id));
  return keys;
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
      SetIds(record.ids());
      return absl::OkStatus();
    case v1::StoredRecord::RECORD_NOT_SET:
      break;
  }
  return absl::DataLossError(
      "store: a record of a kind that this registry does not know; was it "
      "written by a later version?");
}

void RegistryState::SetIds(const v1::IdCounters& ids) {
  ids_.set_next_member_id(std::max(ids.next_member_id(), id_floor_));
  ids_.set_next_backend_id(std::max(ids.next_backend_id(), id_floor_));
  ids_.set_next_channel_id(std::max(ids.next_channel_id(), id_floor_));
}

void RegistryState::GiveIdsFrom(uint64_t floor) {
  id_floor_ = floor;
  SetIds(v1::IdCounters(ids_));
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

}  // namespace fairlead
