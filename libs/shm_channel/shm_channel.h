#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_SHM_CHANNEL_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_SHM_CHANNEL_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
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
// its turn (W-23). README.md draws the layout and says what is left behind by
// a process that dies.

inline constexpr char kChannelPrefix[] = "fairlead-channel-";

// Words that travel with a message. The channel never looks at them.
using MessageTag = std::array<uint64_t, 4>;

struct ShmChannelOptions {
  std::string directory = "/dev/shm";  // a tmpfs that both ends see
  uint64_t capacity_bytes = 64 << 20;  // of payload; rounded up to 64
  uint32_t max_messages = 64;          // reserved, waiting or held, together
};

// Counters of a channel, as both ends see them.
struct ShmChannelStats {
  uint64_t committed_messages = 0;
  uint64_t committed_bytes = 0;
  uint64_t depth_messages = 0;      // now: committed, not received
  uint64_t used_bytes = 0;          // now: promised, reserved, waiting or held
  uint64_t high_water_bytes = 0;    // the most that used_bytes has been
  uint64_t reclaimed_messages = 0;  // taken back from a consumer that died
};

namespace internal {
class ChannelMemory;

// A place in the channel that is given back when this goes, unless it was
// released before. Keeps the memory mapped. Movable.
class SlotHolder {
 public:
  SlotHolder() = default;
  SlotHolder(std::shared_ptr<ChannelMemory> memory, uint32_t slot,
             absl::Span<uint8_t> bytes)
      : memory_(std::move(memory)), slot_(slot), bytes_(bytes) {}
  SlotHolder(SlotHolder&& other) noexcept { *this = std::move(other); }
  SlotHolder& operator=(SlotHolder&& other) noexcept {
    Free();
    memory_ = std::move(other.memory_);
    slot_ = other.slot_;
    bytes_ = other.bytes_;
    return *this;
  }
  ~SlotHolder() { Free(); }

  bool holds() const { return memory_ != nullptr; }
  ChannelMemory& memory() const { return *memory_; }
  uint32_t slot() const { return slot_; }
  absl::Span<uint8_t> bytes() const { return bytes_; }

  void Free();
  std::shared_ptr<ChannelMemory> Release() { return std::move(memory_); }

 private:
  std::shared_ptr<ChannelMemory> memory_;
  uint32_t slot_ = 0;
  absl::Span<uint8_t> bytes_;
};
}  // namespace internal

// A promise of space: a later ReserveFrom() finds room for what was promised.
// Gives the space back when destroyed. Movable; thread-compatible.
class ShmCredit {
 public:
  explicit ShmCredit(internal::SlotHolder holder)
      : holder_(std::move(holder)) {}

 private:
  friend class ShmProducer;
  internal::SlotHolder holder_;
};

// Space to write one message in place; abandoned unless committed. Movable;
// thread-compatible.
class ShmReservation {
 public:
  explicit ShmReservation(internal::SlotHolder holder)
      : holder_(std::move(holder)) {}

  // 64-byte aligned; holds what earlier messages left.
  absl::Span<uint8_t> bytes() const { return holder_.bytes(); }

  // Hands the message over, once. CANCELLED if the channel was closed.
  absl::Status Commit(const MessageTag& tag);

 private:
  friend class ShmProducer;
  internal::SlotHolder holder_;
};

// A message to read in place. Its bytes stay valid until it is destroyed, in
// any order, by any thread; it may outlive the ShmConsumer. Movable.
class ShmMessage {
 public:
  ShmMessage(internal::SlotHolder holder, const MessageTag& tag)
      : holder_(std::move(holder)), tag_(tag) {}

  absl::Span<const uint8_t> bytes() const { return holder_.bytes(); }
  const MessageTag& tag() const { return tag_; }

 private:
  internal::SlotHolder holder_;
  MessageTag tag_;
};

// The producing end: makes the channel and owns it. Thread-safe. When it goes,
// the name goes; a consumer that has the channel open may drain it.
class ShmProducer {
 public:
  // INVALID_ARGUMENT for options that make no channel; RESOURCE_EXHAUSTED if
  // the file system or `budget` (which must outlive the producer) cannot hold
  // it: all of it is allocated now, so there is no SIGBUS later (W-25);
  // NOT_FOUND if there is no such directory.
  static absl::StatusOr<std::unique_ptr<ShmProducer>> Create(
      const ShmChannelOptions& options, ShmBudget* budget = nullptr);
  ~ShmProducer();

  // Of the segment, in its directory: what a consumer opens.
  const std::string& name() const;

  // Space for `bytes` (may be 0), waiting at most `timeout` for it: 0 asks
  // once, InfiniteDuration waits for ever. OUT_OF_RANGE if that is more than
  // the channel can ever hold; DEADLINE_EXCEEDED; CANCELLED once closed;
  // DATA_LOSS if the segment is damaged.
  absl::StatusOr<ShmReservation> Reserve(uint64_t bytes,
                                         absl::Duration timeout);

  // A promise of `bytes`, if it can be given now; never waits.
  // RESOURCE_EXHAUSTED if not now; else as Reserve.
  absl::StatusOr<ShmCredit> TryPromise(uint64_t bytes);

  // Space out of a promise, which is used up: what it had beyond `bytes` is
  // free again. If `bytes` is more than was promised, and there is no room for
  // it now, RESOURCE_EXHAUSTED, and the promise stays as it was. Never waits.
  absl::StatusOr<ShmReservation> ReserveFrom(ShmCredit& credit, uint64_t bytes);

  // No more messages. Wakes whoever waits, at both ends. Idempotent.
  void Close();

  ShmChannelStats stats() const;

 private:
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

// The consuming end. Thread-safe: threads that receive at once get different
// messages. One process at a time consumes; one that opens the channel after
// another died gets back the space of what that one held.
class ShmConsumer {
 public:
  // NOT_FOUND if there is no such segment; DATA_LOSS if it is none of ours;
  // FAILED_PRECONDITION if another process consumes it; RESOURCE_EXHAUSTED if
  // `budget` (which must outlive all messages received) cannot hold it.
  static absl::StatusOr<std::unique_ptr<ShmConsumer>> Open(
      absl::string_view directory, absl::string_view name,
      std::shared_ptr<ShmBudget> budget = nullptr);

  // The oldest waiting message, waiting at most `timeout` for one: 0 asks
  // once, InfiniteDuration waits for ever. DEADLINE_EXCEEDED; CANCELLED once
  // the channel is closed and drained; UNAVAILABLE once its producer is dead
  // and it is drained; DATA_LOSS if the segment is damaged.
  absl::StatusOr<ShmMessage> Receive(absl::Duration timeout);

  // What Receive would say of an empty channel: OK, CANCELLED or UNAVAILABLE.
  absl::Status CheckAlive() const;

  ShmChannelStats stats() const;

 private:
  explicit ShmConsumer(std::shared_ptr<internal::ChannelMemory> memory)
      : memory_(std::move(memory)) {}

  const std::shared_ptr<internal::ChannelMemory> memory_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_SHM_CHANNEL_H_
