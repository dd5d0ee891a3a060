// Looks into a running cluster, and changes how its channels stand.

#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/command_line/command_line.h"
#include "libs/command_line/flag_check.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/security_flags.h"
#include "libs/status/status_macros.h"
#include "tools/fairleadctl/command_context.h"
#include "tools/fairleadctl/commands.h"
#include "tools/fairleadctl/exit_code.h"

ABSL_FLAG(std::string, registry, "127.0.0.1:7100",
          "host:port of the registry; of several, ip:port,ip:port.");
ABSL_FLAG(bool, json, false, "Print JSON, for programs.");
ABSL_FLAG(absl::Duration, timeout, absl::Seconds(5),
          "How long to wait for each answer.");
ABSL_FLAG(std::string, out, "", "trace, record: the file to write.");
ABSL_FLAG(std::optional<absl::Duration>, interval, std::nullopt,
          "advise, top: the time between two looks, by default 5s and 2s.");
ABSL_FLAG(std::string, gateway, "",
          "trace: host:port of the one gateway to ask, in place of all.");
ABSL_FLAG(bool, once, false, "top: print once and end.");
ABSL_FLAG(std::string, sort, "share",
          "top: by share of worker time, batches, bytes, fill or channel.");
ABSL_FLAG(bool, undo, false, "drain: put the member back in service.");
ABSL_FLAG(std::optional<uint64_t>, epoch, std::nullopt,
          "record: which epoch, by default the one that the channel is in.");
ABSL_FLAG(uint64_t, batches, 0,
          "record: stop after so many; trace: the latest so many of each "
          "gateway; 0 for all.");

namespace fairlead {
namespace {

absl::StatusOr<CommandOutcome> Run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    return absl::InvalidArgumentError("name a command; see --help");
  }
  const std::string address = absl::GetFlag(FLAGS_registry);
  FAIRLEAD_RETURN_IF_ERROR(rpc::CheckAddresses("--registry", address));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::shared_ptr<rpc::Security> security,
                            rpc::SecurityFromFlags());
  const auto connect = [&security](const std::string& service) {
    return rpc::MakeChannel(service, security);
  };
  CommandContext context = {.registry_address = address,
                            .security = security,
                            .registry = rpc::MakeChannel(address, security),
                            .connect = connect,
                            .timeout = absl::GetFlag(FLAGS_timeout),
                            .json = absl::GetFlag(FLAGS_json),
                            .terminal = isatty(STDOUT_FILENO) != 0,
                            .out = std::cout};
  context.options.out_file = absl::GetFlag(FLAGS_out);
  context.options.interval = absl::GetFlag(FLAGS_interval);
  context.options.gateway = absl::GetFlag(FLAGS_gateway);
  context.options.once = absl::GetFlag(FLAGS_once);
  context.options.sort = absl::GetFlag(FLAGS_sort);
  context.options.undo = absl::GetFlag(FLAGS_undo);
  context.options.epoch = absl::GetFlag(FLAGS_epoch);
  context.options.batches = absl::GetFlag(FLAGS_batches);
  return RunCommand(context, arguments[0],
                    absl::MakeConstSpan(arguments).subspan(1));
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  const absl::Status flags = fairlead::CheckFlags({argv + 1, argv + argc});
  if (!flags.ok()) {
    fairlead::ExitCode("fairleadctl", flags);
    return fairlead::ExitCodeOf(flags);
  }
  const std::vector<std::string> arguments = fairlead::ParseCommandLine(
      argc, argv,
      absl::StrCat(fairlead::CommandsHelp(), "\n", fairlead::kExitCodesHelp),
      __FILE__);
  const absl::StatusOr<fairlead::CommandOutcome> outcome =
      fairlead::Run(arguments);
  std::cout << std::flush;
  fairlead::ExitCode("fairleadctl", outcome.status());
  return fairlead::ExitCodeOf(outcome);
}
