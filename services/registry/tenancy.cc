#include "services/registry/tenancy.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/security/access.h"
#include "libs/security/identity.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_state.h"

namespace fairlead {
namespace {

using ::fairlead::security::Role;

// As which members of a role join.
v1::Role MemberRole(Role role) {
  switch (role) {
    case Role::kPool:
      return v1::ROLE_SAMPLER_POOL;
    case Role::kGateway:
      return v1::ROLE_CHANNEL_GATEWAY;
    case Role::kTrainer:
      return v1::ROLE_TRAINER;
    case Role::kNobody:
    case Role::kRegistry:
    case Role::kOperator:
      break;
  }
  return v1::ROLE_UNSPECIFIED;
}

absl::Status CheckRole(const Caller& caller, v1::Role role,
                       const std::string& what) {
  if (MemberRole(caller->role) == role) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat(what, ": is a ", v1::Role_Name(role), ", and the caller is ",
                   security::ToString(*caller)));
}

absl::Status MayBe(const Caller& caller, const v1::Member& member) {
  const std::string what = absl::StrCat("member ", member.member_name());
  const absl::Status role = CheckRole(caller, member.role(), what);
  if (!role.ok()) return role;
  return security::CheckSameJob(*caller, member.job(), what);
}

}  // namespace

absl::Status MayJoin(const RegistryState& state, const Caller& caller,
                     const v1::JoinRequest& request) {
  if (!caller.has_value()) return absl::OkStatus();
  const absl::Status role = CheckRole(
      caller, request.role(), absl::StrCat("role: ", request.member_name()));
  if (!role.ok()) return role;
  const v1::Member* const known = state.FindMemberByName(request.member_name());
  if (known == nullptr || known->role() != request.role()) {
    return absl::OkStatus();
  }
  return MayBe(caller, *known);
}

absl::Status MayActFor(const RegistryState& state, const Caller& caller,
                       uint64_t member_id) {
  const v1::Member* const member = state.FindMember(member_id);
  if (!caller.has_value() || member == nullptr) return absl::OkStatus();
  return MayBe(caller, *member);
}

absl::Status MayUseBackend(const RegistryState& state, const Caller& caller,
                           uint64_t backend_id) {
  const v1::BackendRecord* const backend = state.FindBackend(backend_id);
  if (!caller.has_value() || backend == nullptr ||
      absl::StartsWith(backend->backend_key(),
                       absl::StrCat(caller->job, "/"))) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      absl::StrCat("backend ", backend_id, ": is not of job ", caller->job));
}

absl::Status MayUseChannel(const RegistryState& state, const Caller& caller,
                           uint64_t channel_id) {
  if (!caller.has_value()) return absl::OkStatus();
  const absl::StatusOr<v1::ChannelRecord> channel =
      state.FindChannel(channel_id);
  if (!channel.ok()) return absl::OkStatus();
  return security::CheckSameJob(*caller, JobOfChannel(state, *channel),
                                absl::StrCat("channel ", channel_id));
}

std::string JobOf(const Caller& caller) {
  return caller.has_value() ? caller->job : "";
}

std::string OwnName(const Caller& caller, const std::string& name) {
  const std::string job = JobOf(caller);
  // A job's name has no slash, so no two names become one. What has no name is
  // refused for that.
  return job.empty() || name.empty() ? name : absl::StrCat(job, "/", name);
}

std::string JobOfChannel(const RegistryState& state,
                         const v1::ChannelRecord& channel) {
  const v1::Member* const owner = state.FindMember(channel.owner_member_id());
  return owner == nullptr ? "" : owner->job();
}

}  // namespace fairlead
