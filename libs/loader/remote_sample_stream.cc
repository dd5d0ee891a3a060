#include "libs/loader/remote_sample_stream.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/remote_receiving_channel.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/loader/sampling_input.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

namespace {

absl::StatusOr<std::unique_ptr<RegistrySession>> Join(
    const SampleStreamOptions& options) {
  return RegistrySession::Create({.registry = options.registry,
                                  .security = options.security,
                                  .member_name = options.member_name,
                                  .metrics_address = options.metrics_address,
                                  .connect_timeout = options.connect_timeout});
}

SamplingInput::Options ToInputOptions(const SampleStreamOptions& options,
                                      const RegistrySession& session) {
  return {.backend_key = options.backend_key,
          .backend = options.backend,
          .worker_key = options.worker_key.empty() ? session.member_name()
                                                   : options.worker_key,
          .server_ranks = options.server_ranks,
          .seeds = options.seeds,
          .config = options.config,
          .control = options.control,
          .failure_policy = options.failure_policy,
          .connect_timeout = options.connect_timeout};
}

}  // namespace

absl::StatusOr<std::vector<SamplingInput::ServerPlan>> RemoteSampleStream::Plan(
    const SampleStreamOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(Validate(options));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<RegistrySession> session,
                            Join(options));
  return SamplingInput::Plan(session.get(), ToInputOptions(options, *session));
}

absl::StatusOr<std::unique_ptr<RemoteSampleStream>> RemoteSampleStream::Create(
    const SampleStreamOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<RegistrySession> session,
                            Join(options));
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<SamplingInput> input,
      SamplingInput::Register(session.get(),
                              ToInputOptions(options, *session)));
  RemoteReceivingChannel::Options channel_options;
  channel_options.num_servers = input->num_servers();
  channel_options.prefetch_size = options.prefetch_size;
  channel_options.max_prefetch_size = BufferCapacity(options.backend);
  channel_options.credit_bytes = options.credit_bytes;
  channel_options.security = options.security;
  channel_options.recovery_timeout = options.recovery_timeout;
  channel_options.landing = options.landing;
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
  return std::unique_ptr<RemoteSampleStream>(
      new RemoteSampleStream(std::move(session), std::move(input),
                             std::move(channel), InputFingerprint(options)));
}

uint64_t RemoteSampleStream::batches() const {
  uint64_t batches = 0;
  for (size_t i = 0; i < input_->num_servers(); ++i) {
    batches += input_->channel(i).batches;
  }
  return batches;
}

uint64_t RemoteSampleStream::seeds() const {
  uint64_t seeds = 0;
  for (size_t i = 0; i < input_->num_servers(); ++i) {
    seeds += input_->channel(i).seeds;
  }
  return seeds;
}

}  // namespace fairlead
