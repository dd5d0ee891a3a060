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

// Whether the sink may read a channel of that job.
absl::Status CheckJob(uint64_t channel_id, const std::string& job,
                      const MessageSink& sink) {
  const std::optional<std::string> reader = sink.job();
  if (!reader.has_value() || *reader == job) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("channel ", channel_id, ": is not of job ", *reader));
}

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

void Delivery::HandOn() {
  Actions actions;
  {
    MutexLock lock(&mutex_);
    EndAll(
        absl::UnavailableError(
            "this channel gateway is being taken out of service; go on where "
            "the registry says"),
        actions);
  }
  Run(actions);
}

void Delivery::Drain() {
  Actions actions;
  {
    MutexLock lock(&mutex_);
    draining_ = true;
    EndAll(Draining(), actions);
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
    } else if (const absl::Status may = CheckReader(channel_id, *sink);
               !may.ok()) {
      refusal = may;
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
  finder_.Find(
      channel_id, wake,
      [this, channel_id](const std::string& job) {
        return CheckWaiting(channel_id, job);
      },
      [this, channel_id](absl::StatusOr<ChannelAttachment> found) {
        OnFound(channel_id, std::move(found));
      });
}

absl::Status Delivery::CheckWaiting(uint64_t channel_id,
                                    const std::string& job) {
  MutexLock lock(&mutex_);
  const auto it = channels_.find(channel_id);
  if (it == channels_.end() || !it->second->reader.has_value()) {
    return absl::UnavailableError(absl::StrCat(
        "channel ", channel_id,
        ": whoever asked for it left before it was attached; try again"));
  }
  return CheckJob(channel_id, job, *it->second->reader->sink);
}

void Delivery::OnFound(uint64_t channel_id,
                       absl::StatusOr<ChannelAttachment> found) {
  Actions actions;
  {
    MutexLock lock(&mutex_);
    const auto it = channels_.find(channel_id);
    // (It may have been handed on meanwhile, and asked for anew.)
    if (it == channels_.end() || !it->second->is_being_found) return;
    it->second->is_being_found = false;
    absl::Status status = found.status();
    if (status.ok()) status = Attach(*it->second, *found);
    if (status.ok()) {
      Channel& channel = *it->second;
      channel.job = found->job;
      if (channel.reader.has_value()) {
        const absl::Status may = CheckReader(channel_id, *channel.reader->sink);
        if (!may.ok()) FinishReader(channel, may, actions);
      }
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

absl::Status Delivery::CheckReader(uint64_t channel_id,
                                   const MessageSink& sink) const {
  const auto it = channels_.find(channel_id);
  if (it == channels_.end()) return absl::OkStatus();
  const Channel& channel = *it->second;
  if (channel.consumer != nullptr) {
    return CheckJob(channel_id, channel.job, sink);
  }
  // Whose it is will be known in a moment. Until then no other job's reader may
  // push out the one that waits.
  if (!channel.reader.has_value() ||
      channel.reader->sink->job() == sink.job()) {
    return absl::OkStatus();
  }
  return absl::UnavailableError(
      absl::StrCat("channel ", channel_id, ": is being attached; try again"));
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

void Delivery::AddCreditHeld(uint64_t channel_id, const MessageSink* sink,
                             const CreditHeld& held) {
  MutexLock lock(&mutex_);
  if (FindReader(channel_id, sink) == nullptr) return;
  channels_.at(channel_id)->credit_held += held;
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
