#include "services/channel_gateway/delivery.h"

#include <cstdint>
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
  FAIRLEAD_ASSIGN_OR_RETURN(
      channel.consumer,
      ShmConsumer::Open(options_.shm_dir, found.segment, {.budget = budget_}));
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
