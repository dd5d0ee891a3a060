#include "tools/fairleadctl/member_commands.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/command_context.h"
#include "tools/fairleadctl/describe_json.h"
#include "tools/fairleadctl/table.h"

namespace fairlead {

absl::Status RunMembers(const CommandContext& context,
                        absl::Span<const std::string> args) {
  if (!args.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("members: takes no argument, got \"", args[0], "\""));
  }
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
                  member.member_name(), member.address(),
                  member.metrics_address(),
                  member.has_dataset()
                      ? absl::StrCat(dataset.name(), " ", dataset.partition(),
                                     "/", dataset.num_partitions())
                      : "",
                  member.draining() ? "draining" : "up"});
  }
  table.Print(context.out, context.terminal);
  return absl::OkStatus();
}

}  // namespace fairlead
