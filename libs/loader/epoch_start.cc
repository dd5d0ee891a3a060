#include "libs/loader/epoch_start.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/loader/registry_session.h"
#include "libs/rpc/persist.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

absl::StatusOr<SamplingChannel> StartPersistently(
    const ReceivingOptions& options, size_t server, uint64_t epoch,
    uint32_t attempt, absl::Span<const v1::BatchRange> held) {
  return rpc::Persist(absl::Now() + options.recovery_timeout, [&] {
    return options.start_epoch(server, epoch, attempt, held);
  });
}

}  // namespace

absl::StatusOr<std::vector<std::optional<StartedPart>>> StartOnServers(
    const ReceivingOptions& options, uint64_t epoch,
    absl::Span<const uint32_t> attempts,
    absl::Span<const v1::EpochProgress> had) {
  std::vector<std::optional<StartedPart>> parts(options.num_servers);
  for (size_t i = 0; i < options.num_servers; ++i) {
    if (!IsActive(options, i)) {
      if (had.empty() || had[i].batches() == 0) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "cursor: server ", i, " had ", had[i].batches(),
          " batches, and now has none; go on with the same seeds"));
    }
    std::vector<v1::BatchRange> held;
    if (!had.empty()) held.assign(had[i].held().begin(), had[i].held().end());
    FAIRLEAD_ASSIGN_OR_RETURN(
        SamplingChannel channel,
        StartPersistently(options, i, epoch, attempts[i], held));
    EpochLedger ledger(channel.channel_id, epoch, channel.batches, attempts[i]);
    parts[i].emplace(StartedPart{std::move(channel), std::move(ledger)});
  }
  if (had.empty()) return parts;
  for (size_t i = 0; i < options.num_servers; ++i) {
    if (!parts[i].has_value()) continue;
    FAIRLEAD_RETURN_IF_ERROR(parts[i]->ledger.Restore(had[i]));
  }
  return parts;
}

}  // namespace fairlead
