#ifndef FAIRLEAD_LIBS_COMMAND_LINE_HELP_TEXT_H_
#define FAIRLEAD_LIBS_COMMAND_LINE_HELP_TEXT_H_

#include <functional>
#include <string>

#include "absl/strings/string_view.h"

namespace fairlead {

// What --help says: `usage`, then each flag whose file `shows` wants to see, by
// name, with its default and what it is for. Abseil's own text comes with an
// end of the program, and with exit code 1.
std::string HelpText(absl::string_view usage,
                     const std::function<bool(absl::string_view)>& shows);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_COMMAND_LINE_HELP_TEXT_H_
