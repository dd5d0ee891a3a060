#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_PLAN_COMMAND_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_PLAN_COMMAND_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

// What a load will take of storage hosts and trainers, by the cost model, of a
// dataset's folder or of numbers; asks no cluster. Its flags are its own.
absl::Status RunPlan(const CommandContext& context,
                     absl::Span<const std::string> args);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_PLAN_COMMAND_H_
