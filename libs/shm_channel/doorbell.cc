#include "libs/shm_channel/doorbell.h"

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/shm_channel/futex.h"
#include "libs/shm_channel/shm_file.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr uint64_t kMagic = 0x3130304C4C454246;  // "FBELL001"

struct Shared {
  uint64_t magic = kMagic;
  std::atomic<uint32_t> rings{0};  // the futex: moves with every new ring
  std::atomic<uint32_t> asleep{0};
  std::atomic<uint32_t> stopped{0};
  alignas(64) std::atomic<uint64_t> rung[Doorbell::kSlots / 64] = {};
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

Shared& In(const ShmFile& file) {
  return *std::launder(reinterpret_cast<Shared*>(file.data()));
}

// The owner may be about to sleep: it has said so before it looked at the bits
// for the last time (see Wait), so either it sees what was set, or this sees
// that it sleeps. That takes the total order of seq_cst on both sides.
void Wake(Shared& shared) {
  shared.rings.fetch_add(1);
  if (shared.asleep.load() != 0) FutexWakeAll(shared.rings);
}

std::vector<uint32_t> TakeRung(Shared& shared) {
  std::vector<uint32_t> slots;
  for (uint32_t i = 0; i < Doorbell::kSlots / 64; ++i) {
    if (shared.rung[i].load() == 0) continue;
    for (uint64_t bits = shared.rung[i].exchange(0); bits != 0;
         bits &= bits - 1) {
      slots.push_back(i * 64 + static_cast<uint32_t>(std::countr_zero(bits)));
    }
  }
  return slots;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Doorbell>> Doorbell::Create(
    absl::string_view directory) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<ShmFile> file,
      ShmFile::Create(directory, kDoorbellPrefix, sizeof(Shared)));
  new (file->data()) Shared;
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<Doorbell>(new Doorbell(std::move(file)));
}

std::vector<uint32_t> Doorbell::Wait(absl::Duration timeout) {
  Shared& shared = In(*file_);
  const bool forever = timeout == absl::InfiniteDuration();
  for (bool waited = false;; waited = true) {
    if (shared.stopped.load() != 0) return {};
    std::vector<uint32_t> slots = TakeRung(shared);
    if (!slots.empty() || (waited && !forever)) return slots;
    const uint32_t rings = shared.rings.load();
    shared.asleep.store(1);
    slots = TakeRung(shared);
    if (slots.empty() && shared.stopped.load() == 0) {
      FutexWait(shared.rings, rings, timeout);
    }
    shared.asleep.store(0);
    if (!slots.empty()) return slots;
  }
}

void Doorbell::Stop() {
  In(*file_).stopped.store(1);
  Wake(In(*file_));
}

absl::StatusOr<std::unique_ptr<DoorbellRinger>> DoorbellRinger::Open(
    absl::string_view directory, absl::string_view name) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<ShmFile> file,
                            ShmFile::Open(directory, kDoorbellPrefix, name));
  if (file->size() < sizeof(Shared) || In(*file).magic != kMagic) {
    return absl::DataLossError(
        absl::StrCat("doorbell ", name, ": is none of this version's"));
  }
  return std::unique_ptr<DoorbellRinger>(new DoorbellRinger(std::move(file)));
}

void DoorbellRinger::Ring(uint32_t slot) {
  if (slot >= Doorbell::kSlots) return;
  Shared& shared = In(*file_);
  const uint64_t bit = uint64_t{1} << (slot % 64);
  if ((shared.rung[slot / 64].fetch_or(bit) & bit) == 0) Wake(shared);
}

}  // namespace fairlead
