#include "tools/fairleadctl/member_commands.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/arguments.h"
#include "tools/fairleadctl/ask.h"
#include "tools/fairleadctl/command_context.h"
#include "tools/fairleadctl/describe_json.h"
#include "tools/fairleadctl/table.h"

namespace fairlead {

absl::Status RunMembers(const CommandContext& context,
                        absl::Span<const std::string> args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("members", args, {}));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::ListMembersResponse response,
      AskRegistry(context, &v1::RegistryService::Stub::ListMembers,
                  v1::ListMembersRequest()));
  if (context.json) {
    nlohmann::ordered_json members = nlohmann::ordered_json::array();
    for (const v1::Member& member : response.members()) {
      members.push_back(ToJson(member));
    }
    context.out << members.dump() << "\n";
    return absl::OkStatus();
  }
  Table table({{"role"},
               {"rank", Table::kRight},
               {"name"},
               {"address"},
               {"metrics"},
               {"serves"},
               {"state"}});
  for (const v1::Member& member : response.members()) {
    const v1::DatasetPartition& dataset = member.dataset();
    table.AddRow({RoleName(member.role()), absl::StrCat(member.rank()),
                  member.member_name(), AddressOf(member),
                  member.metrics_address(),
                  member.role() == v1::ROLE_SAMPLER_POOL
                      ? absl::StrCat(dataset.name(), " ", dataset.partition(),
                                     "/", dataset.num_partitions())
                      : "",
                  member.draining() ? "draining" : "up"});
  }
  table.Print(context.out, context.terminal);
  return absl::OkStatus();
}

absl::Status RunDrain(const CommandContext& context,
                      absl::Span<const std::string> args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("drain", args, {"MEMBER"}));
  v1::DrainMemberRequest request;
  request.set_member_name(args[0]);
  request.set_draining(!context.options.undo);
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::DrainMemberResponse response,
      AskRegistry(context, &v1::RegistryService::Stub::DrainMember, request));
  if (context.json) {
    context.out << nlohmann::ordered_json{{"member_name", args[0]},
                                          {"draining", request.draining()},
                                          {"channels", response.channels()}}
                       .dump()
                << "\n";
  } else if (request.draining()) {
    context.out << args[0] << " takes no new channels; its "
                << response.channels()
                << " go to another, if there is one that can serve them\n";
  } else {
    context.out << args[0] << " is back in service, with "
                << response.channels() << " channels\n";
  }
  return absl::OkStatus();
}

}  // namespace fairlead
