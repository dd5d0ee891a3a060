#include "libs/command_line/command_line.h"

#include <errno.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "libs/command_line/build_info.h"
#include "libs/command_line/flag_check.h"
#include "libs/command_line/help_text.h"

namespace fairlead {

std::vector<std::string> ParseCommandLine(int argc, char** argv,
                                          absl::string_view usage,
                                          absl::string_view main_file) {
  // What goes wrong is said once, in our own line; GRPC_VERBOSITY=ERROR brings
  // gRPC's view of it back.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  // `bazel run` starts programs somewhere else, and says where the user is:
  // paths in flags are meant from there.
  const char* user_directory = std::getenv("BUILD_WORKING_DIRECTORY");
  if (user_directory != nullptr && chdir(user_directory) != 0) {
    std::cerr << argv[0] << ": cannot change to " << user_directory << "\n";
  }
  const std::string file(main_file);
  absl::FlagsUsageConfig config;
  config.contains_help_flags = [file](absl::string_view flag_file) {
    // Programs of one folder may share flags, which then lie above them; what
    // all of ours that speak gRPC share is rpc's.
    const absl::string_view folder =
        flag_file.substr(0, flag_file.rfind('/') + 1);
    return absl::EndsWith(flag_file, file) || absl::EndsWith(file, flag_file) ||
           (!folder.empty() && absl::StartsWith(file, folder)) ||
           absl::EndsWith(folder, "libs/rpc/");
  };
  config.version_string = [] {
    return VersionText(program_invocation_short_name);
  };
  absl::SetFlagsUsageConfig(config);
  absl::SetProgramUsageMessage(usage);
  const HelpAsked help = FindHelp({argv + 1, argv + argc});
  if (help != HelpAsked::kNo) {
    std::cout << HelpText(usage, [&](absl::string_view flag_file) {
      return help == HelpAsked::kAllFlags ||
             config.contains_help_flags(flag_file);
    }) << std::flush;
    std::exit(0);
  }
  const std::vector<char*> left = absl::ParseCommandLine(argc, argv);
  return {left.begin() + 1, left.end()};
}

void ParseFlagsOnly(int argc, char** argv, absl::string_view usage,
                    absl::string_view main_file) {
  const std::vector<std::string> left =
      ParseCommandLine(argc, argv, usage, main_file);
  if (left.empty()) return;
  std::cerr << argv[0] << ": unexpected argument \"" << left[0]
            << "\"; flags start with --, see --help\n";
  std::exit(1);
}

int ExitCode(absl::string_view program, const absl::Status& status) {
  if (status.ok()) return 0;
  std::cerr << program << ": "
            << absl::StrReplaceAll(status.ToString(), {{"\n", " "}}) << "\n";
  return 1;
}

}  // namespace fairlead
