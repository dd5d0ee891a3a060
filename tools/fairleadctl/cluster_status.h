#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_CLUSTER_STATUS_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_CLUSTER_STATUS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "nlohmann/json_fwd.hpp"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {

// A cluster on one screen.
struct ClusterStatus {
  struct Members {
    uint64_t up = 0;
    uint64_t draining = 0;
  };
  std::map<v1::Role, Members> members;  // each role, though nobody has it
  std::map<v1::ChannelState, uint64_t> channels;
  uint64_t backends = 0;
  std::vector<std::string> warnings;  // each says what is wrong and what to do

  nlohmann::ordered_json ToJson() const;
  std::string ToText() const;
};

// Pure: counts, and finds what keeps a trainer from being served.
ClusterStatus SummariseCluster(
    absl::Span<const v1::Member* const> members,
    absl::Span<const v1::ChannelDescription* const> channels,
    uint64_t backends);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_CLUSTER_STATUS_H_
