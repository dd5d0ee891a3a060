#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_COMPLETION_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_COMPLETION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace fairlead {

// A script that makes a shell, "bash" or "zsh", complete commands, flags, and
// after a command that takes one the channels and members of the cluster.
// `switches` are flags without a value, `flags` the others. INVALID_ARGUMENT
// for another shell.
absl::StatusOr<std::string> CompletionScript(
    absl::string_view shell, absl::Span<const std::string> commands,
    absl::Span<const std::string> switches,
    absl::Span<const std::string> flags);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_COMPLETION_H_
