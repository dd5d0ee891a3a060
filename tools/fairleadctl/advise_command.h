#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_ADVISE_COMMAND_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_ADVISE_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

// advise: looks twice, --interval apart, and says what holds channels back.
absl::StatusOr<CommandOutcome> RunAdvise(const CommandContext& context,
                                         absl::Span<const std::string> args);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_ADVISE_COMMAND_H_
