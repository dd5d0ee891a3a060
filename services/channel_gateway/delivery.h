#ifndef FAIRLEAD_SERVICES_CHANNEL_GATEWAY_DELIVERY_H_
#define FAIRLEAD_SERVICES_CHANNEL_GATEWAY_DELIVERY_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/clock/clock.h"
#include "libs/shm_channel/doorbell.h"
#include "libs/shm_channel/shm_budget.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_message/message_tag.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"
#include "services/channel_gateway/gateway_metrics.h"
#include "services/channel_gateway/subscription.h"

namespace fairlead {

// A message on its way to a reader. While it lives its bytes stay in shared
// memory; when it goes, the channel's producer is told that there is room.
// Movable; may be destroyed by any thread.
class DeliveredMessage {
 public:
  DeliveredMessage(ShmMessage message, ChannelMessageTag tag,
                   absl::Duration received,
                   std::shared_ptr<DoorbellRinger> producer, uint32_t slot)
      : message_(std::move(message)),
        tag_(tag),
        received_(received),
        producer_(std::move(producer)),
        slot_(slot) {}
  DeliveredMessage(DeliveredMessage&&) = default;
  DeliveredMessage& operator=(DeliveredMessage&&) = delete;
  ~DeliveredMessage() {
    if (producer_ == nullptr) return;  // moved from
    message_.reset();
    producer_->Ring(slot_);
  }

  const ChannelMessageTag& tag() const { return tag_; }
  absl::Span<const uint8_t> bytes() const { return message_->bytes(); }
  absl::Duration received() const { return received_; }

 private:
  std::optional<ShmMessage> message_;
  ChannelMessageTag tag_;
  absl::Duration received_;  // when it was taken out of the channel
  std::shared_ptr<DoorbellRinger> producer_;
  uint32_t slot_;
};

// Where a reader's messages go. Calls come from any thread, one at a time.
class MessageSink {
 public:
  virtual ~MessageSink() = default;

  // The job that reads, which may read its own channels alone. Null where that
  // is not known (without TLS): then any.
  virtual std::optional<std::string> job() const { return std::nullopt; }

  // Takes one message, without blocking; the next comes only after
  // Delivery::OnSent. False if it can take none any more: then `message` is as
  // it was.
  virtual bool Send(DeliveredMessage& message) = 0;

  // No more messages, and why. The last call.
  virtual void Finish(const absl::Status& why) = 0;
};

// How to reach a channel: where its segment is, and whom to tell of room.
struct ChannelAttachment {
  std::string segment;
  v1::Doorbell wake_producer;
  std::string job;  // that the channel is of
};

// Finds channels; see channel_attacher.h. Calls back from any thread, maybe
// before it returns.
class ChannelFinder {
 public:
  // Whether the channel of that job is wanted. Until then nothing has been done
  // to it, or to its pool.
  using Check = std::function<absl::Status(const std::string& job)>;
  using Callback = std::function<void(absl::StatusOr<ChannelAttachment>)>;

  virtual ~ChannelFinder() = default;
  // Calls `done` once: with the error of `may_attach`, if that returns one.
  virtual void Find(uint64_t channel_id, const v1::Doorbell& wake_consumer,
                    Check may_attach, Callback done) = 0;
};

struct DeliveryOptions {
  std::string shm_dir;
  uint64_t shm_budget_bytes = 0;  // of all segments mapped
  uint64_t max_channels = 1024;   // attached at a time
};

// Moves messages from the channels of this host to their readers, as fast as
// their credit lets it. One thread, which sleeps on a doorbell that the
// producers ring; a reader that waits costs none. Thread-safe; knows no gRPC.
class Delivery {
 public:
  // All four must outlive it.
  static absl::StatusOr<std::unique_ptr<Delivery>> Start(
      const DeliveryOptions& options, const Clock& clock,
      GatewayMetrics& metrics, ChannelFinder& finder);

  // Finishes every reader with UNAVAILABLE.
  ~Delivery();

  // Makes `sink` the channel's reader, from the given attempt on. Whoever read
  // it before is finished with ABORTED. A reader that subscribes again goes on
  // with the new attempt and credit. PERMISSION_DENIED for a sink of another
  // job than the channel, which takes nothing over. Errors come through the
  // sink: see
  // channel_gateway.proto for the codes.
  void Subscribe(uint64_t channel_id, const EpochAttempt& wanted,
                 uint64_t credit_messages, uint64_t credit_bytes,
                 std::shared_ptr<MessageSink> sink) ABSL_LOCKS_EXCLUDED(mutex_);
  // Nothing if `sink` is not, or no longer, the channel's reader. So below.
  void AddCredit(uint64_t channel_id, const MessageSink* sink,
                 uint64_t messages, uint64_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  // The sink has room for the next message.
  void OnSent(uint64_t channel_id, const MessageSink* sink)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The sink's trainer has given back the credit for a sampled batch.
  void AddCreditHeld(uint64_t channel_id, const MessageSink* sink,
                     const CreditHeld& held) ABSL_LOCKS_EXCLUDED(mutex_);
  // The sink goes; Finish is not called.
  void Unsubscribe(uint64_t channel_id, const MessageSink* sink)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Looks now whether the producers of all channels live, as it does by itself
  // every half second. A channel whose producers are gone is at its end.
  void CheckProducers() ABSL_LOCKS_EXCLUDED(mutex_);

  // What there is now, for metrics.
  GatewaySnapshot TakeSnapshot() ABSL_LOCKS_EXCLUDED(mutex_);

  // Finishes every reader with UNAVAILABLE, and lets go of every channel: what
  // was taken out and not sent is made again. Readers ask the registry then,
  // and go on at another gateway of this host if there is one, else here.
  void HandOn() ABSL_LOCKS_EXCLUDED(mutex_);
  // The same, and refuses new ones.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Reader {
    Subscription subscription;
    std::shared_ptr<MessageSink> sink;
    bool sending = false;  // the sink has a message and no room for another
    absl::Duration waits_since;  // for a message, or for the sink
    bool has_end = false;        // the end of its epoch was sent
  };

  // A channel that has a reader, or is attached, or both.
  struct Channel {
    std::unique_ptr<ShmConsumer> consumer;  // null until it is attached
    std::shared_ptr<DoorbellRinger> producer;
    uint32_t producer_slot = 0;
    std::string job;  // known once it is attached
    bool is_being_found = false;
    std::deque<DeliveredMessage> held;  // taken out, and not yet wanted
    EpochAttempt latest;                // of all that was sent
    std::optional<Reader> reader;

    StreamWaits waits;
    uint64_t sent_messages = 0;
    uint64_t sent_bytes = 0;
    CreditHeld credit_held;
  };

  // What is to be done once the lock is given up: sinks call back.
  using Actions = std::vector<std::function<void()>>;

  Delivery(const DeliveryOptions& options, const Clock& clock,
           GatewayMetrics& metrics, ChannelFinder& finder,
           std::unique_ptr<Doorbell> doorbell);

  void RunDoorbell();
  // Whether who waits for the channel may read what is of that job.
  absl::Status CheckWaiting(uint64_t channel_id, const std::string& job)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnFound(uint64_t channel_id, absl::StatusOr<ChannelAttachment> found)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Attach(Channel& channel, const ChannelAttachment& found)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Whether the sink may become the channel's reader.
  absl::Status CheckReader(uint64_t channel_id, const MessageSink& sink) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Reader* FindReader(uint64_t channel_id, const MessageSink* sink)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Sends what can be sent; ends the channel if it is at its end.
  void Pump(uint64_t channel_id, Actions& actions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The channels of these slots of the doorbell; of all, if there are none.
  void PumpSlots(absl::Span<const uint32_t> slots, Actions& actions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendNext(uint64_t channel_id, Actions& actions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // To be called after whatever may have changed what a channel waits for.
  void NoteWait(Channel& channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The next message that the reader is to get; nullopt if there is none now.
  // An error if the channel is at its end.
  absl::StatusOr<std::optional<DeliveredMessage>> NextMessage(Channel& channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndAll(const absl::Status& why, Actions& actions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Finishes the reader and forgets the channel.
  void End(uint64_t channel_id, const absl::Status& why, Actions& actions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FinishReader(Channel& channel, const absl::Status& why, Actions& actions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Run(const Actions& actions);

  const DeliveryOptions options_;
  const Clock& clock_;
  GatewayMetrics& metrics_;
  ChannelFinder& finder_;
  const std::unique_ptr<Doorbell> doorbell_;
  const std::shared_ptr<ShmBudget> budget_;

  Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Channel>> channels_
      ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_CHANNEL_GATEWAY_DELIVERY_H_
