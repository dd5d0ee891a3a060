// RegistryState's backends and channels: made, changed, found, and at an end.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/message_differencer.h"
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

constexpr int kUpdateIdsKept = 16;

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

const v1::BackendRecord* RegistryState::FindBackend(uint64_t backend_id) const {
  const auto it = backends_.find(backend_id);
  return it == backends_.end() ? nullptr : &it->second;
}

absl::Status RegistryState::CheckRoomForChannel(
    const v1::Member& trainer) const {
  if (channels_.size() >= limits_.max_channels) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the cluster has --max_channels=", limits_.max_channels,
                     " channels already"));
  }
  // They are counted only where there are enough of them.
  if (trainer.job().empty() ||
      channels_.size() < limits_.max_channels_per_job) {
    return absl::OkStatus();
  }
  const auto of_job = static_cast<uint64_t>(std::count_if(
      channels_.begin(), channels_.end(), [this, &trainer](const auto& entry) {
        const v1::Member* owner = FindMember(entry.second.owner_member_id());
        return owner != nullptr && owner->job() == trainer.job();
      }));
  if (of_job < limits_.max_channels_per_job) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "job ", trainer.job(), " has --max_channels_per_job=",
      limits_.max_channels_per_job, " channels already; destroy some"));
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
  FAIRLEAD_RETURN_IF_ERROR(CheckRoomForChannel(owner->second.member()));
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
    planned.writes.push_back({ChannelKey(channel_id), std::nullopt});
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
