#ifndef FAIRLEAD_LIBS_LOADER_RECEIVING_OPTIONS_H_
#define FAIRLEAD_LIBS_LOADER_RECEIVING_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/loader/landing.h"
#include "libs/loader/sampling_input.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead::rpc {
class Security;
}

namespace fairlead {

// Starts (epoch, attempt) on the server with this local index, without the
// batches that are held, and says where to receive the rest. Called from
// StartEpoch, and from a thread of the channel's; a transient error (see
// rpc::IsTransient) is tried again.
using StartEpochFunction = std::function<absl::StatusOr<SamplingChannel>(
    size_t server, uint64_t epoch, uint32_t attempt,
    absl::Span<const v1::BatchRange> held)>;

// What a RemoteReceivingChannel is made of.
struct ReceivingOptions {
  // Servers are named by their local index, below this. Which channel of
  // which server is meant (RC-01, RC-02) is for `start_epoch` to know, so
  // lists of different lengths cannot be given.
  size_t num_servers = 1;

  // Batches per server that are on the way or waiting: at least 1. 0 would
  // wait for ever, where the original did (RC-03).
  uint64_t prefetch_size = 4;

  // The same in bytes; a batch that is larger still passes, alone.
  uint64_t credit_bytes = 64 << 20;

  // Towards the gateways; null: plain text.
  std::shared_ptr<rpc::Security> security = nullptr;

  // Servers to receive from; empty means all. The others are never asked, and
  // with none the epoch ends at once (RC-04).
  std::vector<bool> active_mask = {};

  StartEpochFunction start_epoch = nullptr;

  // How long a server may be away before its part of the epoch fails.
  absl::Duration recovery_timeout = absl::Seconds(120);

  // On the thread that receives.
  Landing landing = {};
};

// INVALID_ARGUMENT, naming the option.
absl::Status Validate(const ReceivingOptions& options);

// Whether this server is received from.
inline bool IsActive(const ReceivingOptions& options, size_t server) {
  return options.active_mask.empty() || options.active_mask[server];
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_RECEIVING_OPTIONS_H_
