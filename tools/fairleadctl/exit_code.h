#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_EXIT_CODE_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_EXIT_CODE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

inline constexpr char kExitCodesHelp[] =
    "Exit codes: 0 done, and nothing wrong; 1 done, and something was found "
    "(status, advise);\n2 a wrong command line, or a value that cannot be; 3 "
    "the registry or another service cannot be\nreached; 4 no such channel, "
    "member or file; 5 anything else that failed.\n";

// As kExitCodesHelp says.
inline int ExitCodeOf(const absl::StatusOr<CommandOutcome>& outcome) {
  switch (outcome.status().code()) {
    case absl::StatusCode::kOk:
      return *outcome == CommandOutcome::kFine ? 0 : 1;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return 2;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return 3;
    case absl::StatusCode::kNotFound:
      return 4;
    default:
      return 5;
  }
}

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_EXIT_CODE_H_
