#include "services/channel_gateway/delivery.h"

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
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// A producer that is killed rings no bell: with channels attached, their
// producers' signs of life are looked at this often.
constexpr absl::Duration kLifeCheck = absl::Milliseconds(500);

absl::Status Draining() {
  return absl::UnavailableError(
      "this channel gateway is draining; subscribe again when it, or another, "
      "is there");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Delivery>> Delivery::Start(
    const DeliveryOptions& options, const Clock& clock, GatewayMetrics& metrics,
    ChannelFinder& finder) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<Doorbell> doorbell,
                            Doorbell::Create(options.shm_dir));
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<Delivery> delivery(
      new Delivery(options, clock, metrics, finder, std::move(doorbell)));
  delivery->thread_ = std::thread([d = delivery.get()] { d->RunDoorbell(); });
  return delivery;
}

Delivery::Delivery(const DeliveryOptions& options, const Clock& clock,
                   GatewayMetrics& metrics, ChannelFinder& finder,
                   std::unique_ptr<Doorbell> doorbell)
    : options_(options),
      clock_(clock),
      metrics_(metrics),
      finder_(finder),
      doorbell_(std::move(doorbell)),
      budget_(std::make_shared<ShmBudget>(options.shm_budget_bytes)) {}

Delivery::~Delivery() {
  Drain();
  doorbell_->Stop();
  thread_.join();
}

void Delivery::Run(const Actions& actions) {
  for (const std::function<void()>& action : actions) action();
}

void Delivery::Drain() {
  Actions actions;
  {
    MutexLock lock(&mutex_);
    draining_ = true;
    for (const auto& [id, channel] : channels_)
      FinishReader(*channel, Draining(), actions);
  }
  Run(actions);
}

void Delivery::Subscribe(uint64_t channel_id, const EpochAttempt& wanted,
                         uint64_t credit_messages, uint64_t credit_bytes,
                         std::shared_ptr<MessageSink> sink) {
  Actions actions;
  bool must_find = false;
  {
    MutexLock lock(&mutex_);
    absl::Status refusal;
    const auto known = channels_.find(channel_id);
    if (draining_) {
      refusal = Draining();
    } else if (known == channels_.end() &&
               channels_.size() >= options_.max_channels) {
      refusal = absl::ResourceExhaustedError(absl::StrCat(
          "this channel gateway has --max_channels=", options_.max_channels,
          " channels already"));
    } else if (known != channels_.end() && wanted < known->second->latest) {
      refusal = absl::FailedPreconditionError(absl::StrCat(
          "channel ", channel_id, ": epoch ", wanted.epoch, ", attempt ",
          wanted.attempt, " is over: epoch ", known->second->latest.epoch,
          ", attempt ", known->second->latest.attempt,
          " has been delivered from; subscribe to that or a later one"));
    }
    if (!refusal.ok()) {
      actions.push_back([sink, refusal] { sink->Finish(refusal); });
    } else {
      std::unique_ptr<Channel>& channel = channels_[channel_id];
      if (channel == nullptr) channel = std::make_unique<Channel>();
      bool sending = false;
      if (channel->reader.has_value()) {
        if (channel->reader->sink == sink) {
          sending = channel->reader->sending;
        } else {
          FinishReader(
              *channel,
              absl::AbortedError(absl::StrCat("channel ", channel_id,
                                              ": another reader took it over")),
              actions);
        }
      }
      channel->reader.emplace(Reader{.subscription = Subscription(wanted),
                                     .sink = std::move(sink),
                                     .sending = sending,
                                     .waits_since = clock_.MonotonicNow()});
      channel->reader->subscription.AddCredit(credit_messages, credit_bytes);
      NoteWait(*channel);
      if (channel->consumer != nullptr) {
        Pump(channel_id, actions);
      } else if (!channel->is_being_found) {
        channel->is_being_found = true;
        must_find = true;
      }
    }
  }
  Run(actions);
  if (!must_find) return;
  v1::Doorbell wake;
  wake.set_name(doorbell_->name());
  wake.set_slot(static_cast<uint32_t>(channel_id % Doorbell::kSlots));
  finder_.Find(channel_id, wake,
               [this, channel_id](absl::StatusOr<ChannelAttachment> found) {
                 OnFound(channel_id, std::move(found));
               });
}

void Delivery::OnFound(uint64_t channel_id,
                       absl::StatusOr<ChannelAttachment> found) {
  Actions actions;
  {
    MutexLock lock(&mutex_);
    const auto it = channels_.find(channel_id);
    if (it == channels_.end()) return;
    it->second->is_being_found = false;
    absl::Status status = found.status();
    if (status.ok()) status = Attach(*it->second, *found);
    if (status.ok()) {
      Pump(channel_id, actions);
    } else {
      metrics_.attach_failures.Increment();
      End(channel_id, status, actions);
    }
  }
  Run(actions);
}

absl::Status Delivery::Attach(Channel& channel,
                              const ChannelAttachment& found) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      channel.producer,
      DoorbellRinger::Open(options_.shm_dir, found.wake_producer.name()));
  channel.producer_slot = found.wake_producer.slot();
  absl::StatusOr<std::unique_ptr<ShmConsumer>> consumer =
      ShmConsumer::Open(options_.shm_dir, found.segment, {.budget = budget_});
  if (absl::IsFailedPrecondition(consumer.status())) {
    // A gateway that is about to end.
    return absl::UnavailableError(
        absl::StrCat(std::string(consumer.status().message()),
                     "; subscribe again when it has let go"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(channel.consumer, std::move(consumer));
  // Opening may have freed what a gateway before this one held.
  channel.producer->Ring(channel.producer_slot);
  return absl::OkStatus();
}

Delivery::Reader* Delivery::FindReader(uint64_t channel_id,
                                       const MessageSink* sink) {
  const auto it = channels_.find(channel_id);
  if (it == channels_.end() || !it->second->reader.has_value() ||
      it->second->reader->sink.get() != sink) {
    return nullptr;
  }
  return &*it->second->reader;
}

void Delivery::AddCredit(uint64_t channel_id, const MessageSink* sink,
                         uint64_t messages, uint64_t bytes) {
  Actions actions;
  {
    MutexLock lock(&mutex_);
    Reader* reader = FindReader(channel_id, sink);
    if (reader == nullptr) return;
    if (!reader->sending &&
        !reader->subscription.MaySend(ChannelMessageTag::Kind::kBatch)) {
      reader->waits_since = clock_.MonotonicNow();
    }
    reader->subscription.AddCredit(messages, bytes);
    Pump(channel_id, actions);
  }
  Run(actions);
}

void Delivery::OnSent(uint64_t channel_id, const MessageSink* sink) {
  Actions actions;
  {
    MutexLock lock(&mutex_);
    Reader* reader = FindReader(channel_id, sink);
    if (reader == nullptr) return;
    const absl::Duration now = clock_.MonotonicNow();
    metrics_.send_seconds.Observe(
        absl::ToDoubleSeconds(now - reader->waits_since));
    reader->sending = false;
    reader->waits_since = now;
    Pump(channel_id, actions);
  }
  Run(actions);
}

void Delivery::Unsubscribe(uint64_t channel_id, const MessageSink* sink) {
  MutexLock lock(&mutex_);
  if (FindReader(channel_id, sink) == nullptr) return;
  Channel& channel = *channels_.at(channel_id);
  channel.reader.reset();
  NoteWait(channel);
  if (channel.consumer == nullptr && !channel.is_being_found) {
    channels_.erase(channel_id);
  }
}

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

void Delivery::RunDoorbell() {
  bool stopped = false;
  while (!stopped) {
    absl::Duration wait = absl::InfiniteDuration();
    {
      MutexLock lock(&mutex_);
      if (!channels_.empty()) wait = kLifeCheck;
    }
    const std::vector<uint32_t> slots = doorbell_->Wait(wait);
    Actions actions;
    {
      MutexLock lock(&mutex_);
      stopped = draining_ && slots.empty();
      std::vector<uint64_t> ids;
      for (const auto& [id, channel] : channels_) {
        // Without a ring it is time for the signs of life.
        if (slots.empty() ||
            std::binary_search(slots.begin(), slots.end(),
                               static_cast<uint32_t>(id % Doorbell::kSlots))) {
          ids.push_back(id);
        }
      }
      for (const uint64_t id : ids) Pump(id, actions);
    }
    Run(actions);
  }
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
        {id, reader.has_value(), channel->waits, channel->sent_messages,
         reader.has_value() ? reader->subscription.credit_messages() : 0});
  }
  return snapshot;
}

}  // namespace fairlead
