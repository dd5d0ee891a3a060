#ifndef FAIRLEAD_LIBS_LOADER_POOL_CHANNEL_H_
#define FAIRLEAD_LIBS_LOADER_POOL_CHANNEL_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/epoch_ledger.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/loader/sampler_pool_process.h"
#include "libs/loader/worker_options.h"
#include "libs/shm_channel/doorbell.h"
#include "libs/shm_channel/shm_channel.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead::rpc {
class Security;
}

namespace fairlead {

// A message of a channel in its place. Tells the pool when it goes; any thread.
// May outlive the channel.
class KeptMessage {
 public:
  // How much of a channel is kept.
  struct Total {
    std::atomic<uint32_t> messages = 0;
    std::atomic<uint64_t> bytes = 0;
  };

  KeptMessage(ShmMessage message, std::shared_ptr<DoorbellRinger> producer,
              uint32_t slot, std::shared_ptr<Total> total);
  KeptMessage(const KeptMessage&) = delete;
  KeptMessage& operator=(const KeptMessage&) = delete;
  ~KeptMessage();

  absl::Span<const uint8_t> bytes() const { return message_->bytes(); }
  const MessageTag& tag() const { return message_->tag(); }

 private:
  std::optional<ShmMessage> message_;
  const std::shared_ptr<DoorbellRinger> producer_;
  const uint32_t slot_;
  const std::shared_ptr<Total> total_;
};

// A sampler pool of this process's own, and the channel that its batches come
// through. Knows of one channel at a time and nothing of epochs; when either is
// lost, the caller connects again. One thread at a time.
class PoolChannel {
 public:
  // Tensors may stay in this many messages, which together take up no more than
  // a part of the channel. Wherever these lie, the largest gap between them is
  // as large as that part: batches that might stay always find room.
  static constexpr uint32_t kMostKept = 2;
  static constexpr uint64_t kKeptPart = 4;

  // Starts the pool and registers the seeds. Errors as MpSampleStream::Create.
  static absl::StatusOr<std::unique_ptr<PoolChannel>> Create(
      const DistDataset& dataset, const SampleStreamOptions& options);

  // Ends the pool. Its log stays if it was started more than once.
  ~PoolChannel();

  // A new channel, and a pool to make it if there is none.
  absl::Status Connect();
  bool is_connected() const { return consumer_ != nullptr; }

  // Below, until Disconnect() and Kill(): REQUIRES is_connected().

  // Starts what `ledger` misses of its epoch, and tells it the channel's id.
  absl::Status StartEpoch(EpochLedger& ledger);
  // The next message. DEADLINE_EXCEEDED if there is none yet; any other error
  // if there will be none.
  absl::StatusOr<std::unique_ptr<KeptMessage>> Receive(absl::Duration timeout);
  // What is kept of the channel.
  const KeptMessage::Total& kept() const { return *kept_; }

  // What the pool says of the channel, within `timeout`. UNAVAILABLE if there
  // is none.
  absl::StatusOr<v1::ChannelDescription> Describe(absl::Duration timeout) const;

  // Leaves the channel to its pool, which forgets it.
  void Disconnect();
  // Ends the pool, whatever it does.
  void Kill();

  uint64_t batches() const { return batches_; }
  uint64_t seeds() const { return seeds_; }
  uint64_t capacity() const { return spec_.options().buffer_bytes(); }
  uint64_t queued() const;
  pid_t pid() const { return pool_ == nullptr ? 0 : pool_->pid(); }
  std::string Name() const;

 private:
  PoolChannel(const SampleStreamOptions& options, std::vector<std::string> argv,
              std::string log);

  const MpWorkerOptions workers_;
  const std::shared_ptr<rpc::Security> security_;
  const std::vector<std::string> argv_;
  const std::string log_;
  v1::ChannelSpec spec_;  // each channel's, but for its id
  uint64_t batches_ = 0;
  uint64_t seeds_ = 0;
  bool keeps_log_ = false;

  std::unique_ptr<SamplerPoolProcess> pool_;
  std::unique_ptr<ShmConsumer> consumer_;
  std::shared_ptr<DoorbellRinger> producer_;  // told when there is room
  uint32_t producer_slot_ = 0;
  std::shared_ptr<KeptMessage::Total> kept_;  // of this channel
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_POOL_CHANNEL_H_
