#include "tools/fairleadctl/advise_command.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/activity.h"
#include "tools/fairleadctl/advice.h"
#include "tools/fairleadctl/arguments.h"
#include "tools/fairleadctl/command_context.h"
#include "tools/fairleadctl/snapshot.h"

namespace fairlead {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(5);

// Services whose metrics could not be had: what they would say is missing.
std::vector<std::string> Silent(const ClusterSnapshot& snapshot) {
  std::vector<std::string> silent;
  for (const MemberSnapshot& member : snapshot.members) {
    if (member.status.ok()) continue;
    silent.push_back(absl::StrCat(member.member.member_name(), ": ",
                                  std::string(member.status.message())));
  }
  return silent;
}

void Print(const CommandContext& context, const ClusterActivity& activity,
           const std::vector<Finding>& findings,
           const std::vector<std::string>& silent) {
  if (context.json) {
    nlohmann::ordered_json json = {
        {"seconds", activity.seconds},
        {"channels", activity.channels.size()},
        {"findings", nlohmann::ordered_json::array()},
        {"no_metrics", silent}};
    for (const Finding& finding : findings) {
      json["findings"].push_back(finding.ToJson());
    }
    context.out << json.dump() << "\n";
    return;
  }
  for (const Finding& finding : findings) {
    context.out << "channel " << finding.channel_id << " ("
                << finding.worker_key
                << "): " << BottleneckName(finding.bottleneck) << "\n  why   "
                << finding.evidence << "\n  then  " << finding.advice << "\n";
  }
  for (const std::string& member : silent) {
    context.out << "no metrics of " << member << "\n";
  }
  if (findings.empty()) {
    context.out << "nothing holds any of " << activity.channels.size()
                << " channels back\n";
  }
}

}  // namespace

absl::StatusOr<CommandOutcome> RunAdvise(const CommandContext& context,
                                         absl::Span<const std::string> args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("advise", args, {}));
  FAIRLEAD_ASSIGN_OR_RETURN(const ClusterSnapshot before,
                            TakeSnapshot(context));
  absl::SleepFor(context.options.interval.value_or(kInterval));
  FAIRLEAD_ASSIGN_OR_RETURN(const ClusterSnapshot after, TakeSnapshot(context));
  const ClusterActivity activity = Compare(before, after);
  const std::vector<Finding> findings = Judge(activity);
  Print(context, activity, findings, Silent(after));
  return findings.empty() ? CommandOutcome::kFine : CommandOutcome::kFinding;
}

}  // namespace fairlead
