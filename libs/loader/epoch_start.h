#ifndef FAIRLEAD_LIBS_LOADER_EPOCH_START_H_
#define FAIRLEAD_LIBS_LOADER_EPOCH_START_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/loader/epoch_ledger.h"
#include "libs/loader/receiving_options.h"
#include "libs/loader/sampling_input.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"

namespace fairlead {

// A server's part of an epoch that was started: where it is received, and what
// is held of it.
struct StartedPart {
  SamplingChannel channel;
  EpochLedger ledger;
};

// Starts an epoch on every active server, as that server's `attempts` entry,
// without what `had` says was had of it (empty, or an entry for each server).
// Tries what is transient again, for recovery_timeout. Parts come by server;
// inactive servers have none. INVALID_ARGUMENT says how `had` does not fit.
// REQUIRES Validate(options).ok() and an entry of `attempts` for each server.
absl::StatusOr<std::vector<std::optional<StartedPart>>> StartOnServers(
    const ReceivingOptions& options, uint64_t epoch,
    absl::Span<const uint32_t> attempts,
    absl::Span<const v1::EpochProgress> had);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_EPOCH_START_H_
