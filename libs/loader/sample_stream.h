#ifndef FAIRLEAD_LIBS_LOADER_SAMPLE_STREAM_H_
#define FAIRLEAD_LIBS_LOADER_SAMPLE_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/loader/neighbor_loader_options.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/remote_receiving_channel.h"
#include "libs/loader/sampling_input.h"

namespace fairlead {

// A trainer's whole road without libtorch: joins the cluster, registers its
// seeds, and receives batches as bytes that are tensors in place. What
// DistNeighborLoader stands on, and enough for a tool.
//
//   auto stream = SampleStream::Create({.fanout = {15, 10}, .batch_size =
//   512});
//   (*stream)->StartEpoch();
//   while (auto batch = (*stream)->Next(); batch.ok() && batch->has_value())
//   ...
//
// One thread at a time.
class SampleStream {
 public:
  // INVALID_ARGUMENT for bad options; otherwise as the registry answers.
  static absl::StatusOr<std::unique_ptr<SampleStream>> Create(
      NeighborLoaderOptions options);

  // In every epoch, over all servers.
  uint64_t batches() const;
  uint64_t seeds() const;

  // Starts the next epoch, 0 first; what is left of the one before it is
  // dropped. The epoch counts as started even if this fails.
  absl::Status StartEpoch() { return channel_->StartEpoch(next_epoch_++); }

  // Where the trainer is: the epoch, and what Next() has returned of it. Small
  // enough for every checkpoint. FAILED_PRECONDITION before the first epoch.
  absl::StatusOr<v1::LoaderCursor> cursor() const;

  // In place of StartEpoch(): goes on where `cursor` was made, maybe in another
  // process. Every batch that had not come then comes, the same bytes; the next
  // StartEpoch() starts the epoch after it. INVALID_ARGUMENT if the cursor is
  // of other seeds, another sampling config or other partitions.
  absl::Status ResumeEpoch(const v1::LoaderCursor& cursor);

  // As RemoteReceivingChannel::Recv.
  absl::StatusOr<std::optional<ReceivedBatch>> Next() {
    return channel_->Recv();
  }

  RemoteReceivingChannel::Stats stats() const { return channel_->stats(); }

 private:
  SampleStream(std::unique_ptr<RegistrySession> session,
               std::unique_ptr<SamplingInput> input,
               std::unique_ptr<RemoteReceivingChannel> channel,
               uint64_t input_fingerprint)
      : session_(std::move(session)),
        input_(std::move(input)),
        channel_(std::move(channel)),
        input_fingerprint_(input_fingerprint) {}

  // Each uses the one before it.
  const std::unique_ptr<RegistrySession> session_;
  const std::unique_ptr<SamplingInput> input_;
  const std::unique_ptr<RemoteReceivingChannel> channel_;
  const uint64_t input_fingerprint_;
  uint64_t next_epoch_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_SAMPLE_STREAM_H_
