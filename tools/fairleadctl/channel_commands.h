#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_CHANNEL_COMMANDS_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_CHANNEL_COMMANDS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

// The channel that a person means by its id or its worker_key. NOT_FOUND if
// there is none; INVALID_ARGUMENT, with their ids, if several have the key.
absl::StatusOr<uint64_t> FindChannel(const CommandContext& context,
                                     const std::string& name);

// As RegistryService.DescribeChannel.
absl::StatusOr<v1::DescribeChannelResponse> DescribeChannel(
    const CommandContext& context, uint64_t channel_id, bool with_spec = false);

// channels, backends: all there are.
absl::Status RunChannels(const CommandContext& context,
                         absl::Span<const std::string> args);
absl::Status RunBackends(const CommandContext& context,
                         absl::Span<const std::string> args);

// describe CHANNEL: all that is known of it.
absl::Status RunDescribe(const CommandContext& context,
                         absl::Span<const std::string> args);

// pause | resume CHANNEL, weight CHANNEL W, priority CHANNEL P, rate CHANNEL R.
absl::Status RunPause(const CommandContext& context,
                      absl::Span<const std::string> args);
absl::Status RunResume(const CommandContext& context,
                       absl::Span<const std::string> args);
absl::Status RunWeight(const CommandContext& context,
                       absl::Span<const std::string> args);
absl::Status RunPriority(const CommandContext& context,
                         absl::Span<const std::string> args);
absl::Status RunRate(const CommandContext& context,
                     absl::Span<const std::string> args);

// cancel CHANNEL: ends the epoch that it is in.
absl::Status RunCancel(const CommandContext& context,
                       absl::Span<const std::string> args);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_CHANNEL_COMMANDS_H_
