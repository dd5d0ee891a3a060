#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_COMMANDS_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_COMMANDS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

// One word of the command line: how to write it and what it does.
struct Command {
  std::string name;
  std::string arguments;  // and flags, as --help shows them
  std::string help;       // in one line
  std::function<absl::StatusOr<CommandOutcome>(const CommandContext&,
                                               absl::Span<const std::string>)>
      run;
};

// All there are, in the order of --help.
const std::vector<Command>& Commands();

std::string CommandsHelp();

// INVALID_ARGUMENT for a word that is no command.
absl::StatusOr<CommandOutcome> RunCommand(const CommandContext& context,
                                          absl::string_view name,
                                          absl::Span<const std::string> args);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_COMMANDS_H_
