// How Delivery moves messages: which is the next that a reader gets, when a
// channel is at its end, and the thread that waits for the rings.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "services/channel_gateway/delivery.h"

namespace fairlead {
namespace {

// A producer that is killed rings no bell: with channels attached, their
// producers' signs of life are looked at this often, however many rings come.
constexpr absl::Duration kLifeCheck = absl::Milliseconds(500);

}  // namespace

void Delivery::FinishReader(Channel& channel, const absl::Status& why,
                            Actions& actions) {
  if (!channel.reader.has_value()) return;
  actions.push_back([sink = channel.reader->sink, why] { sink->Finish(why); });
  channel.reader.reset();
  NoteWait(channel);
}

void Delivery::End(uint64_t channel_id, const absl::Status& why,
                   Actions& actions) {
  const auto it = channels_.find(channel_id);
  FinishReader(*it->second, why, actions);
  // Unmapping a segment and ringing for what was held need no lock.
  actions.push_back(
      [channel = std::shared_ptr<Channel>(std::move(it->second))] {});
  channels_.erase(it);
}

void Delivery::EndAll(const absl::Status& why, Actions& actions) {
  std::vector<uint64_t> ids;
  for (const auto& [id, channel] : channels_) ids.push_back(id);
  for (const uint64_t id : ids) End(id, why, actions);
}

absl::StatusOr<std::optional<DeliveredMessage>> Delivery::NextMessage(
    Channel& channel) {
  while (true) {
    std::optional<DeliveredMessage> message;
    if (!channel.held.empty()) {
      message.emplace(std::move(channel.held.front()));
      channel.held.pop_front();
    } else {
      absl::StatusOr<ShmMessage> received =
          channel.consumer->Receive(absl::ZeroDuration());
      if (absl::IsDeadlineExceeded(received.status())) return std::nullopt;
      FAIRLEAD_RETURN_IF_ERROR(received.status());
      const std::optional<ChannelMessageTag> tag =
          ChannelMessageTag::Decode(received->tag());
      if (!tag.has_value()) {
        return absl::DataLossError("a message has a tag that no pool writes");
      }
      message.emplace(*std::move(received), *tag, clock_.MonotonicNow(),
                      channel.producer, channel.producer_slot);
    }
    switch (channel.reader->subscription.Judge(message->tag())) {
      case Subscription::Verdict::kSend:
        return message;
      case Subscription::Verdict::kDrop:
        metrics_.stale_messages.Increment();
        break;
      case Subscription::Verdict::kHold:
        channel.held.push_front(*std::move(message));
        return std::nullopt;
    }
  }
}

void Delivery::Pump(uint64_t channel_id, Actions& actions) {
  SendNext(channel_id, actions);
  const auto it = channels_.find(channel_id);
  if (it != channels_.end()) NoteWait(*it->second);
}

void Delivery::SendNext(uint64_t channel_id, Actions& actions) {
  Channel& channel = *channels_.at(channel_id);
  if (channel.consumer == nullptr) return;
  if (!channel.reader.has_value()) {
    // Nobody to send to, but somebody to notice that the channel is over.
    const absl::Status state = channel.consumer->CheckAlive();
    if (!state.ok()) End(channel_id, state, actions);
    return;
  }
  Reader& reader = *channel.reader;
  if (reader.sending) return;
  absl::StatusOr<std::optional<DeliveredMessage>> next = NextMessage(channel);
  if (!next.ok()) {
    absl::Status why = next.status();
    if (absl::IsCancelled(why)) {
      why = absl::NotFoundError(absl::StrCat(
          "channel ", channel_id,
          ": is gone, destroyed or reclaimed with its trainer's lease; "
          "register the input again"));
    }
    End(channel_id,
        absl::Status(why.code(), absl::StrCat("channel ", channel_id, ": ",
                                              std::string(why.message()))),
        actions);
    return;
  }
  if (!next->has_value()) return;
  const ChannelMessageTag::Kind kind = (*next)->tag().kind;
  if (!reader.subscription.MaySend(kind)) {
    channel.held.push_front(*std::move(*next));
    return;
  }

  const absl::Duration now = clock_.MonotonicNow();
  metrics_.data_wait_seconds.Observe(
      absl::ToDoubleSeconds(now - reader.waits_since));
  reader.waits_since = now;
  reader.sending = true;
  reader.has_end = kind == ChannelMessageTag::Kind::kEpochEnd;
  ++channel.sent_messages;
  channel.sent_bytes += (*next)->bytes().size();
  reader.subscription.Spend(kind, (*next)->bytes().size());
  channel.latest = reader.subscription.wanted();
  // Shared, since an action must be copyable; used once.
  auto message = std::make_shared<DeliveredMessage>(*std::move(*next));
  actions.push_back([this, channel_id, sink = reader.sink, message] {
    metrics_.CountMessage(message->tag(), message->bytes().size());
    if (sink->Send(*message)) return;
    // The reader went while this was on its way: it is the next one's, who may
    // be waiting already.
    Actions more;
    {
      MutexLock lock(&mutex_);
      const auto it = channels_.find(channel_id);
      if (it == channels_.end()) return;
      it->second->held.push_front(std::move(*message));
      Pump(channel_id, more);
    }
    Run(more);
  });
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

void Delivery::CheckProducers() {
  Actions actions;
  {
    MutexLock lock(&mutex_);
    PumpSlots({}, actions);
  }
  Run(actions);
}

void Delivery::PumpSlots(absl::Span<const uint32_t> slots, Actions& actions) {
  std::vector<uint64_t> ids;
  for (const auto& [id, channel] : channels_) {
    if (slots.empty() ||
        std::binary_search(slots.begin(), slots.end(),
                           static_cast<uint32_t>(id % Doorbell::kSlots))) {
      ids.push_back(id);
    }
  }
  for (const uint64_t id : ids) Pump(id, actions);
}

void Delivery::RunDoorbell() {
  absl::Duration life_check = clock_.MonotonicNow() + kLifeCheck;
  bool stopped = false;
  while (!stopped) {
    absl::Duration wait = absl::InfiniteDuration();
    {
      MutexLock lock(&mutex_);
      if (!channels_.empty()) {
        wait =
            std::max(life_check - clock_.MonotonicNow(), absl::ZeroDuration());
      }
    }
    const std::vector<uint32_t> slots = doorbell_->Wait(wait);
    Actions actions;
    {
      MutexLock lock(&mutex_);
      stopped = draining_ && slots.empty();
      const absl::Duration now = clock_.MonotonicNow();
      if (now >= life_check) {
        life_check = now + kLifeCheck;
        PumpSlots({}, actions);
      } else if (!slots.empty()) {
        PumpSlots(slots, actions);
      }
    }
    Run(actions);
  }
}

}  // namespace fairlead
