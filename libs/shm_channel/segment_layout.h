#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_SEGMENT_LAYOUT_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_SEGMENT_LAYOUT_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "libs/shm_channel/sleepers.h"

namespace fairlead {

// Words that travel with a message. The channel never looks at them.
using MessageTag = std::array<uint64_t, 4>;

// What stands in a channel's segment: header, slots, queue, data. README.md
// draws it. Others can write to all of it at any time, so nothing that is read
// here may be used as an index or a length before it has been checked.
namespace internal {

inline constexpr uint64_t kChannelMagic = 0x3230304843464C46;  // "FLFCH002"
inline constexpr uint64_t kAlignment = 64;
inline constexpr uint64_t kMaxCapacity = uint64_t{1} << 42;
inline constexpr uint32_t kMaxMessages = 4096;
inline constexpr uint32_t kMaxParticipants = 64;

inline constexpr uint64_t AlignUp(uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

enum class SlotState : uint64_t {
  kFree = 0,
  kReserved = 1,   // promised or written: its producer's
  kCommitted = 2,  // in the queue, or about to be put there by its producer
  kHeld = 3,       // its consumer's
};

// All that decides whose a slot is, in one word, so that a slot changes hands
// by one compare-and-swap.
struct SlotWord {
  SlotState state = SlotState::kFree;
  uint32_t owner = 0;     // participant
  uint64_t position = 0;  // in the queue; from kCommitted on

  uint64_t Encode() const {
    return static_cast<uint64_t>(state) | (uint64_t{owner} & 0x3FFF) << 2 |
           position << 16;
  }
  static SlotWord Decode(uint64_t word) {
    return {.state = static_cast<SlotState>(word & 3),
            .owner = static_cast<uint32_t>(word >> 2 & 0x3FFF),
            .position = word >> 16};
  }
};

// One message's place. A cache line of its own: producer and consumer work on
// neighbouring messages at the same time.
struct alignas(64) Slot {
  std::atomic<uint64_t> word{0};
  // What is taken of the data. Nothing while extent is 0; offset is written
  // before it. They say all there is to know of the space: what no slot
  // claims is free.
  std::atomic<uint64_t> offset{0};  // a multiple of kAlignment
  std::atomic<uint64_t> extent{0};  // a multiple of kAlignment
  uint64_t bytes = 0;               // of the message; the owner's, as the tag
  MessageTag tag{};
};
static_assert(sizeof(Slot) == 64);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

// An entry of the queue: which slot holds the message of that position, or,
// until it is written, the position one round before.
struct QueueEntry {
  static constexpr uint32_t kClosed = 0xFFFF;  // in place of a slot: the end

  uint64_t position = 0;
  uint32_t slot = 0;

  uint64_t Encode() const { return position << 16 | (slot & 0xFFFF); }
  static QueueEntry Decode(uint64_t entry) {
    return {.position = entry >> 16,
            .slot = static_cast<uint32_t>(entry & 0xFFFF)};
  }
};

enum class Role : uint32_t { kNobody = 0, kProducer = 1, kConsumer = 2 };

struct Header {
  uint64_t magic = kChannelMagic;
  uint64_t capacity = 0;  // of the data
  uint32_t max_messages = 0;
  std::atomic<uint32_t> closed{0};
  // A participant is alive while it holds the lock of its number.
  std::atomic<Role> participants[kMaxParticipants] = {};

  // What producers write.
  alignas(64) std::atomic<uint64_t> version{0};  // moves as space is taken
  std::atomic<uint64_t> tail{0};                 // of the queue
  std::atomic<uint64_t> committed_bytes{0};
  std::atomic<uint64_t> taken_bytes{0};  // ever, less what was given back early
  std::atomic<uint64_t> high_water_bytes{0};

  // What consumers write.
  alignas(64) std::atomic<uint64_t> head{0};  // of the queue
  std::atomic<uint64_t> freed_slots{0};       // ever
  std::atomic<uint64_t> freed_bytes{0};       // ever

  // Written only by who sleeps and who wakes.
  alignas(64) Sleepers message_sleepers;
  alignas(64) Sleepers space_sleepers;
  // Who may take space while others wait for some, 0 for anybody: so a large
  // message is not overtaken by small ones for ever.
  alignas(64) std::atomic<uint64_t> turn{0};
  Sleepers turn_sleepers;

  // Counters that only slow paths touch.
  alignas(64) std::atomic<uint64_t> producer_wait_ns{0};
  std::atomic<uint64_t> consumer_wait_ns{0};
  std::atomic<uint64_t> reclaimed_slots{0};
};

// More than there can be messages, so that the end has room too.
inline uint64_t QueueLength(uint32_t max_messages) {
  return std::bit_ceil(uint64_t{max_messages} + 1);
}
inline uint64_t QueueOffset(uint32_t max_messages) {
  return AlignUp(sizeof(Header)) + max_messages * sizeof(Slot);
}
inline uint64_t DataOffset(uint32_t max_messages) {
  return AlignUp(QueueOffset(max_messages) +
                 QueueLength(max_messages) * sizeof(std::atomic<uint64_t>));
}

}  // namespace internal
}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_SEGMENT_LAYOUT_H_
