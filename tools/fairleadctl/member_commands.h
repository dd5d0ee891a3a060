#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_MEMBER_COMMANDS_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_MEMBER_COMMANDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

// members: who is in the cluster.
absl::Status RunMembers(const CommandContext& context,
                        absl::Span<const std::string> args);

// drain MEMBER [--undo]: no new channels for a pool or a gateway, and those
// that it has go to another that can serve them.
absl::Status RunDrain(const CommandContext& context,
                      absl::Span<const std::string> args);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_MEMBER_COMMANDS_H_
