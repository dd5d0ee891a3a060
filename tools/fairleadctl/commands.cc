#include "tools/fairleadctl/commands.h"

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "tools/fairleadctl/command_context.h"
#include "tools/fairleadctl/member_commands.h"
#include "tools/fairleadctl/trace_command.h"

namespace fairlead {
namespace {

using Args = absl::Span<const std::string>;

// A command that looks for nothing wrong.
std::function<absl::StatusOr<Outcome>(const CommandContext&, Args)> Plain(
    absl::Status (*run)(const CommandContext&, Args)) {
  return [run](const CommandContext& context,
               Args args) -> absl::StatusOr<Outcome> {
    FAIRLEAD_RETURN_IF_ERROR(run(context, args));
    return Outcome::kFine;
  };
}

}  // namespace

const std::vector<Command>& Commands() {
  static const auto& commands = *new std::vector<Command>{
      {"members", "", "who is in the cluster", Plain(RunMembers)},
      {"trace", "[CHANNEL] --out=FILE",
       "the ways of the last sampled batches, for ui.perfetto.dev",
       Plain(RunTrace)},
  };
  return commands;
}

std::string CommandsHelp() {
  std::string help =
      "Looks into a running cluster, and changes how its channels stand.\n\n";
  for (const Command& command : Commands()) {
    absl::StrAppendFormat(
        &help, "  fairleadctl %-34s %s\n",
        absl::StrCat(command.name, command.arguments.empty() ? "" : " ",
                     command.arguments),
        command.help);
  }
  return help;
}

absl::StatusOr<Outcome> RunCommand(const CommandContext& context,
                                   absl::string_view name, Args args) {
  for (const Command& command : Commands()) {
    if (command.name == name) return command.run(context, args);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name, "\" is no command; see --help"));
}

}  // namespace fairlead
