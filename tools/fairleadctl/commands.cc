#include "tools/fairleadctl/commands.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "tools/fairleadctl/advise_command.h"
#include "tools/fairleadctl/arguments.h"
#include "tools/fairleadctl/channel_commands.h"
#include "tools/fairleadctl/command_context.h"
#include "tools/fairleadctl/completion.h"
#include "tools/fairleadctl/member_commands.h"
#include "tools/fairleadctl/plan_command.h"
#include "tools/fairleadctl/record_commands.h"
#include "tools/fairleadctl/status_command.h"
#include "tools/fairleadctl/top_command.h"
#include "tools/fairleadctl/trace_command.h"

namespace fairlead {
namespace {

using Args = absl::Span<const std::string>;

// A command that looks for nothing wrong.
std::function<absl::StatusOr<CommandOutcome>(const CommandContext&, Args)>
Plain(absl::Status (*run)(const CommandContext&, Args)) {
  return [run](const CommandContext& context,
               Args args) -> absl::StatusOr<CommandOutcome> {
    FAIRLEAD_RETURN_IF_ERROR(run(context, args));
    return CommandOutcome::kFine;
  };
}

absl::Status RunCompletion(const CommandContext& context, Args args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("completion", args, {"bash|zsh"}));
  std::vector<std::string> names;
  for (const Command& command : Commands()) names.push_back(command.name);
  std::vector<std::string> switches = {"--help", "--version"};
  std::vector<std::string> flags;
  for (const auto& [name, flag] : absl::GetAllFlags()) {
    // Those that --help shows.
    if (!absl::StrContains(flag->Filename(), "tools/fairleadctl/")) {
      continue;
    }
    (flag->IsOfType<bool>() ? switches : flags)
        .push_back(absl::StrCat("--", name));
  }
  std::sort(flags.begin(), flags.end());
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string script,
                            CompletionScript(args[0], names, switches, flags));
  context.out << script;
  return absl::OkStatus();
}

}  // namespace

const std::vector<Command>& Commands() {
  static const auto& commands = *new std::vector<Command>{
      {"status", "", "who is there, what channels do, what is wrong",
       RunStatus},
      {"advise", "[--interval=5s]",
       "what holds each channel back, and the mend", RunAdvise},
      {"top", "[--once] [--sort=ORDER]", "what everybody does, again and again",
       Plain(RunTop)},
      {"plan", "--dataset=DIR [FLAGS]",
       "what a load will take of hosts; asks no cluster", Plain(RunPlan)},
      {"members", "", "who is in the cluster", Plain(RunMembers)},
      {"backends", "", "groups of channels, and whose they are",
       Plain(RunBackends)},
      {"channels", "", "all channels", Plain(RunChannels)},
      {"describe", "CHANNEL", "all that is known of one", Plain(RunDescribe)},
      {"pause", "CHANNEL", "no new batches", Plain(RunPause)},
      {"resume", "CHANNEL", "batches again", Plain(RunResume)},
      {"weight", "CHANNEL WEIGHT", "its share of worker time",
       Plain(RunWeight)},
      {"priority", "CHANNEL PRIORITY", "0 to 3; higher goes first",
       Plain(RunPriority)},
      {"rate", "CHANNEL RATE", "at most so many batches a second; 0: any",
       Plain(RunRate)},
      {"cancel", "CHANNEL", "ends its epoch; the trainer is told",
       Plain(RunCancel)},
      {"drain", "MEMBER [--undo]", "no new channels; its own go to another",
       Plain(RunDrain)},
      {"record", "CHANNEL --out=FILE", "an epoch like its own, into a file",
       Plain(RunRecord)},
      {"replay", "FILE", "checks a recording, and prints what loadgen would",
       Plain(RunReplay)},
      {"completion", "bash|zsh", "a script for the shell",
       Plain(RunCompletion)},
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

absl::StatusOr<CommandOutcome> RunCommand(const CommandContext& context,
                                          absl::string_view name, Args args) {
  for (const Command& command : Commands()) {
    if (command.name == name) return command.run(context, args);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name, "\" is no command; see --help"));
}

}  // namespace fairlead
