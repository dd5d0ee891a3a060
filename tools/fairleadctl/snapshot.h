#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_SNAPSHOT_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_SNAPSHOT_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/command_context.h"
#include "tools/fairleadctl/prometheus_text.h"

namespace fairlead {

// What one service counted until then.
struct MemberSnapshot {
  v1::Member member;
  absl::Duration at;    // on this host's monotonic clock
  absl::Status status;  // why there are no samples
  std::map<std::string, std::vector<MetricSample>> samples;  // by name

  // The sum of all samples of that name with all of these labels; nullopt if
  // there is none.
  std::optional<double> Sum(const std::string& name,
                            const MetricLabels& labels = {}) const;
};

// All pools, gateways and channels of a cluster at about one time.
struct ClusterSnapshot {
  absl::Duration at;
  std::vector<v1::ChannelDescription> channels;
  std::vector<MemberSnapshot> members;  // no trainers
};

// Asks the registry, and all services at a time for their metrics. An error
// only if the registry does not answer.
absl::StatusOr<ClusterSnapshot> TakeSnapshot(const CommandContext& context);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_SNAPSHOT_H_
