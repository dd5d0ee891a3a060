#include "libs/shm_channel/channel_memory.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/shm_channel/deadline.h"
#include "libs/shm_channel/segment_layout.h"
#include "libs/shm_channel/shm_budget.h"
#include "libs/shm_channel/shm_file.h"
#include "libs/status/status_macros.h"

namespace fairlead::internal {
namespace {

// One that dies wakes nobody: who waits looks this often for who has died.
constexpr absl::Duration kLifeCheck = absl::Milliseconds(250);
// Each step of a loop over the segment means that somebody else got on. More
// than this many is a segment that somebody scribbles in.
constexpr int kMaxSteps = 1 << 20;

constexpr uint64_t kHighWaterSteps = 64;

constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kRelaxed = std::memory_order_relaxed;

ShmFile::Role LifeOf(uint32_t participant) {
  return static_cast<ShmFile::Role>(
      static_cast<int64_t>(ShmFile::Role::kFirstParticipant) + participant);
}

}  // namespace

// The participant's knowledge of free space, if no other thread uses it, or
// else a blank one.
class ChannelMemory::SpaceHold {
 public:
  explicit SpaceHold(ChannelMemory& memory)
      : memory_(memory),
        holds_(!memory.space_is_used_.test_and_set(kAcquire)) {}
  ~SpaceHold() {
    if (holds_) memory_.space_is_used_.clear(kRelease);
  }
  SpaceHold(const SpaceHold&) = delete;
  SpaceHold& operator=(const SpaceHold&) = delete;

  Space& operator*() { return holds_ ? memory_.space_ : blank_; }

 private:
  ChannelMemory& memory_;
  const bool holds_;
  Space blank_;
};

// The right to take space while others wait for some.
class ChannelMemory::Turn {
 public:
  explicit Turn(ChannelMemory& memory)
      : memory_(memory),
        token_((memory.turns_.fetch_add(1) + 1) << 16 | (memory.self_ + 1)) {}
  ~Turn() {
    uint64_t mine = token_;
    if (!held_) return;
    memory_.header().turn.compare_exchange_strong(mine, 0);
    memory_.header().turn_sleepers.WakeOne();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  static uint32_t ParticipantOf(uint64_t token) {
    return static_cast<uint32_t>(token & 0xFFFF) - 1;
  }

  uint64_t token() const { return token_; }
  bool TryGet() {
    uint64_t nobody = 0;
    held_ =
        held_ || memory_.header().turn.compare_exchange_strong(nobody, token_);
    return held_;
  }

 private:
  ChannelMemory& memory_;
  const uint64_t token_;
  bool held_ = false;
};

ChannelMemory::ChannelMemory(std::unique_ptr<ShmFile> file, uint64_t capacity,
                             uint32_t max_messages)
    : file_(std::move(file)),
      capacity_(capacity),
      max_messages_(max_messages),
      queue_length_(QueueLength(max_messages)),
      slots_(std::launder(
          reinterpret_cast<Slot*>(file_->data() + AlignUp(sizeof(Header))))),
      queue_(std::launder(reinterpret_cast<std::atomic<uint64_t>*>(
          file_->data() + QueueOffset(max_messages)))),
      data_(file_->data() + DataOffset(max_messages)) {}

ChannelMemory::~ChannelMemory() {
  if (self_ < kMaxParticipants) {
    header().participants[self_].store(Role::kNobody);
  }
  if (budget_ != nullptr) budget_->GiveBack(file_->size());
}

absl::StatusOr<std::shared_ptr<ChannelMemory>> ChannelMemory::Create(
    absl::string_view directory, uint64_t capacity, uint32_t max_messages) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<ShmFile> file,
      ShmFile::Create(directory, kChannelPrefix,
                      DataOffset(max_messages) + capacity));
  // Nobody has the name yet. The magic comes last all the same: whoever finds
  // the file in the folder finds it whole, or no channel.
  auto* header = new (file->data()) Header;
  header->magic = 0;
  header->capacity = capacity;
  header->max_messages = max_messages;
  const uint64_t length = QueueLength(max_messages);
  // Positions start one round up, so that a blank entry has one before it.
  header->tail.store(length);
  header->head.store(length);
  // The constructor is private, so std::make_shared cannot call it.
  std::shared_ptr<ChannelMemory> memory(
      new ChannelMemory(std::move(file), capacity, max_messages));
  for (uint32_t i = 0; i < max_messages; ++i) new (&memory->slots_[i]) Slot;
  for (uint64_t i = 0; i < length; ++i) {
    new (&memory->queue_[i])
        std::atomic<uint64_t>(QueueEntry{.position = i}.Encode());
  }
  FAIRLEAD_RETURN_IF_ERROR(memory->BecomeParticipant(Role::kProducer));
  std::atomic_ref<uint64_t>(header->magic).store(kChannelMagic, kRelease);
  return memory;
}

absl::StatusOr<std::shared_ptr<ChannelMemory>> ChannelMemory::Open(
    absl::string_view directory, absl::string_view name, Role role,
    bool is_shared, std::shared_ptr<ShmBudget> budget) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<ShmFile> file,
                            ShmFile::Open(directory, kChannelPrefix, name));
  return JoinFile(std::move(file), role, is_shared, std::move(budget));
}

absl::StatusOr<std::shared_ptr<ChannelMemory>> ChannelMemory::Join(
    Role role, bool is_shared) const {
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<ShmFile> file, file_->Reopen());
  return JoinFile(std::move(file), role, is_shared, nullptr);
}

absl::StatusOr<std::shared_ptr<ChannelMemory>> ChannelMemory::OpenToInspect(
    absl::string_view directory, absl::string_view name) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<ShmFile> file,
                            ShmFile::Open(directory, kChannelPrefix, name));
  return View(std::move(file));
}

absl::StatusOr<std::shared_ptr<ChannelMemory>> ChannelMemory::View(
    std::unique_ptr<ShmFile> file) {
  const auto bad = [&file](absl::string_view why) {
    return absl::DataLossError(
        absl::StrCat("channel segment ", file->name(), ": ", why));
  };
  if (file->size() < sizeof(Header)) return bad("is too short");
  auto& header = *std::launder(reinterpret_cast<Header*>(file->data()));
  // Read once: the other side could change them after they were checked.
  const uint64_t magic = std::atomic_ref<uint64_t>(header.magic).load(kAcquire);
  const uint64_t capacity = header.capacity;
  const uint32_t max_messages = header.max_messages;
  if (magic != kChannelMagic || capacity > kMaxCapacity ||
      max_messages > kMaxMessages ||
      file->size() != DataOffset(max_messages) + capacity) {
    return bad("has a header that is none of this version's");
  }
  return std::shared_ptr<ChannelMemory>(
      new ChannelMemory(std::move(file), capacity, max_messages));
}

absl::StatusOr<std::shared_ptr<ChannelMemory>> ChannelMemory::JoinFile(
    std::unique_ptr<ShmFile> file, Role role, bool is_shared,
    std::shared_ptr<ShmBudget> budget) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<ChannelMemory> memory,
                            View(std::move(file)));
  const bool is_consumer = role == Role::kConsumer;
  if (!memory->file_->TryLock(
          is_consumer ? ShmFile::Role::kConsumer : ShmFile::Role::kOwner,
          /*exclusive=*/is_consumer && !is_shared)) {
    return absl::FailedPreconditionError(
        absl::StrCat("channel segment ", memory->name(),
                     ": is consumed by another already"));
  }
  if (budget != nullptr) {
    FAIRLEAD_RETURN_IF_ERROR(budget->Take(memory->file_->size()));
    memory->budget_ = std::move(budget);
  }
  FAIRLEAD_RETURN_IF_ERROR(memory->BecomeParticipant(role));
  memory->Recover();
  return memory;
}

absl::Status ChannelMemory::BecomeParticipant(Role role) {
  for (uint32_t i = 0; i < kMaxParticipants; ++i) {
    if (!file_->TryLock(LifeOf(i), /*exclusive=*/true)) continue;
    self_ = i;
    RecoverParticipant(i);  // what the one of this number had, if it died
    header().participants[i].store(role);
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("channel segment ", name(), ": has its ", kMaxParticipants,
                   " producers and consumers already"));
}

absl::Status ChannelMemory::Closed() const {
  return absl::CancelledError(
      absl::StrCat("channel segment ", name(), ": is closed"));
}
absl::Status ChannelMemory::Orphaned() const {
  return absl::UnavailableError(
      absl::StrCat("channel segment ", name(), ": its producers are gone"));
}
absl::Status ChannelMemory::Damaged() const {
  return absl::DataLossError(
      absl::StrCat("channel segment ", name(),
                   ": its table of messages is damaged; register the input "
                   "again for a new one"));
}

absl::Status ChannelMemory::CheckAlive() const {
  if (header().closed.load() != 0) return Closed();
  return file_->IsHeldByOthers(ShmFile::Role::kOwner) ? absl::OkStatus()
                                                      : Orphaned();
}

// --- space
// -------------------------------------------------------------------

absl::Status ChannelMemory::ListTaken(std::optional<uint32_t> except,
                                      std::vector<Space::Extent>* taken,
                                      std::vector<uint32_t>* free_slots) const {
  taken->clear();
  free_slots->clear();
  for (uint32_t i = max_messages_; i-- > 0;) {
    // One that is claimed behind this look moves the version behind it too.
    if (SlotWord::Decode(slot(i).word.load(kAcquire)).state ==
        SlotState::kFree) {
      free_slots->push_back(i);
      continue;
    }
    const uint64_t extent = slot(i).extent.load(kAcquire);
    if (extent == 0 || i == except) continue;
    const uint64_t offset = slot(i).offset.load(kRelaxed);
    // The two may be of different messages. Then space was taken after the
    // caller read the version, which it will notice.
    if (offset > capacity_ || extent > capacity_) return Damaged();
    taken->push_back({offset, extent});
  }
  std::sort(taken->begin(), taken->end(),
            [](const Space::Extent& a, const Space::Extent& b) {
              return a.offset < b.offset;
            });
  return absl::OkStatus();
}

absl::StatusOr<bool> ChannelMemory::FindSpace(uint64_t extent,
                                              Space* space) const {
  space->version = header().version.load(kAcquire);  // before all else
  FAIRLEAD_RETURN_IF_ERROR(
      ListTaken(std::nullopt, &space->taken, &space->free_slots));
  if (space->free_slots.empty()) return false;
  // First fit: the lowest gap that is long enough.
  space->begin = 0;
  for (const Space::Extent& other : space->taken) {
    space->end = other.offset;
    if (space->end >= space->begin + extent) return true;
    space->begin = std::max(space->begin, other.offset + other.extent);
  }
  space->end = capacity_;
  return space->end >= space->begin + extent;
}

absl::StatusOr<std::optional<ChannelMemory::Place>> ChannelMemory::TryTake(
    uint64_t bytes, uint64_t turn) {
  const uint64_t extent = AlignUp(bytes);
  SpaceHold hold(*this);
  Space& space = *hold;
  for (int step = 0; step < kMaxSteps; ++step) {
    if (header().closed.load(kAcquire) != 0) return Closed();
    const uint64_t whose_turn = header().turn.load(kRelaxed);
    if (whose_turn != 0 && whose_turn != turn) return std::nullopt;
    uint64_t version = header().version.load(kAcquire);
    if (space.version != version || space.end - space.begin < extent ||
        space.free_slots.empty()) {
      FAIRLEAD_ASSIGN_OR_RETURN(const bool found, FindSpace(extent, &space));
      if (!found) {
        uint64_t used = 0;
        for (const Space::Extent& other : space.taken) used += other.extent;
        NoteUsed(used);
        space.version = ~uint64_t{0};
        return std::nullopt;
      }
      version = space.version;
    }
    const uint32_t index = space.free_slots.back();
    space.free_slots.pop_back();
    Slot& mine = slot(index);
    uint64_t word = mine.word.load(kRelaxed);
    if (SlotWord::Decode(word).state != SlotState::kFree ||
        !mine.word.compare_exchange_strong(
            word,
            SlotWord{.state = SlotState::kReserved, .owner = self_}.Encode(),
            kAcquire, kRelaxed)) {
      continue;  // another producer's
    }
    // Claimed, for others to see; taken, if nobody took any space since the
    // version was read.
    mine.offset.store(space.begin, kRelaxed);
    mine.extent.store(extent, kRelease);
    if (!header().version.compare_exchange_strong(version, version + 1)) {
      Free(index);
      continue;
    }
    const Place place{index, {data_ + space.begin, bytes}};
    space.version = version + 1;
    space.begin += extent;
    NoteTaken(extent);
    return place;
  }
  return Damaged();
}

void ChannelMemory::NoteTaken(uint64_t extent) {
  const uint64_t taken =
      header().taken_bytes.fetch_add(extent, kRelaxed) + extent;
  // What was freed is on the consumers' cache line: looked at only when the
  // mark may have risen by a step.
  if (taken - known_freed_bytes_.load(kRelaxed) <=
      header().high_water_bytes.load(kRelaxed) + capacity_ / kHighWaterSteps) {
    return;
  }
  const uint64_t freed = header().freed_bytes.load(kRelaxed);
  known_freed_bytes_.store(freed, kRelaxed);
  NoteUsed(taken - freed);
}

void ChannelMemory::NoteUsed(uint64_t bytes) const {
  uint64_t high_water = header().high_water_bytes.load(kRelaxed);
  while (bytes > high_water && bytes <= capacity_ &&
         !header().high_water_bytes.compare_exchange_weak(high_water, bytes,
                                                          kRelaxed)) {
  }
}

absl::StatusOr<bool> ChannelMemory::TryResize(Place& place, uint64_t bytes) {
  Slot& mine = slot(place.slot);
  const auto offset = static_cast<uint64_t>(place.bytes.data() - data_);
  const uint64_t old_extent = AlignUp(place.bytes.size());
  const uint64_t extent = AlignUp(bytes);
  if (header().closed.load(kAcquire) != 0) return Closed();
  if (extent <= old_extent) {
    mine.extent.store(extent, kRelease);
    if (extent < old_extent) {
      NoteFreed(old_extent - extent);
    }
    place.bytes = {place.bytes.data(), bytes};
    return true;
  }
  std::vector<Space::Extent> taken;
  std::vector<uint32_t> free_slots;
  for (int step = 0; step < kMaxSteps; ++step) {
    uint64_t version = header().version.load(kAcquire);
    FAIRLEAD_RETURN_IF_ERROR(ListTaken(place.slot, &taken, &free_slots));
    uint64_t end = capacity_;
    for (const Space::Extent& other : taken) {
      if (other.offset + other.extent <= offset) continue;
      end = std::max(offset, other.offset);
      break;
    }
    if (extent > end - offset) return false;
    mine.extent.store(extent, kRelease);
    if (header().version.compare_exchange_strong(version, version + 1)) {
      NoteTaken(extent - old_extent);
      place.bytes = {place.bytes.data(), bytes};
      return true;
    }
    mine.extent.store(old_extent, kRelease);
    NoteFreed(0);
  }
  return Damaged();
}

absl::StatusOr<std::optional<ChannelMemory::Place>> ChannelMemory::Take(
    uint64_t bytes, const Deadline& deadline) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::optional<Place> place, TryTake(bytes));
  if (place.has_value()) return place;
  if (deadline.is_now()) {
    if (RecoverIfDue() == 0) return std::nullopt;
    return TryTake(bytes);
  }
  const int64_t start = MonotonicNs();
  const auto sleep = [&](const Sleepers& sleepers, uint32_t ticket) {
    const absl::Duration left = deadline.Left();
    if (left <= absl::ZeroDuration()) return false;
    sleepers.Sleep(ticket, std::min(left, kLifeCheck));
    RecoverIfDue();
    return true;
  };
  Turn turn(*this);
  for (bool waits = true; waits;) {
    if (!turn.TryGet()) {
      const uint32_t ticket = header().turn_sleepers.Announce();
      if (header().closed.load() != 0) return Closed();
      if (header().turn.load() == 0) continue;
      waits = sleep(header().turn_sleepers, ticket);
      continue;
    }
    const uint64_t freed = header().freed_slots.load();
    FAIRLEAD_ASSIGN_OR_RETURN(place, TryTake(bytes, turn.token()));
    if (place.has_value()) break;
    const auto has_changed = [this, freed] {
      return header().freed_slots.load() != freed ||
             header().closed.load() != 0;
    };
    if (space_spin_.Until(has_changed)) continue;
    const uint32_t ticket = header().space_sleepers.Announce();
    if (has_changed()) continue;
    waits = sleep(header().space_sleepers, ticket);
  }
  const int64_t waited = MonotonicNs() - start;
  space_spin_.Learn(waited);
  header().producer_wait_ns.fetch_add(static_cast<uint64_t>(waited), kRelaxed);
  return place;
}

void ChannelMemory::NoteFreed(uint64_t bytes) {
  header().freed_bytes.fetch_add(bytes, kRelaxed);
  header().freed_slots.fetch_add(1);
  header().space_sleepers.WakeOne();
}

void ChannelMemory::Free(uint32_t index) {
  Slot& mine = slot(index);
  const uint64_t extent = mine.extent.load(kRelaxed);
  mine.extent.store(0, kRelease);
  mine.word.store(SlotWord{}.Encode(), kRelease);
  NoteFreed(extent);
}

// --- the queue
// ---------------------------------------------------------------

absl::Status ChannelMemory::Commit(const Place& place, const MessageTag& tag) {
  Slot& mine = slot(place.slot);
  mine.bytes = place.bytes.size();
  mine.tag = tag;
  for (int step = 0; step < kMaxSteps; ++step) {
    uint64_t tail = header().tail.load(kAcquire);
    uint64_t seen = entry(tail).load(kAcquire);
    const QueueEntry at_tail = QueueEntry::Decode(seen);
    if (at_tail.position == tail) {
      if (at_tail.slot == QueueEntry::kClosed) return Closed();
      // Another producer's message, which it has not counted yet.
      header().tail.compare_exchange_strong(tail, tail + 1);
      continue;
    }
    if (at_tail.position != tail - queue_length_) {
      if (header().tail.load(kAcquire) != tail) continue;
      return Damaged();
    }
    mine.word.store(
        SlotWord{
            .state = SlotState::kCommitted, .owner = self_, .position = tail}
            .Encode(),
        kRelease);
    // From here on the message is there, whoever dies.
    if (entry(tail).compare_exchange_strong(
            seen, QueueEntry{.position = tail, .slot = place.slot}.Encode())) {
      header().tail.compare_exchange_strong(tail, tail + 1);
      header().committed_bytes.fetch_add(place.bytes.size(), kRelaxed);
      header().message_sleepers.WakeOne();
      return absl::OkStatus();
    }
  }
  return Damaged();
}

absl::StatusOr<std::optional<ChannelMemory::Received>>
ChannelMemory::TryReceive() {
  for (int step = 0; step < kMaxSteps; ++step) {
    uint64_t head = header().head.load(kAcquire);
    const QueueEntry at_head = QueueEntry::Decode(entry(head).load(kAcquire));
    if (at_head.position == head - queue_length_) return std::nullopt;
    if (at_head.position != head) {
      if (header().head.load(kAcquire) != head) continue;
      return Damaged();
    }
    if (at_head.slot == QueueEntry::kClosed) return Closed();
    if (at_head.slot >= max_messages_) return Damaged();
    Slot& oldest = slot(at_head.slot);
    uint64_t word = oldest.word.load(kAcquire);
    const SlotWord decoded = SlotWord::Decode(word);
    const bool is_here =
        decoded.state == SlotState::kCommitted && decoded.position == head;
    // From here on it is this participant's, whoever dies.
    if (!is_here || !oldest.word.compare_exchange_strong(
                        word, SlotWord{.state = SlotState::kHeld,
                                       .owner = self_,
                                       .position = head}
                                  .Encode())) {
      // Another consumer's, which has not counted it yet.
      header().head.compare_exchange_strong(head, head + 1);
      continue;
    }
    header().head.compare_exchange_strong(head, head + 1);
    Prefetch(head + 1);
    // Copied first: others can write to the slot at any time.
    const uint64_t offset = oldest.offset.load(kRelaxed);
    const uint64_t bytes =
        std::atomic_ref<uint64_t>(oldest.bytes).load(kRelaxed);
    if (offset % kAlignment != 0 || offset > capacity_ ||
        bytes > capacity_ - offset) {
      return Damaged();
    }
    return Received{{at_head.slot, {data_ + offset, bytes}}, oldest.tag};
  }
  return Damaged();
}

void ChannelMemory::Prefetch(uint64_t position) const {
  const QueueEntry next = QueueEntry::Decode(entry(position).load(kRelaxed));
  if (next.position == position && next.slot < max_messages_) {
    __builtin_prefetch(&slot(next.slot), /*rw=*/1);
  }
}

bool ChannelMemory::HasNews() const {
  const uint64_t head = header().head.load();
  return QueueEntry::Decode(entry(head).load()).position !=
         head - queue_length_;
}

absl::StatusOr<std::optional<ChannelMemory::Received>> ChannelMemory::Receive(
    const Deadline& deadline) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::optional<Received> received, TryReceive());
  if (received.has_value()) return received;
  const int64_t start = MonotonicNs();
  bool has_slept = false;
  while (true) {
    if (deadline.is_now() ||
        !message_spin_.Until([this] { return HasNews(); })) {
      const uint32_t ticket = header().message_sleepers.Announce();
      if (!HasNews()) {
        const bool alive = file_->IsHeldByOthers(ShmFile::Role::kOwner);
        // What it committed before it died is there to see now.
        if (!alive && !HasNews()) return Orphaned();
        const absl::Duration left = deadline.Left();
        if (left <= absl::ZeroDuration()) break;
        header().message_sleepers.Sleep(ticket, std::min(left, kLifeCheck));
        has_slept = true;
        RecoverIfDue();
      }
    }
    FAIRLEAD_ASSIGN_OR_RETURN(received, TryReceive());
    if (received.has_value()) break;
  }
  // Only one is woken for each message: there may be more than one by now.
  if (has_slept && HasNews()) header().message_sleepers.WakeOne();
  if (deadline.is_now()) return received;
  const int64_t waited = MonotonicNs() - start;
  message_spin_.Learn(waited);
  header().consumer_wait_ns.fetch_add(static_cast<uint64_t>(waited), kRelaxed);
  return received;
}

void ChannelMemory::Close() {
  header().closed.store(1);
  // The end, behind the last message: what is not before it never will be.
  for (int step = 0; step < kMaxSteps; ++step) {
    uint64_t tail = header().tail.load(kAcquire);
    uint64_t seen = entry(tail).load(kAcquire);
    const QueueEntry at_tail = QueueEntry::Decode(seen);
    if (at_tail.position == tail) {
      if (at_tail.slot == QueueEntry::kClosed) break;
      header().tail.compare_exchange_strong(tail, tail + 1);
    } else if (entry(tail).compare_exchange_strong(
                   seen,
                   QueueEntry{.position = tail, .slot = QueueEntry::kClosed}
                       .Encode())) {
      break;
    }
  }
  header().message_sleepers.WakeAll();
  header().space_sleepers.WakeAll();
  header().turn_sleepers.WakeAll();
}

// --- the dead
// ----------------------------------------------------------------

int ChannelMemory::RecoverIfDue() {
  const int64_t now = MonotonicNs();
  int64_t due = next_life_check_ns_.load(kRelaxed);
  if (now < due || !next_life_check_ns_.compare_exchange_strong(
                       due, now + absl::ToInt64Nanoseconds(kLifeCheck))) {
    return 0;
  }
  return Recover();
}

int ChannelMemory::Recover() {
  int recovered = 0;
  MutexLock lock(&recover_mutex_);
  for (uint32_t i = 0; i < kMaxParticipants; ++i) {
    if (i == self_ || header().participants[i].load() == Role::kNobody) {
      continue;
    }
    // Its lock says that it is dead, and keeps another from taking its number
    // meanwhile.
    if (!file_->TryLock(LifeOf(i), /*exclusive=*/true)) continue;
    recovered += RecoverParticipant(i);
    header().participants[i].store(Role::kNobody);
    file_->Unlock(LifeOf(i));
  }
  return recovered;
}

bool ChannelMemory::IsQueued(uint32_t index, const SlotWord& word) const {
  const QueueEntry queued =
      QueueEntry::Decode(entry(word.position).load(kAcquire));
  return queued.position == word.position && queued.slot == index;
}

int ChannelMemory::RecoverParticipant(uint32_t participant) {
  int recovered = 0;
  for (uint32_t i = 0; i < max_messages_; ++i) {
    uint64_t word = slot(i).word.load(kAcquire);
    const SlotWord decoded = SlotWord::Decode(word);
    if (decoded.state == SlotState::kFree || decoded.owner != participant ||
        (decoded.state == SlotState::kCommitted && IsQueued(i, decoded))) {
      continue;
    }
    if (!slot(i).word.compare_exchange_strong(
            word,
            SlotWord{.state = SlotState::kReserved, .owner = self_}.Encode())) {
      continue;  // was in the queue after all, and is a consumer's now
    }
    Free(i);
    ++recovered;
  }
  uint64_t turn = header().turn.load();
  if (turn != 0 && Turn::ParticipantOf(turn) == participant &&
      header().turn.compare_exchange_strong(turn, 0)) {
    header().turn_sleepers.WakeOne();
  }
  header().reclaimed_slots.fetch_add(static_cast<uint64_t>(recovered));
  return recovered;
}

ChannelMemory::Counters ChannelMemory::counters() const {
  Counters counters;
  const Header& all = header();
  const uint64_t tail = all.tail.load(kAcquire);
  counters.committed_messages = tail - queue_length_;
  counters.committed_bytes = all.committed_bytes.load(kRelaxed);
  counters.depth_messages = std::min<uint64_t>(
      tail - std::min(tail, all.head.load(kAcquire)), max_messages_);
  for (uint32_t i = 0; i < max_messages_; ++i) {
    counters.used_bytes += slot(i).extent.load(kRelaxed);
  }
  counters.used_bytes = std::min(counters.used_bytes, capacity_);
  counters.high_water_bytes =
      std::max(counters.used_bytes, all.high_water_bytes.load(kRelaxed));
  counters.reclaimed_messages = all.reclaimed_slots.load(kRelaxed);
  counters.producer_wait = absl::Nanoseconds(
      static_cast<int64_t>(all.producer_wait_ns.load(kRelaxed)));
  counters.consumer_wait = absl::Nanoseconds(
      static_cast<int64_t>(all.consumer_wait_ns.load(kRelaxed)));
  for (uint32_t i = 0; i < kMaxParticipants; ++i) {
    const Role role = all.participants[i].load(kRelaxed);
    if (role == Role::kNobody) continue;
    ++(role == Role::kProducer ? counters.producers : counters.consumers);
    if (i != self_ && !file_->IsHeldByOthers(LifeOf(i))) ++counters.dead;
  }
  return counters;
}

}  // namespace fairlead::internal
