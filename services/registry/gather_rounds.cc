#include "services/registry/gather_rounds.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "services/registry/registry_store.h"

namespace fairlead {
namespace {

// A group may have slashes in its name: it comes last.
std::string KeyOf(const v1::GatherRecord& record) {
  return absl::StrFormat("gather/%020u/%010u/%s", record.round(), record.rank(),
                         record.group());
}

StoreWrite PutRecord(const v1::GatherRecord& gather) {
  v1::StoredRecord record;
  *record.mutable_gather() = gather;
  return {KeyOf(gather), record.SerializeAsString()};
}

std::string Name(const v1::AllGatherRequest& request) {
  return absl::StrCat("group ", request.group(), ", round ", request.round());
}

absl::Status Check(const v1::AllGatherRequest& request) {
  if (request.world_size() < 1 ||
      request.world_size() > GatherRounds::kMaxWorldSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("world_size: must be 1 to ", GatherRounds::kMaxWorldSize,
                     ", got ", request.world_size()));
  }
  if (request.rank() >= request.world_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("rank: ", request.rank(), " of world_size ",
                     request.world_size(), "; ranks are counted from 0"));
  }
  if (request.value().size() > GatherRounds::kMaxValueBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "value: has ", request.value().size(), " bytes, at most ",
        GatherRounds::kMaxValueBytes,
        " can be gathered; send large tensors through the tensor mesh"));
  }
  return absl::OkStatus();
}

}  // namespace

void GatherRounds::Put(const v1::GatherRecord& record) {
  rounds_[{record.group(), record.round()}][record.rank()] = record;
}

void GatherRounds::Delete(absl::string_view key) {
  const std::vector<std::string> parts =
      absl::StrSplit(key, absl::MaxSplits('/', 3));
  uint64_t round = 0;
  uint32_t rank = 0;
  if (parts.size() != 4 || parts[0] != "gather" ||
      !absl::SimpleAtoi(parts[1], &round) ||
      !absl::SimpleAtoi(parts[2], &rank)) {
    return;
  }
  const auto it = rounds_.find({parts[3], round});
  if (it == rounds_.end()) return;
  it->second.erase(rank);
  if (it->second.empty()) rounds_.erase(it);
}

absl::StatusOr<std::vector<StoreWrite>> GatherRounds::PlanValue(
    const v1::AllGatherRequest& request, const std::string& member_name) const {
  FAIRLEAD_RETURN_IF_ERROR(Check(request));
  std::vector<StoreWrite> writes;
  size_t others = 0;
  const auto last = rounds_.upper_bound({request.group(), UINT64_MAX});
  const auto found = rounds_.find({request.group(), request.round()});
  if (found != rounds_.end()) {
    const Round& round = found->second;
    const v1::GatherRecord& first = round.begin()->second;
    if (IsBroken(round)) {
      for (const auto& [rank, record] : round) {
        writes.push_back({KeyOf(record), std::nullopt});
      }
    } else if (first.world_size() != request.world_size()) {
      return absl::FailedPreconditionError(
          absl::StrCat(Name(request), ": world_size is ", request.world_size(),
                       " at rank ", request.rank(), " and ", first.world_size(),
                       " at rank ", first.rank(), " (", first.member_name(),
                       "); start all with the same"));
    } else if (const auto mine = round.find(request.rank());
               mine != round.end()) {
      if (mine->second.member_id() != request.member_id()) {
        return absl::AlreadyExistsError(
            absl::StrCat(Name(request), ": rank ", request.rank(),
                         " is taken by ", mine->second.member_name(), ", and ",
                         member_name, " asks for it too; give each its own"));
      }
      if (mine->second.value() != request.value()) {
        return absl::AlreadyExistsError(absl::StrCat(
            Name(request), ": rank ", request.rank(),
            " has sent another value for this round already; send the same "
            "again, or go on to the next round"));
      }
      return writes;
    } else {
      others = round.size();
    }
  }
  // Whoever is in a later round has all there was in this one.
  for (auto it = rounds_.upper_bound({request.group(), request.round()});
       it != last; ++it) {
    if (!IsComplete(it->second)) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        Name(request), ": is over, the group is in round ", it->first.second,
        "; a rank that was started again begins "
        "a group with another name"));
  }
  if (others + 1 == request.world_size()) {
    for (auto it = rounds_.lower_bound({request.group(), 0});
         it != rounds_.end() && it != found && it != last &&
         it->first.second < request.round();
         ++it) {
      for (const auto& [rank, record] : it->second) {
        writes.push_back({KeyOf(record), std::nullopt});
      }
    }
  }
  v1::GatherRecord record;
  record.set_group(request.group());
  record.set_round(request.round());
  record.set_rank(request.rank());
  record.set_world_size(request.world_size());
  record.set_member_id(request.member_id());
  record.set_member_name(member_name);
  record.set_value(request.value());
  writes.push_back(PutRecord(record));
  return writes;
}

std::vector<StoreWrite> GatherRounds::PlanLeave(
    uint64_t member_id, absl::string_view member_name,
    const std::function<bool(uint64_t)>& is_member) const {
  std::vector<StoreWrite> writes;
  for (const auto& [key, round] : rounds_) {
    const bool took_part =
        std::any_of(round.begin(), round.end(), [member_id](const auto& entry) {
          return entry.second.member_id() == member_id;
        });
    if (!took_part) continue;
    const bool others_stay =
        std::any_of(round.begin(), round.end(), [&](const auto& entry) {
          return entry.second.member_id() != member_id &&
                 is_member(entry.second.member_id());
        });
    for (const auto& [rank, record] : round) {
      if (!others_stay) {
        writes.push_back({KeyOf(record), std::nullopt});
      } else if (!IsComplete(round) && !IsBroken(round)) {
        v1::GatherRecord broken = record;
        broken.clear_value();
        broken.set_broken_by(absl::StrCat(std::string(member_name)));
        writes.push_back(PutRecord(broken));
      }
    }
  }
  return writes;
}

absl::StatusOr<v1::AllGatherResponse> GatherRounds::Answer(
    const std::string& group, uint64_t round) const {
  const std::string name = absl::StrCat("group ", group, ", round ", round);
  const auto it = rounds_.find({group, round});
  if (it == rounds_.end()) {
    return absl::AbortedError(
        absl::StrCat(name, ": has ended while this call waited; ask again"));
  }
  if (IsBroken(it->second)) {
    return absl::AbortedError(
        absl::StrCat(name, ": ", it->second.begin()->second.broken_by(),
                     " left, or died, before every rank had sent its value; "
                     "ask again when it is back"));
  }
  if (!IsComplete(it->second)) {
    return absl::UnavailableError(absl::StrCat(
        name,
        ": these ranks have sent nothing: ", DescribeMissing(group, round)));
  }
  v1::AllGatherResponse response;
  for (const auto& [rank, record] : it->second) {
    v1::GatheredValue& value = *response.add_values();
    value.set_member_name(record.member_name());
    value.set_value(record.value());
  }
  return response;
}

std::string GatherRounds::DescribeMissing(const std::string& group,
                                          uint64_t round) const {
  constexpr int kMostShown = 16;
  const auto it = rounds_.find({group, round});
  if (it == rounds_.end()) return "all";
  std::string missing;
  int shown = 0;
  for (uint32_t rank = 0; rank < it->second.begin()->second.world_size();
       ++rank) {
    if (it->second.contains(rank)) continue;
    if (++shown > kMostShown) return missing + ", ...";
    absl::StrAppend(&missing, missing.empty() ? "" : ", ", rank);
  }
  return missing;
}

std::vector<std::string> GatherRounds::Keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, round] : rounds_) {
    for (const auto& [rank, record] : round) keys.push_back(KeyOf(record));
  }
  return keys;
}

}  // namespace fairlead
