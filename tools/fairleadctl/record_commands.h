#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_RECORD_COMMANDS_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_RECORD_COMMANDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

// record CHANNEL --out=FILE [--epoch=N] [--batches=K]: writes what its trainer
// gets, or got, or will get. A batch is a pure function of graph, config, seed,
// epoch and index, so a channel of its own with the same spec has the same
// batches, and the trainer's loses none. It weighs little against others.
absl::Status RunRecord(const CommandContext& context,
                       absl::Span<const std::string> args);

// replay FILE: reads a recording from end to end.
absl::Status RunReplay(const CommandContext& context,
                       absl::Span<const std::string> args);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_RECORD_COMMANDS_H_
