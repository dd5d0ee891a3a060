#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_SHM_CHANNEL_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_SHM_CHANNEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/shm_channel/channel_memory.h"
#include "libs/shm_channel/segment_layout.h"
#include "libs/shm_channel/shm_budget.h"

namespace fairlead {

// Hands messages of any size from producer processes to a consumer process
// through shared memory, written and read in place.
//
//   auto producer = ShmProducer::Create({.directory = "/dev/shm"});
//   auto space = (*producer)->Reserve(bytes, absl::InfiniteDuration());
//   FillIn(space->bytes());
//   space->Commit(tag);
//
//   auto consumer = ShmConsumer::Open("/dev/shm", (*producer)->name());
//   auto message = (*consumer)->Receive(absl::InfiniteDuration());
//   Use(message->bytes());  // valid until `message` goes
//
// Messages come out in the order in which they were committed. Space is given
// wherever it is free: a message that is held keeps no more than itself from
// being used again (parity W-26), and any message up to the whole capacity has
// its turn (W-23). Participants may be killed at any instruction: what they had
// not committed, and what they held, is taken back by those who are left, or
// by the next to open the channel. README.md draws the layout and says how.

struct ShmChannelOptions {
  std::string directory = "/dev/shm";  // a tmpfs that all participants see
  uint64_t capacity_bytes = 64 << 20;  // of payload; rounded up to 64
  uint32_t max_messages = 64;          // reserved, waiting or held, together
};

// Counters of a channel, the same for all participants.
struct ShmChannelStats {
  uint64_t committed_messages = 0;
  uint64_t committed_bytes = 0;
  uint64_t depth_messages = 0;  // now: committed, not received
  uint64_t used_bytes = 0;      // now: promised, reserved, waiting or held
  // The most that used_bytes has been: exact of a channel that was once full,
  // else to 1/64 of its capacity.
  uint64_t high_water_bytes = 0;
  uint64_t reclaimed_messages = 0;  // taken back from participants that died
  absl::Duration producer_wait;     // in all, for space
  absl::Duration consumer_wait;     // in all, for messages
  uint32_t producers = 0;           // now
  uint32_t consumers = 0;
  uint32_t dead = 0;  // of these two: dead, and not yet recovered from
};

// Of a segment that one need not take part in. As ShmConsumer::Open.
absl::StatusOr<ShmChannelStats> InspectShmChannel(absl::string_view directory,
                                                  absl::string_view name);

namespace internal {
// A place in the channel that is given back when this goes, unless it was
// released before. Keeps the memory mapped. Movable.
class PlaceHolder {
 public:
  PlaceHolder() = default;
  PlaceHolder(std::shared_ptr<ChannelMemory> memory,
              const ChannelMemory::Place& place)
      : memory_(std::move(memory)), place_(place) {}
  PlaceHolder(PlaceHolder&& other) noexcept { *this = std::move(other); }
  PlaceHolder& operator=(PlaceHolder&& other) noexcept {
    Free();
    memory_ = std::move(other.memory_);
    place_ = other.place_;
    return *this;
  }
  ~PlaceHolder() { Free(); }

  ChannelMemory& memory() const { return *memory_; }
  ChannelMemory::Place& place() { return place_; }
  absl::Span<uint8_t> bytes() const { return place_.bytes; }

  void Free() {
    if (memory_ != nullptr) memory_->Free(place_.slot);
    memory_.reset();
  }
  std::shared_ptr<ChannelMemory> Release() { return std::move(memory_); }

 private:
  std::shared_ptr<ChannelMemory> memory_;
  ChannelMemory::Place place_;
};
}  // namespace internal

// A promise of space: a later ReserveFrom() finds room for what was promised.
// Gives the space back when destroyed. Movable; thread-compatible.
class ShmCredit {
 public:
  explicit ShmCredit(internal::PlaceHolder holder)
      : holder_(std::move(holder)) {}

 private:
  friend class ShmProducer;
  internal::PlaceHolder holder_;
};

// Space to write one message in place; abandoned unless committed. Movable;
// thread-compatible.
class ShmReservation {
 public:
  explicit ShmReservation(internal::PlaceHolder holder)
      : holder_(std::move(holder)) {}

  // 64-byte aligned; holds what earlier messages left.
  absl::Span<uint8_t> bytes() const { return holder_.bytes(); }

  // Hands the message over, once. CANCELLED if the channel was closed.
  absl::Status Commit(const MessageTag& tag);

 private:
  friend class ShmProducer;
  internal::PlaceHolder holder_;
};

// A message to read in place. Its bytes stay valid until it is destroyed, in
// any order, by any thread; it may outlive the ShmConsumer. Movable.
class ShmMessage {
 public:
  ShmMessage(internal::PlaceHolder holder, const MessageTag& tag)
      : holder_(std::move(holder)), tag_(tag) {}

  absl::Span<const uint8_t> bytes() const { return holder_.bytes(); }
  const MessageTag& tag() const { return tag_; }

 private:
  internal::PlaceHolder holder_;
  MessageTag tag_;
};

// A producing end. Thread-safe. The channel lives while one of its producers
// does; when the one that created it goes, its name goes, and whoever has the
// channel open may use it up.
class ShmProducer {
 public:
  // INVALID_ARGUMENT for options that make no channel; RESOURCE_EXHAUSTED if
  // the file system or `budget` (which must outlive the producer) cannot hold
  // it: all of it is allocated now, so there is no SIGBUS later (W-25);
  // NOT_FOUND if there is no such directory.
  static absl::StatusOr<std::unique_ptr<ShmProducer>> Create(
      const ShmChannelOptions& options, ShmBudget* budget = nullptr);

  // One more producer, of this process or another. NOT_FOUND if there is no
  // such segment; DATA_LOSS if it is none of ours; RESOURCE_EXHAUSTED if it
  // has 64 participants.
  static absl::StatusOr<std::unique_ptr<ShmProducer>> Open(
      absl::string_view directory, absl::string_view name);

  ~ShmProducer();

  // Of the segment, in its directory: what others open.
  const std::string& name() const { return memory_->name(); }

  // Space for `bytes` (may be 0), waiting at most `timeout` for it: 0 asks
  // once, InfiniteDuration waits for ever. OUT_OF_RANGE if that is more than
  // the channel can ever hold; DEADLINE_EXCEEDED; CANCELLED once closed;
  // DATA_LOSS if the segment is damaged. Those who wait have their turns one
  // by one, before anybody who comes later.
  absl::StatusOr<ShmReservation> Reserve(uint64_t bytes,
                                         absl::Duration timeout);

  // A promise of `bytes`, if it can be given now; never waits.
  // RESOURCE_EXHAUSTED if not now; else as Reserve.
  absl::StatusOr<ShmCredit> TryPromise(uint64_t bytes);

  // Space out of a promise, which is used up: what it had beyond `bytes` is
  // free again. If `bytes` is more than was promised, and there is no room for
  // it now, RESOURCE_EXHAUSTED, and the promise stays as it was. Never waits.
  absl::StatusOr<ShmReservation> ReserveFrom(ShmCredit& credit, uint64_t bytes);

  // No more messages, of any producer: what is committed may be received, and
  // then comes the end. Wakes whoever waits, at both ends. Idempotent.
  void Close() { memory_->Close(); }

  // Takes back now what participants had that died; those who wait do it by
  // themselves, within a quarter of a second. How many messages.
  int Recover() { return memory_->Recover(); }

  ShmChannelStats stats() const;

 private:
  friend class ShmConsumer;
  ShmProducer(std::shared_ptr<internal::ChannelMemory> memory,
              ShmBudget* budget, uint64_t budget_bytes)
      : memory_(std::move(memory)),
        budget_(budget),
        budget_bytes_(budget_bytes) {}

  absl::Status CheckSize(uint64_t bytes) const;

  const std::shared_ptr<internal::ChannelMemory> memory_;
  ShmBudget* const budget_;
  const uint64_t budget_bytes_;
};

struct ShmConsumerOptions {
  // Whether there may be others, each of which gets some of the messages.
  bool is_shared = false;
  // Of this process's mappings; takes the segment's size while there are
  // messages or a consumer.
  std::shared_ptr<ShmBudget> budget = nullptr;
};

// A consuming end. Thread-safe: threads that receive at once get different
// messages.
class ShmConsumer {
 public:
  // NOT_FOUND if there is no such segment; DATA_LOSS if it is none of ours;
  // FAILED_PRECONDITION if another consumes it, unless both share it;
  // RESOURCE_EXHAUSTED if the budget cannot hold it, or it has 64 participants.
  static absl::StatusOr<std::unique_ptr<ShmConsumer>> Open(
      absl::string_view directory, absl::string_view name,
      const ShmConsumerOptions& options = {});

  // Beside the producer in one process, with the same mapping.
  static absl::StatusOr<std::unique_ptr<ShmConsumer>> OpenInProcess(
      const ShmProducer& producer, bool is_shared = false);

  // The oldest waiting message, waiting at most `timeout` for one: 0 asks
  // once, InfiniteDuration waits for ever. DEADLINE_EXCEEDED; CANCELLED once
  // the channel is closed and drained; UNAVAILABLE once its producers are dead
  // and it is drained; DATA_LOSS if the segment is damaged.
  absl::StatusOr<ShmMessage> Receive(absl::Duration timeout);

  // What Receive would say of an empty channel: OK, CANCELLED or UNAVAILABLE.
  absl::Status CheckAlive() const { return memory_->CheckAlive(); }

  // As ShmProducer::Recover.
  int Recover() { return memory_->Recover(); }

  ShmChannelStats stats() const;

 private:
  explicit ShmConsumer(std::shared_ptr<internal::ChannelMemory> memory)
      : memory_(std::move(memory)) {}

  const std::shared_ptr<internal::ChannelMemory> memory_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_SHM_CHANNEL_H_
