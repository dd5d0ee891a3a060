#ifndef FAIRLEAD_LIBS_LOADER_REMOTE_SAMPLE_STREAM_H_
#define FAIRLEAD_LIBS_LOADER_REMOTE_SAMPLE_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/remote_receiving_channel.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/loader/sampling_input.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"

namespace fairlead {

// Batches of a cluster's sampler pools: joins the cluster, registers the seeds,
// and receives from the channel gateways.
class RemoteSampleStream final : public SampleStream {
 public:
  // REQUIRES Validate(options).ok(). Errors as the registry answers.
  static absl::StatusOr<std::unique_ptr<RemoteSampleStream>> Create(
      const SampleStreamOptions& options);

  // A dry run of Create: as SamplingInput::Plan.
  static absl::StatusOr<std::vector<SamplingInput::ServerPlan>> Plan(
      const SampleStreamOptions& options);

  uint64_t batches() const override;
  uint64_t seeds() const override;
  // As RemoteReceivingChannel::Recv.
  absl::StatusOr<std::optional<ReceivedBatch>> Next() override {
    return channel_->Recv();
  }
  ReceiveStats stats() const override { return channel_->stats(); }

 private:
  RemoteSampleStream(std::unique_ptr<RegistrySession> session,
                     std::unique_ptr<SamplingInput> input,
                     std::unique_ptr<RemoteReceivingChannel> channel,
                     uint64_t input_fingerprint)
      : SampleStream(input_fingerprint),
        session_(std::move(session)),
        input_(std::move(input)),
        channel_(std::move(channel)) {}

  absl::Status BeginEpoch(uint64_t epoch,
                          absl::Span<const v1::EpochProgress> had) override {
    return channel_->ResumeEpoch(epoch, had);
  }
  absl::StatusOr<std::vector<v1::EpochProgress>> progress() const override {
    return channel_->progress();
  }

  // Each uses the one before it.
  const std::unique_ptr<RegistrySession> session_;
  const std::unique_ptr<SamplingInput> input_;
  const std::unique_ptr<RemoteReceivingChannel> channel_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_REMOTE_SAMPLE_STREAM_H_
