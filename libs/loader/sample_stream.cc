#include "libs/loader/sample_stream.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/loader/neighbor_loader_options.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/remote_receiving_channel.h"
#include "libs/loader/sampling_input.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

absl::StatusOr<std::unique_ptr<SampleStream>> SampleStream::Create(
    NeighborLoaderOptions options) {
  FAIRLEAD_RETURN_IF_ERROR(Validate(options));
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<RegistrySession> session,
      RegistrySession::Create({.registry = options.registry,
                               .member_name = options.member_name,
                               .connect_timeout = options.connect_timeout}));
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<SamplingInput> input,
      SamplingInput::Register(
          session.get(),
          {.backend_key = options.backend_key,
           .backend = options.backend,
           .worker_key = options.worker_key.empty() ? session->member_name()
                                                    : options.worker_key,
           .server_ranks = options.server_ranks,
           .seeds = ToSeedNodes(options),
           .config = ToSamplingConfig(options),
           .control = options.control,
           .failure_policy = options.failure_policy,
           .connect_timeout = options.connect_timeout}));
  RemoteReceivingChannel::Options channel_options;
  channel_options.num_servers = input->num_servers();
  channel_options.prefetch_size = options.prefetch_size;
  channel_options.credit_bytes = options.credit_bytes;
  channel_options.recovery_timeout = options.recovery_timeout;
  // The servers say whether they have batches for us (parity C-24).
  for (size_t i = 0; i < input->num_servers(); ++i) {
    channel_options.active_mask.push_back(input->channel(i).batches > 0);
  }
  channel_options.start_epoch =
      [input = input.get()](size_t server, uint64_t epoch, uint32_t attempt,
                            absl::Span<const v1::BatchRange> held) {
        return input->StartEpoch(server, epoch, attempt, held);
      };
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<RemoteReceivingChannel> channel,
      RemoteReceivingChannel::Create(std::move(channel_options)));
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<SampleStream>(
      new SampleStream(std::move(session), std::move(input), std::move(channel),
                       InputFingerprint(options)));
}

absl::StatusOr<v1::LoaderCursor> SampleStream::cursor() const {
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<v1::EpochProgress> progress,
                            channel_->progress());
  v1::LoaderCursor cursor;
  cursor.set_epoch(next_epoch_ - 1);
  for (v1::EpochProgress& server : progress) {
    *cursor.add_servers() = std::move(server);
  }
  cursor.set_input_fingerprint(input_fingerprint_);
  return cursor;
}

absl::Status SampleStream::ResumeEpoch(const v1::LoaderCursor& cursor) {
  if (cursor.input_fingerprint() != input_fingerprint_) {
    return absl::InvalidArgumentError(
        "cursor: was made with other seeds or another sampling config, with "
        "which the same batch index is another batch; go on with the options "
        "that it was made with, or start the epoch instead");
  }
  next_epoch_ = cursor.epoch() + 1;
  const std::vector<v1::EpochProgress> had(cursor.servers().begin(),
                                           cursor.servers().end());
  return channel_->ResumeEpoch(cursor.epoch(), had);
}

uint64_t SampleStream::batches() const {
  uint64_t batches = 0;
  for (size_t i = 0; i < input_->num_servers(); ++i) {
    batches += input_->channel(i).batches;
  }
  return batches;
}

uint64_t SampleStream::seeds() const {
  uint64_t seeds = 0;
  for (size_t i = 0; i < input_->num_servers(); ++i) {
    seeds += input_->channel(i).seeds;
  }
  return seeds;
}

}  // namespace fairlead
