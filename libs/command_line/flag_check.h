#ifndef FAIRLEAD_LIBS_COMMAND_LINE_FLAG_CHECK_H_
#define FAIRLEAD_LIBS_COMMAND_LINE_FLAG_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

// Looks at a command line before Abseil's parser does, which ends the program
// by itself: with 1 for a wrong flag, and for --help too.

namespace fairlead {

// INVALID_ARGUMENT for the first word of the command line that is no flag of
// the program, or has a value that the flag cannot take. For a program that
// has an exit code of its own for that.
absl::Status CheckFlags(const std::vector<std::string>& words);

enum class HelpAsked {
  kNo,
  kOwnFlags,  // --help: what the program is for, and its own flags
  kAllFlags,  // --helpfull: those of its libraries, too
};

// The first word that asks for help, if there is one; a word that is another
// flag's value does not.
HelpAsked FindHelp(const std::vector<std::string>& words);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_COMMAND_LINE_FLAG_CHECK_H_
