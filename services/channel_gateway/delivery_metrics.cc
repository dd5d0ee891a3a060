// What Delivery says of its channels: where their streams wait, and for whom.

#include <cstdint>
#include <optional>

#include "libs/sync/mutex.h"
#include "libs/tensor_message/message_tag.h"
#include "services/channel_gateway/delivery.h"
#include "services/channel_gateway/gateway_metrics.h"

namespace fairlead {

void Delivery::AddCreditHeld(uint64_t channel_id, const MessageSink* sink,
                             const CreditHeld& held) {
  MutexLock lock(&mutex_);
  if (FindReader(channel_id, sink) == nullptr) return;
  channels_.at(channel_id)->credit_held += held;
}

void Delivery::NoteWait(Channel& channel) {
  std::optional<StreamWait> wait;  // none after the end, until it asks anew
  if (channel.reader.has_value() && channel.reader->sending) {
    wait = StreamWait::kTransport;
  } else if (channel.reader.has_value() && !channel.reader->has_end) {
    wait = channel.reader->subscription.MaySend(ChannelMessageTag::Kind::kBatch)
               ? StreamWait::kData
               : StreamWait::kCredit;
  }
  channel.waits.Enter(wait, clock_.MonotonicNow());
}

GatewaySnapshot Delivery::TakeSnapshot() {
  MutexLock lock(&mutex_);
  GatewaySnapshot snapshot{.now = clock_.MonotonicNow(),
                           .mapped_bytes = budget_->used_bytes()};
  for (const auto& [id, channel] : channels_) {
    const std::optional<Reader>& reader = channel->reader;
    snapshot.channels.push_back(
        {.id = id,
         .has_reader = reader.has_value(),
         .waits = channel->waits,
         .sent_messages = channel->sent_messages,
         .sent_bytes = channel->sent_bytes,
         .credit_held = channel->credit_held,
         .credit_messages =
             reader.has_value() ? reader->subscription.credit_messages() : 0});
  }
  return snapshot;
}

}  // namespace fairlead
