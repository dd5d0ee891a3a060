#ifndef FAIRLEAD_LIBS_LOADER_BATCH_RECEIVING_CHANNEL_H_
#define FAIRLEAD_LIBS_LOADER_BATCH_RECEIVING_CHANNEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/loader/batch.h"
#include "libs/loader/one_or_many.h"
#include "libs/loader/placement.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/remote_receiving_channel.h"
#include "libs/loader/sampling_input.h"
#include "libs/telemetry/telemetry.h"

namespace fairlead {

// A RemoteReceivingChannel under the names and with the parameters of GLT and
// GiGL (parity RC-01 to RC-15), for who keeps to their protocol: the loaders
// need none of this.
//
//   channel = BatchReceivingChannel::Create(
//       input.get(), {.server_rank = {0, 1}, .channel_id = {12, 15}});
//   channel->Reset(0);                   // and for every epoch
//   while (auto batch = channel->Recv(); batch.ok() && batch->has_value()) ...
//
// What is different. start_new_epoch_sampling and reset() are one call here,
// Reset, after which nothing of an earlier epoch comes. There is no send():
// nobody can ask a receiving channel for what it always refuses (RC-06). Recv
// takes no arguments; its end is nullopt, every time. A failed batch is one
// error of Recv, and so is what was an error pill (RC-09, RC-14).
//
// Recv and Reset are for one thread at a time.
class BatchReceivingChannel {
 public:
  struct Options {
    // The channels, by the ranks of their servers: as many of each, which
    // belong to each other in their order. That order is the local one, as
    // active_mask and ReceivedBatch::server have it.
    OneOrMany<uint32_t> server_rank = {};
    OneOrMany<uint64_t> channel_id = {};

    // Batches per server under way; or kAutoPrefetch, of which 64 at most.
    uint64_t prefetch_size = 2;
    std::vector<bool> active_mask = {};  // empty means all
    bool pin_memory = false;             // see Placement
    uint64_t credit_bytes = 256 << 20;   // per server
    absl::Duration recovery_timeout = absl::Seconds(120);

    // Where the five values of GiGL's log lines go (RC-12), labelled with the
    // first channel; null for nowhere. Must outlive the channel.
    Telemetry* telemetry = nullptr;
  };

  // `input` has registered the channels, and must outlive this.
  // INVALID_ARGUMENT for lists of different lengths, a channel that `input`
  // does not have or has on another server, a server that is there twice,
  // pinned memory without CUDA; and as RemoteReceivingChannel::Create.
  static absl::StatusOr<std::unique_ptr<BatchReceivingChannel>> Create(
      SamplingInput* input, const Options& options);

  // Starts an epoch on the active servers, and drops what is left of an earlier
  // one. As RemoteReceivingChannel::StartEpoch.
  absl::Status Reset(uint64_t epoch) { return channel_->StartEpoch(epoch); }

  // As RemoteReceivingChannel::Recv.
  absl::StatusOr<std::optional<Batch>> Recv();

  ReceiveStats stats() const { return channel_->stats(); }

 private:
  BatchReceivingChannel(std::unique_ptr<RemoteReceivingChannel> channel,
                        const Placement& placement)
      : channel_(std::move(channel)), placement_(placement) {}

  const std::unique_ptr<RemoteReceivingChannel> channel_;
  const Placement placement_;
  std::shared_ptr<Telemetry::Sampled> sampled_;  // reads the channel
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_BATCH_RECEIVING_CHANNEL_H_
