#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_ARGUMENTS_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_ARGUMENTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace fairlead {

// INVALID_ARGUMENT, showing how to call it, unless `command` was given just as
// many arguments as have names here.
inline absl::Status CheckArguments(absl::string_view command,
                                   absl::Span<const std::string> args,
                                   const std::vector<std::string>& names) {
  if (args.size() == names.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      command, ": got ", args.size(), " arguments; call it as `fairleadctl ",
      command, names.empty() ? "" : " ", absl::StrJoin(names, " "), "`"));
}

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_ARGUMENTS_H_
