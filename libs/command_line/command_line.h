#ifndef FAIRLEAD_LIBS_COMMAND_LINE_COMMAND_LINE_H_
#define FAIRLEAD_LIBS_COMMAND_LINE_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace fairlead {

// Parses absl flags for a binary whose flags stand in `main_file` (__FILE__)
// and returns the positional arguments. `usage` says what the program is for
// and shows an example; --help prints it with the flags of that file, of its
// folder and of those above it, and those of TLS, --version what build_info.h
// says, and both exit with 0. On an unknown flag or a bad value it says so and
// exits with 1.
std::vector<std::string> ParseCommandLine(int argc, char** argv,
                                          absl::string_view usage,
                                          absl::string_view main_file);

// The same for a program that takes no positional arguments: exits with 1 if
// there are any, since they are most often a flag without its dashes.
void ParseFlagsOnly(int argc, char** argv, absl::string_view usage,
                    absl::string_view main_file);

// Ends `main`: 0 if `status` is OK; otherwise prints "<program>: <CODE>: <why>"
// in one line on standard error and gives 1.
int ExitCode(absl::string_view program, const absl::Status& status);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_COMMAND_LINE_COMMAND_LINE_H_
