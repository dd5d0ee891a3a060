#include "libs/shm_channel/shm_channel.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/shm_channel/futex.h"
#include "libs/shm_channel/shm_budget.h"
#include "libs/shm_channel/shm_file.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace internal {
namespace {

constexpr uint64_t kMagic = 0x3130304843464C46;  // "FLFCH001"
constexpr uint64_t kAlignment = 64;
constexpr uint64_t kMaxCapacity = uint64_t{1} << 42;
constexpr uint32_t kMaxMessages = 65536;
// A producer that dies while a consumer sleeps wakes nobody: the consumer looks
// for a sign of its life this often.
constexpr absl::Duration kLifeCheck = absl::Milliseconds(500);

uint64_t AlignUp(uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

enum class SlotState : uint32_t {
  kFree = 0,
  kProducer = 1,   // promised or reserved: the producer's
  kCommitted = 2,  // waits for the consumer
  kHeld = 3,       // the consumer's
};

// The table of slots is all there is to know of the space: what no slot
// claims is free. So there is nothing to repair after a death but slots.
struct Slot {
  std::atomic<SlotState> state{SlotState::kFree};
  uint64_t offset = 0;  // in the data; multiple of 64
  uint64_t extent = 0;  // bytes taken, a multiple of 64
  uint64_t bytes = 0;   // of the message
  uint64_t order = 0;   // of commits
  MessageTag tag{};
};

struct Header {
  uint64_t magic = kMagic;
  uint64_t capacity = 0;
  uint32_t max_messages = 0;
  std::atomic<uint32_t> closed{0};
  pthread_mutex_t mutex;  // robust, between processes; guards what follows
  uint64_t next_order = 1;
  uint64_t used_bytes = 0;
  ShmChannelStats stats;
  alignas(64) std::atomic<uint32_t> committed{0};  // futex of consumers
  std::atomic<uint32_t> consumers_waiting{0};
  alignas(64) std::atomic<uint32_t> freed{0};  // futex of producers
  std::atomic<uint32_t> producers_waiting{0};
};

uint64_t DataOffset(uint32_t max_messages) {
  return AlignUp(AlignUp(sizeof(Header)) + max_messages * sizeof(Slot));
}

}  // namespace

// One process's view of a channel. Thread-safe.
class ChannelMemory {
 public:
  static absl::StatusOr<std::shared_ptr<ChannelMemory>> Create(
      const ShmChannelOptions& options) {
    const uint64_t capacity = AlignUp(options.capacity_bytes);
    FAIRLEAD_ASSIGN_OR_RETURN(
        std::unique_ptr<ShmFile> file,
        ShmFile::Create(options.directory, kChannelPrefix,
                        DataOffset(options.max_messages) + capacity));
    auto* header = new (file->data()) Header;
    header->capacity = capacity;
    header->max_messages = options.max_messages;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&header->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    auto memory = std::make_shared<ChannelMemory>(
        std::move(file), capacity, options.max_messages, nullptr);
    for (uint32_t i = 0; i < options.max_messages; ++i) {
      new (&memory->slot(i)) Slot;
    }
    return memory;
  }

  static absl::StatusOr<std::shared_ptr<ChannelMemory>> Open(
      absl::string_view directory, absl::string_view name,
      std::shared_ptr<ShmBudget> budget) {
    FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<ShmFile> file,
                              ShmFile::Open(directory, kChannelPrefix, name));
    const auto bad = [name](absl::string_view why) {
      return absl::DataLossError(
          absl::StrCat("channel segment ", name, ": ", why));
    };
    if (file->size() < sizeof(Header)) return bad("is too short");
    const auto& header =
        *std::launder(reinterpret_cast<const Header*>(file->data()));
    // Read once: the other side could change them after they were checked.
    const uint64_t capacity = header.capacity;
    const uint32_t max_messages = header.max_messages;
    if (header.magic != kMagic || capacity > kMaxCapacity ||
        max_messages > kMaxMessages ||
        file->size() != DataOffset(max_messages) + capacity) {
      return bad("has a header that is none of this version's");
    }
    if (!file->TryLock(ShmFile::Role::kConsumer, /*exclusive=*/true)) {
      return absl::FailedPreconditionError(
          absl::StrCat("channel segment ", name,
                       ": is consumed by another process already"));
    }
    if (budget != nullptr) {
      FAIRLEAD_RETURN_IF_ERROR(budget->Take(file->size()));
    }
    auto memory = std::make_shared<ChannelMemory>(
        std::move(file), capacity, max_messages, std::move(budget));
    memory->ReclaimHeld();
    return memory;
  }

  ChannelMemory(std::unique_ptr<ShmFile> file, uint64_t capacity,
                uint32_t max_messages, std::shared_ptr<ShmBudget> budget)
      : file_(std::move(file)),
        capacity_(capacity),
        max_messages_(max_messages),
        budget_(std::move(budget)) {}

  ~ChannelMemory() {
    if (budget_ != nullptr) budget_->GiveBack(file_->size());
  }

  const std::string& name() const { return file_->name(); }
  uint64_t capacity() const { return capacity_; }

  // A place of `bytes` for the producer, if there is one now; nullopt if not.
  absl::StatusOr<std::optional<uint32_t>> TryTake(uint64_t bytes) {
    Lock lock(*this);
    if (header().closed.load() != 0) return Closed();
    const uint64_t extent = AlignUp(bytes);
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<const Slot*> taken, Taken());
    uint32_t free_slot = 0;
    while (free_slot < max_messages_ &&
           slot(free_slot).state.load() != SlotState::kFree) {
      ++free_slot;
    }
    if (free_slot == max_messages_) return std::nullopt;
    // First fit: the lowest gap between what is taken that is long enough.
    uint64_t offset = 0;
    for (const Slot* other : taken) {
      if (other->offset - offset >= extent) break;
      offset = other->offset + other->extent;
    }
    if (extent > capacity_ - offset) return std::nullopt;
    Slot& mine = slot(free_slot);
    mine.offset = offset;
    mine.extent = extent;
    mine.bytes = bytes;
    mine.state.store(SlotState::kProducer);  // last: before it, it is free
    header().stats.used_bytes += extent;
    header().stats.high_water_bytes =
        std::max(header().stats.high_water_bytes, header().stats.used_bytes);
    return free_slot;
  }

  // Makes the producer's place hold `bytes`, which it has room for, or
  // adjoins enough free space behind it. False if it cannot.
  absl::StatusOr<bool> TryResize(uint32_t index, uint64_t bytes) {
    Lock lock(*this);
    if (header().closed.load() != 0) return Closed();
    Slot& mine = slot(index);
    const uint64_t extent = AlignUp(bytes);
    if (extent > mine.extent) {
      FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<const Slot*> taken, Taken());
      uint64_t end = capacity_;
      for (const Slot* other : taken) {
        if (other->offset > mine.offset) {
          end = other->offset;
          break;
        }
      }
      if (extent > end - mine.offset) return false;
    }
    header().stats.used_bytes += extent - mine.extent;
    header().stats.high_water_bytes =
        std::max(header().stats.high_water_bytes, header().stats.used_bytes);
    const bool shrinks = extent < mine.extent;
    mine.extent = extent;
    mine.bytes = bytes;
    if (shrinks) WakeProducers();
    return true;
  }

  absl::Status Commit(uint32_t index, const MessageTag& tag) {
    {
      Lock lock(*this);
      if (header().closed.load() != 0) return Closed();
      Slot& mine = slot(index);
      mine.tag = tag;
      mine.order = header().next_order++;
      mine.state.store(SlotState::kCommitted);
      ++header().stats.committed_messages;
      header().stats.committed_bytes += mine.bytes;
      ++header().stats.depth_messages;
    }
    header().committed.fetch_add(1);
    if (header().consumers_waiting.load() != 0) {
      FutexWakeAll(header().committed);
    }
    return absl::OkStatus();
  }

  struct Taken {
    uint32_t slot = 0;
    absl::Span<uint8_t> bytes;
    MessageTag tag{};
  };

  // The oldest message, now the consumer's; nullopt if there is none.
  absl::StatusOr<std::optional<struct Taken>> TryReceive() {
    Lock lock(*this);
    Slot* oldest = nullptr;
    uint32_t index = 0;
    for (uint32_t i = 0; i < max_messages_; ++i) {
      Slot& other = slot(i);
      if (other.state.load() == SlotState::kCommitted &&
          (oldest == nullptr || other.order < oldest->order)) {
        oldest = &other;
        index = i;
      }
    }
    if (oldest == nullptr) return std::nullopt;
    // Copied first: the other process can write to the table at any time.
    const uint64_t offset = oldest->offset;
    const uint64_t bytes = oldest->bytes;
    const MessageTag tag = oldest->tag;
    if (offset % kAlignment != 0 || offset > capacity_ ||
        bytes > capacity_ - offset) {
      return Damaged();
    }
    oldest->state.store(SlotState::kHeld);
    --header().stats.depth_messages;
    return (struct Taken){index, {data() + offset, bytes}, tag};
  }

  // Gives a place back, whoever's it was.
  void Free(uint32_t index) {
    {
      Lock lock(*this);
      header().stats.used_bytes -= slot(index).extent;
      slot(index).state.store(SlotState::kFree);
    }
    WakeProducers();
  }

  void Close() {
    header().closed.store(1);
    header().committed.fetch_add(1);
    FutexWakeAll(header().committed);
    header().freed.fetch_add(1);
    FutexWakeAll(header().freed);
  }

  absl::Span<uint8_t> BytesOf(uint32_t index) {
    Lock lock(*this);
    return {data() + slot(index).offset, slot(index).bytes};
  }

  bool IsClosed() const { return header().closed.load() != 0; }
  bool IsProducerAlive() const {
    return file_->IsHeldByOthers(ShmFile::Role::kOwner);
  }

  ShmChannelStats stats() const {
    Lock lock(*this);
    return header().stats;
  }

  absl::Status Closed() const {
    return absl::CancelledError(
        absl::StrCat("channel segment ", name(), ": is closed"));
  }
  absl::Status Orphaned() const {
    return absl::UnavailableError(
        absl::StrCat("channel segment ", name(), ": its producer is gone"));
  }
  absl::Status Damaged() const {
    return absl::DataLossError(
        absl::StrCat("channel segment ", name(),
                     ": its table of messages is damaged; register the input "
                     "again for a new one"));
  }

  // What a waiter does: remember the count, try, and sleep if it has not moved
  // since. The one who makes a change moves the count first and then looks for
  // waiters, so one of the two sees the other.
  class Waiter {
   public:
    Waiter(std::atomic<uint32_t>& count, std::atomic<uint32_t>& waiting)
        : count_(count), waiting_(waiting), seen_(count.load()) {
      waiting_.fetch_add(1);
    }
    ~Waiter() { waiting_.fetch_sub(1); }
    void Wait(absl::Duration timeout) { FutexWait(count_, seen_, timeout); }

   private:
    std::atomic<uint32_t>& count_;
    std::atomic<uint32_t>& waiting_;
    const uint32_t seen_;
  };
  Waiter WaitForCommit() {
    return {header().committed, header().consumers_waiting};
  }
  Waiter WaitForSpace() { return {header().freed, header().producers_waiting}; }

 private:
  // Holds the channel's mutex. If its last holder died, the table is good all
  // the same: each change of it takes effect with one store of a state.
  class Lock {
   public:
    explicit Lock(const ChannelMemory& memory)
        : mutex_(&const_cast<ChannelMemory&>(memory).header().mutex) {
      if (pthread_mutex_lock(mutex_) == EOWNERDEAD) {
        pthread_mutex_consistent(mutex_);
        const_cast<ChannelMemory&>(memory).Recount();
      }
    }
    ~Lock() { pthread_mutex_unlock(mutex_); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    pthread_mutex_t* const mutex_;
  };

  Header& header() {
    return *std::launder(reinterpret_cast<Header*>(file_->data()));
  }
  const Header& header() const {
    return *std::launder(reinterpret_cast<const Header*>(file_->data()));
  }
  Slot& slot(uint32_t index) {
    return *std::launder(reinterpret_cast<Slot*>(
        file_->data() + AlignUp(sizeof(Header)) + index * sizeof(Slot)));
  }
  uint8_t* data() { return file_->data() + DataOffset(max_messages_); }

  // Slots that are not free, by offset. DATA_LOSS if they are not within the
  // data and apart from each other. REQUIRES the lock.
  absl::StatusOr<std::vector<const Slot*>> Taken() {
    std::vector<const Slot*> taken;
    for (uint32_t i = 0; i < max_messages_; ++i) {
      if (slot(i).state.load() != SlotState::kFree) taken.push_back(&slot(i));
    }
    std::sort(taken.begin(), taken.end(), [](const Slot* a, const Slot* b) {
      return a->offset != b->offset ? a->offset < b->offset
                                    : a->extent < b->extent;
    });
    uint64_t end = 0;
    for (const Slot* other : taken) {
      if (other->offset < end || other->offset > capacity_ ||
          other->extent > capacity_ - other->offset) {
        return Damaged();
      }
      end = other->offset + other->extent;
    }
    return taken;
  }

  // Counts what is derived from the table anew. REQUIRES the lock.
  void Recount() {
    header().stats.used_bytes = 0;
    header().stats.depth_messages = 0;
    for (uint32_t i = 0; i < max_messages_; ++i) {
      if (slot(i).state.load() == SlotState::kFree) continue;
      header().stats.used_bytes += slot(i).extent;
      if (slot(i).state.load() == SlotState::kCommitted) {
        ++header().stats.depth_messages;
      }
    }
  }

  // Takes back what a consumer held that died.
  void ReclaimHeld() {
    {
      Lock lock(*this);
      for (uint32_t i = 0; i < max_messages_; ++i) {
        if (slot(i).state.load() != SlotState::kHeld) continue;
        slot(i).state.store(SlotState::kFree);
        ++header().stats.reclaimed_messages;
      }
      Recount();
    }
    WakeProducers();
  }

  void WakeProducers() {
    header().freed.fetch_add(1);
    if (header().producers_waiting.load() != 0) FutexWakeAll(header().freed);
  }

  const std::unique_ptr<ShmFile> file_;
  // Copies of what was checked when the file was opened.
  const uint64_t capacity_;
  const uint32_t max_messages_;
  const std::shared_ptr<ShmBudget> budget_;
};

void SlotHolder::Free() {
  if (memory_ == nullptr) return;
  memory_->Free(slot_);
  memory_.reset();
}

}  // namespace internal

using internal::ChannelMemory;
using internal::SlotHolder;

absl::Status ShmReservation::Commit(const MessageTag& tag) {
  FAIRLEAD_RETURN_IF_ERROR(holder_.memory().Commit(holder_.slot(), tag));
  holder_.Release();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ShmProducer>> ShmProducer::Create(
    const ShmChannelOptions& options, ShmBudget* budget) {
  if (options.capacity_bytes == 0 ||
      options.capacity_bytes > internal::kMaxCapacity) {
    return absl::InvalidArgumentError(
        absl::StrCat("capacity_bytes ", options.capacity_bytes,
                     " must be between 1 and ", internal::kMaxCapacity));
  }
  if (options.max_messages == 0 ||
      options.max_messages > internal::kMaxMessages) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_messages ", options.max_messages,
                     " must be between 1 and ", internal::kMaxMessages));
  }
  const uint64_t bytes = internal::DataOffset(options.max_messages) +
                         internal::AlignUp(options.capacity_bytes);
  if (budget != nullptr) FAIRLEAD_RETURN_IF_ERROR(budget->Take(bytes));
  absl::StatusOr<std::shared_ptr<ChannelMemory>> memory =
      ChannelMemory::Create(options);
  if (!memory.ok()) {
    if (budget != nullptr) budget->GiveBack(bytes);
    return memory.status();
  }
  return std::unique_ptr<ShmProducer>(
      new ShmProducer(*std::move(memory), budget, bytes));
}

ShmProducer::~ShmProducer() {
  if (budget_ != nullptr) budget_->GiveBack(budget_bytes_);
}

const std::string& ShmProducer::name() const { return memory_->name(); }

absl::Status ShmProducer::CheckSize(uint64_t bytes) const {
  if (bytes <= memory_->capacity()) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat("a message of ", bytes,
                   " bytes is larger than the channel, "
                   "which holds ",
                   memory_->capacity()));
}

absl::StatusOr<ShmReservation> ShmProducer::Reserve(uint64_t bytes,
                                                    absl::Duration timeout) {
  FAIRLEAD_RETURN_IF_ERROR(CheckSize(bytes));
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    ChannelMemory::Waiter waiter = memory_->WaitForSpace();
    FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<uint32_t> slot,
                              memory_->TryTake(bytes));
    if (slot.has_value()) {
      return ShmReservation(
          SlotHolder(memory_, *slot, memory_->BytesOf(*slot)));
    }
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(absl::StrCat(
          "channel segment ", name(), ": no room for ", bytes, " bytes"));
    }
    waiter.Wait(left);
  }
}

absl::StatusOr<ShmCredit> ShmProducer::TryPromise(uint64_t bytes) {
  absl::StatusOr<ShmReservation> reservation =
      Reserve(bytes, absl::ZeroDuration());
  if (absl::IsDeadlineExceeded(reservation.status())) {
    return absl::ResourceExhaustedError(reservation.status().message());
  }
  FAIRLEAD_RETURN_IF_ERROR(reservation.status());
  return ShmCredit(std::move(reservation->holder_));
}

absl::StatusOr<ShmReservation> ShmProducer::ReserveFrom(ShmCredit& credit,
                                                        uint64_t bytes) {
  FAIRLEAD_RETURN_IF_ERROR(CheckSize(bytes));
  FAIRLEAD_ASSIGN_OR_RETURN(const bool resized,
                            memory_->TryResize(credit.holder_.slot(), bytes));
  if (resized) {
    const uint32_t slot = credit.holder_.slot();
    credit.holder_.Release();
    return ShmReservation(SlotHolder(memory_, slot, memory_->BytesOf(slot)));
  }
  // Not where it was promised; elsewhere, maybe.
  absl::StatusOr<ShmReservation> elsewhere =
      Reserve(bytes, absl::ZeroDuration());
  if (elsewhere.ok()) credit.holder_.Free();
  if (absl::IsDeadlineExceeded(elsewhere.status())) {
    return absl::ResourceExhaustedError(elsewhere.status().message());
  }
  return elsewhere;
}

void ShmProducer::Close() { memory_->Close(); }

ShmChannelStats ShmProducer::stats() const { return memory_->stats(); }

absl::StatusOr<std::unique_ptr<ShmConsumer>> ShmConsumer::Open(
    absl::string_view directory, absl::string_view name,
    std::shared_ptr<ShmBudget> budget) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::shared_ptr<ChannelMemory> memory,
      ChannelMemory::Open(directory, name, std::move(budget)));
  return std::unique_ptr<ShmConsumer>(new ShmConsumer(std::move(memory)));
}

absl::StatusOr<ShmMessage> ShmConsumer::Receive(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    ChannelMemory::Waiter waiter = memory_->WaitForCommit();
    // Asked before the last look at the messages: what a producer committed
    // before it closed or died is still found.
    const bool closed = memory_->IsClosed();
    FAIRLEAD_ASSIGN_OR_RETURN(auto taken, memory_->TryReceive());
    const bool alive = taken.has_value() || memory_->IsProducerAlive();
    if (!alive) {
      FAIRLEAD_ASSIGN_OR_RETURN(taken, memory_->TryReceive());
    }
    if (taken.has_value()) {
      return ShmMessage(SlotHolder(memory_, taken->slot, taken->bytes),
                        taken->tag);
    }
    if (closed) return memory_->Closed();
    if (!alive) return memory_->Orphaned();
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          absl::StrCat("channel segment ", memory_->name(), ": no message"));
    }
    waiter.Wait(std::min(left, internal::kLifeCheck));
  }
}

absl::Status ShmConsumer::CheckAlive() const {
  if (memory_->IsClosed()) return memory_->Closed();
  return memory_->IsProducerAlive() ? absl::OkStatus() : memory_->Orphaned();
}

ShmChannelStats ShmConsumer::stats() const { return memory_->stats(); }

}  // namespace fairlead
