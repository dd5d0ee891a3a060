#include "tools/fairleadctl/status_command.h"

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/arguments.h"
#include "tools/fairleadctl/ask.h"
#include "tools/fairleadctl/cluster_status.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

absl::StatusOr<CommandOutcome> RunStatus(const CommandContext& context,
                                         absl::Span<const std::string> args) {
  using Stub = v1::RegistryService::Stub;
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("status", args, {}));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::ListMembersResponse members,
      AskRegistry(context, &Stub::ListMembers, v1::ListMembersRequest()));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::ListChannelsResponse channels,
      AskRegistry(context, &Stub::ListChannels, v1::ListChannelsRequest()));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::ListBackendsResponse backends,
      AskRegistry(context, &Stub::ListBackends, v1::ListBackendsRequest()));
  std::vector<const v1::Member*> all_members(members.members().pointer_begin(),
                                             members.members().pointer_end());
  std::vector<const v1::ChannelDescription*> all_channels(
      channels.channels().pointer_begin(), channels.channels().pointer_end());
  const ClusterStatus status =
      SummariseCluster(all_members, all_channels, backends.backends_size());
  if (context.json) {
    context.out << status.ToJson().dump() << "\n";
  } else {
    context.out << status.ToText();
  }
  return status.warnings.empty() ? CommandOutcome::kFine
                                 : CommandOutcome::kFinding;
}

}  // namespace fairlead
