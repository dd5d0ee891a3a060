#ifndef FAIRLEAD_SERVICES_REGISTRY_TENANCY_H_
#define FAIRLEAD_SERVICES_REGISTRY_TENANCY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "libs/security/identity.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_state.h"

namespace fairlead {

// What is whose. Which methods a role may call is libs/security/access.h's; to
// what they may be applied is decided here: members, backends, channels and
// groups are of the job of the trainer that made them, and no other job's
// trainer can do anything to them, or with them.
//
// Each function allows everything if there is no caller to be known (without
// TLS), and what is not there at all: then it is the call that says so.
// PERMISSION_DENIED names what is refused, and not whose it is. Pure.
using Caller = std::optional<security::Identity>;

// Also of a role that is not the caller's, and of a name that a member of
// another job has.
absl::Status MayJoin(const RegistryState& state, const Caller& caller,
                     const v1::JoinRequest& request);
absl::Status MayActFor(const RegistryState& state, const Caller& caller,
                       uint64_t member_id);
absl::Status MayUseBackend(const RegistryState& state, const Caller& caller,
                           uint64_t backend_id);
absl::Status MayUseChannel(const RegistryState& state, const Caller& caller,
                           uint64_t channel_id);

// The job that the caller is a trainer of; empty for others.
std::string JobOf(const Caller& caller);

// A name that is the job's own, of a backend or a group: two jobs may use the
// same.
std::string OwnName(const Caller& caller, const std::string& name);

// The job that a channel is of; empty if that is not known.
std::string JobOfChannel(const RegistryState& state,
                         const v1::ChannelRecord& channel);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_TENANCY_H_
