#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_STATUS_COMMAND_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_STATUS_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

// status: who is there, what the channels do, and what is wrong.
absl::StatusOr<CommandOutcome> RunStatus(const CommandContext& context,
                                         absl::Span<const std::string> args);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_STATUS_COMMAND_H_
