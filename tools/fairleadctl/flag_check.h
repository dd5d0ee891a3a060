#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_FLAG_CHECK_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_FLAG_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace fairlead {

// INVALID_ARGUMENT for the first word of the command line that is no flag of
// the program, or has a value that the flag cannot take. For a program that
// says so in its own way: Abseil's parser would end it with 1.
absl::Status CheckFlags(const std::vector<std::string>& words);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_FLAG_CHECK_H_
