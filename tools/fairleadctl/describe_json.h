#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_DESCRIBE_JSON_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_DESCRIBE_JSON_H_

#include <string>

#include "nlohmann/json_fwd.hpp"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {

// What the registry tells, for people and for programs. Fields are named as in
// registry.proto, and numbers are numbers (protobuf's own JSON makes strings of
// long ones).
nlohmann::ordered_json ToJson(const v1::Member& member);
nlohmann::ordered_json ToJson(const v1::BackendDescription& backend);
nlohmann::ordered_json ToJson(const v1::ChannelDescription& channel);
// Of a list of seeds only how many there are.
nlohmann::ordered_json ToJson(const v1::ChannelSpec& spec);

// Where it takes connections. A trainer in a tensor mesh tells the registry
// more in its address's place, with the token that the others are to show
// there: that is theirs to know.
std::string AddressOf(const v1::Member& member);

std::string RoleName(v1::Role role);            // "sampler_pool"
std::string StateName(v1::ChannelState state);  // "parked"

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_DESCRIBE_JSON_H_
