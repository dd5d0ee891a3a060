#include "libs/loader/batch_receiving_channel.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/loader/batch.h"
#include "libs/loader/placement.h"
#include "libs/loader/receive_metrics.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/remote_receiving_channel.h"
#include "libs/loader/sampling_input.h"
#include "libs/status/status_macros.h"
#include "libs/telemetry/telemetry.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

// The places in `input` of the channels that are named.
absl::StatusOr<std::vector<size_t>> FindChannels(
    const SamplingInput& input, const std::vector<uint32_t>& ranks,
    const std::vector<uint64_t>& ids) {
  if (ranks.size() != ids.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("server_rank and channel_id: there are ", ranks.size(),
                     " and ", ids.size(), "; give as many of each"));
  }
  if (ranks.empty()) {
    return absl::InvalidArgumentError(
        "server_rank: there is none; give the rank of a server, or several");
  }
  std::vector<size_t> places;
  std::set<uint32_t> seen;
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (!seen.insert(ranks[i]).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "server_rank: ", ranks[i],
          " is there twice, and its batches would be too; name each once"));
    }
    std::optional<size_t> place;
    for (size_t j = 0; j < input.num_servers(); ++j) {
      if (input.channel(j).server_rank == ranks[i]) place = j;
    }
    if (!place.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("server_rank: the input has no channel on server ",
                       ranks[i], "; register it there first"));
    }
    const uint64_t registered = input.channel(*place).channel_id;
    if (registered != ids[i]) {
      return absl::InvalidArgumentError(absl::StrCat(
          "channel_id: on server ", ranks[i], " the input has channel ",
          registered, ", not ", ids[i], "; give them in one order"));
    }
    places.push_back(*place);
  }
  return places;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BatchReceivingChannel>>
BatchReceivingChannel::Create(SamplingInput* input, const Options& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Placement placement,
                            Placement::Create("cpu", options.pin_memory));
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<size_t> places,
                            FindChannels(*input, options.server_rank.values(),
                                         options.channel_id.values()));
  RemoteReceivingChannel::Options channel_options;
  channel_options.num_servers = places.size();
  channel_options.prefetch_size = options.prefetch_size;
  channel_options.credit_bytes = options.credit_bytes;
  channel_options.security = input->session().security();
  channel_options.active_mask = options.active_mask;
  channel_options.recovery_timeout = options.recovery_timeout;
  channel_options.landing = placement.landing();
  channel_options.start_epoch = [input, places = std::move(places)](
                                    size_t server, uint64_t epoch,
                                    uint32_t attempt,
                                    absl::Span<const v1::BatchRange> held) {
    return input->StartEpoch(places[server], epoch, attempt, held);
  };
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<RemoteReceivingChannel> channel,
      RemoteReceivingChannel::Create(std::move(channel_options)));
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<BatchReceivingChannel> made(
      new BatchReceivingChannel(std::move(channel), placement));
  if (options.telemetry != nullptr) {
    made->sampled_ = ExposeReceiveStats(
        *options.telemetry,
        {{"channel", absl::StrCat(options.channel_id.values()[0])}},
        [channel = made->channel_.get()] { return channel->stats(); });
  }
  return made;
}

absl::StatusOr<std::optional<Batch>> BatchReceivingChannel::Recv() {
  FAIRLEAD_ASSIGN_OR_RETURN(std::optional<ReceivedBatch> received,
                            channel_->Recv());
  if (!received.has_value()) return std::nullopt;
  return std::optional<Batch>(Batch(*std::move(received), placement_));
}

}  // namespace fairlead
