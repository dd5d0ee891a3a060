#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_TOP_COMMAND_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_TOP_COMMAND_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

// top: what every service and channel does, again every --interval until `q`
// is pressed; once with --once, or where there is no terminal.
absl::Status RunTop(const CommandContext& context,
                    absl::Span<const std::string> args);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_TOP_COMMAND_H_
