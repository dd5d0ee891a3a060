#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_CHANNEL_MEMORY_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_CHANNEL_MEMORY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/shm_channel/adaptive_spin.h"
#include "libs/shm_channel/deadline.h"
#include "libs/shm_channel/segment_layout.h"
#include "libs/shm_channel/shm_budget.h"
#include "libs/shm_channel/shm_file.h"
#include "libs/sync/mutex.h"

namespace fairlead::internal {

// One participant's view of a channel: the algorithms over the segment. Lock
// free between participants, and able to go on whatever instruction another
// one died at; README.md says how. Thread-safe.
class ChannelMemory {
 public:
  // A message's place, as it is known to its owner: never read back from the
  // segment.
  struct Place {
    uint32_t slot = 0;
    absl::Span<uint8_t> bytes;
  };
  struct Received {
    Place place;
    MessageTag tag{};
  };

  // Options are checked.
  static absl::StatusOr<std::shared_ptr<ChannelMemory>> Create(
      absl::string_view directory, uint64_t capacity, uint32_t max_messages);

  // See ShmProducer::Open and ShmConsumer::Open. A consumer shares the channel
  // with others, or has it alone.
  static absl::StatusOr<std::shared_ptr<ChannelMemory>> Open(
      absl::string_view directory, absl::string_view name, Role role,
      bool is_shared, std::shared_ptr<ShmBudget> budget);

  // For looking at, by one who takes no part.
  static absl::StatusOr<std::shared_ptr<ChannelMemory>> OpenToInspect(
      absl::string_view directory, absl::string_view name);

  // Another participant of this process, with the same mapping.
  absl::StatusOr<std::shared_ptr<ChannelMemory>> Join(Role role,
                                                      bool is_shared) const;

  ~ChannelMemory();
  ChannelMemory(const ChannelMemory&) = delete;
  ChannelMemory& operator=(const ChannelMemory&) = delete;

  const std::string& name() const { return file_->name(); }
  uint64_t capacity() const { return capacity_; }

  // A place of `bytes` if there is one now and it is anybody's turn, or the
  // one's who has `turn`; nullopt if not.
  absl::StatusOr<std::optional<Place>> TryTake(uint64_t bytes,
                                               uint64_t turn = 0);
  // The same, waiting for it until `deadline`; nullopt then.
  absl::StatusOr<std::optional<Place>> Take(uint64_t bytes,
                                            const Deadline& deadline);
  // Makes a place hold `bytes`, which it has room for or adjoins enough free
  // space behind it. False if it cannot, and then nothing has changed.
  absl::StatusOr<bool> TryResize(Place& place, uint64_t bytes);
  absl::Status Commit(const Place& place, const MessageTag& tag);

  // The oldest message, now this participant's; nullopt if there is none.
  absl::StatusOr<std::optional<Received>> TryReceive();
  // The same, waiting for one until `deadline`; nullopt then.
  absl::StatusOr<std::optional<Received>> Receive(const Deadline& deadline);

  // Gives a place back, before or after its message.
  void Free(uint32_t slot);

  void Close();
  // Takes back what participants that died had. How many messages.
  int Recover();

  // CANCELLED, UNAVAILABLE or OK; says nothing of what is still waiting.
  absl::Status CheckAlive() const;

  struct Counters {
    uint64_t committed_messages = 0;
    uint64_t committed_bytes = 0;
    uint64_t depth_messages = 0;
    uint64_t used_bytes = 0;
    uint64_t high_water_bytes = 0;
    uint64_t reclaimed_messages = 0;
    absl::Duration producer_wait;
    absl::Duration consumer_wait;
    uint32_t producers = 0;
    uint32_t consumers = 0;
    uint32_t dead = 0;  // of these two, whose leavings nobody took back yet
  };
  Counters counters() const;

 private:
  // What a producer knows of free space, true while nobody takes any: others
  // can only have added to it.
  struct Space {
    uint64_t version = ~uint64_t{0};
    uint64_t begin = 0;  // of a gap
    uint64_t end = 0;
    std::vector<uint32_t> free_slots;
    struct Extent {
      uint64_t offset, extent;
    };
    std::vector<Extent> taken;  // scratch
  };
  class SpaceHold;
  class Turn;

  ChannelMemory(std::unique_ptr<ShmFile> file, uint64_t capacity,
                uint32_t max_messages);

  // Checks the header.
  static absl::StatusOr<std::shared_ptr<ChannelMemory>> View(
      std::unique_ptr<ShmFile> file);
  static absl::StatusOr<std::shared_ptr<ChannelMemory>> JoinFile(
      std::unique_ptr<ShmFile> file, Role role, bool is_shared,
      std::shared_ptr<ShmBudget> budget);
  absl::Status BecomeParticipant(Role role);

  Header& header() const {
    return *std::launder(reinterpret_cast<Header*>(file_->data()));
  }
  Slot& slot(uint32_t index) const { return slots_[index]; }
  std::atomic<uint64_t>& entry(uint64_t position) const {
    return queue_[position & (queue_length_ - 1)];
  }

  // Looks for free slots, and a gap of at least `extent` bytes, as of the
  // version that it reads first. False if there is no such gap or slot.
  absl::StatusOr<bool> FindSpace(uint64_t extent, Space* space) const;
  // What is taken, by offset, but for `except`, and which slots are free.
  // DATA_LOSS if something taken is not within the data.
  absl::Status ListTaken(std::optional<uint32_t> except,
                         std::vector<Space::Extent>* taken,
                         std::vector<uint32_t>* free_slots) const;
  void NoteTaken(uint64_t extent);
  void NoteUsed(uint64_t bytes) const;

  // Tells those who wait for space that there may be some.
  void NoteFreed(uint64_t bytes);
  // Whether TryReceive has something to say: a message, the end, or damage.
  bool HasNews() const;
  // For the next TryReceive, while the caller works on this message.
  void Prefetch(uint64_t position) const;
  // Now and then: how many messages that gave back.
  int RecoverIfDue();
  int RecoverParticipant(uint32_t participant);
  // Whether a slot is in the queue where its word says.
  bool IsQueued(uint32_t index, const SlotWord& word) const;

  absl::Status Closed() const;
  absl::Status Orphaned() const;
  absl::Status Damaged() const;

  const std::unique_ptr<ShmFile> file_;
  // Copies of what was checked when the file was opened.
  const uint64_t capacity_;
  const uint32_t max_messages_;
  const uint64_t queue_length_;
  std::shared_ptr<ShmBudget> budget_;
  Slot* const slots_;
  std::atomic<uint64_t>* const queue_;
  uint8_t* const data_;
  uint32_t self_ = kMaxParticipants;  // the participant that this is

  // Of this participant's threads. Whoever does not get it looks anew instead
  // of waiting.
  std::atomic_flag space_is_used_ = ATOMIC_FLAG_INIT;
  Space space_;
  std::atomic<uint64_t> known_freed_bytes_{0};

  std::atomic<uint64_t> turns_{0};
  AdaptiveSpin message_spin_{/*pauses=*/1};
  AdaptiveSpin space_spin_{/*pauses=*/32};
  std::atomic<int64_t> next_life_check_ns_{0};
  Mutex recover_mutex_;  // one thread of this participant recovers at a time
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_CHANNEL_MEMORY_H_
