#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_TRACE_COMMAND_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_TRACE_COMMAND_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

// fairleadctl trace [CHANNEL] --out=FILE [--gateway=HOST:PORT] [--batches=N]
//
// Writes the ways of the latest sampled batches as a trace for
// ui.perfetto.dev: of all channels or one, from all gateways that the registry
// knows or from one. A gateway that does not answer is left out, and named.
// NOT_FOUND, without a file, if no gateway has any.
absl::Status RunTrace(const CommandContext& context,
                      absl::Span<const std::string> args);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_TRACE_COMMAND_H_
