#include "libs/shm_channel/crash_note.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/random/philox.h"
#include "libs/shm_channel/shm_file.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

using Work = CrashNote::Work;
using Suspect = CrashNote::Suspect;
using Suspects = absl::flat_hash_map<Work, Suspect>;

constexpr uint64_t kMagic = 0x313030544F4E4C46;  // "FLNOT001"

// A cache line: a worker's slot, or a suspect. It says something while `check`
// fits the rest, so one that was being written when its process died, or that
// is no record at all, says nothing.
struct alignas(64) Record {
  std::atomic<uint64_t> work[3];
  std::atomic<uint64_t> deaths;  // and those alone in the upper half
  std::atomic<uint64_t> check;
};

struct alignas(64) Header {
  std::atomic<uint64_t> magic;  // the last to be written
  uint64_t owner;
  uint64_t slots;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

uint64_t FileBytes(uint64_t slots) {
  return sizeof(Header) + (slots + CrashNote::kMaxSuspects) * sizeof(Record);
}

Header& HeaderOf(const ShmFile& file) {
  return *std::launder(reinterpret_cast<Header*>(file.data()));
}

// Slots first, then suspects.
Record& RecordOf(const ShmFile& file, size_t index) {
  return *std::launder(reinterpret_cast<Record*>(file.data() + sizeof(Header) +
                                                 index * sizeof(Record)));
}

// Never 0, which is what nothing has.
uint64_t CheckOf(const Work& work, uint64_t deaths) {
  uint64_t check = SplitMix64(kMagic ^ deaths);
  for (const uint64_t word : work) check = SplitMix64(check ^ word);
  return check | 1;
}

void Write(const Work& work, uint64_t deaths, Record& record) {
  for (size_t i = 0; i < work.size(); ++i) {
    record.work[i].store(work[i], std::memory_order_relaxed);
  }
  record.deaths.store(deaths, std::memory_order_relaxed);
  record.check.store(CheckOf(work, deaths), std::memory_order_release);
}

std::optional<std::pair<Work, uint64_t>> Read(const Record& record) {
  const uint64_t check = record.check.load(std::memory_order_acquire);
  Work work;
  for (size_t i = 0; i < work.size(); ++i) {
    work[i] = record.work[i].load(std::memory_order_relaxed);
  }
  const uint64_t deaths = record.deaths.load(std::memory_order_relaxed);
  if (check != CheckOf(work, deaths)) return std::nullopt;
  return std::pair(work, deaths);
}

uint64_t Pack(const Suspect& suspect) {
  return uint64_t{suspect.deaths_alone} << 32 | suspect.deaths;
}

Suspect Unpack(uint64_t deaths) {
  return {.deaths = static_cast<uint32_t>(deaths),
          .deaths_alone = static_cast<uint32_t>(deaths >> 32)};
}

bool IsNote(const ShmFile& file) {
  return file.size() >= sizeof(Header) && HeaderOf(file).magic == kMagic &&
         HeaderOf(file).slots <= CrashNote::kMaxSlots &&
         file.size() == FileBytes(HeaderOf(file).slots);
}

// What a dead process knew, and what it died of.
Suspects SuspectsIn(const ShmFile& file) {
  const size_t slots = HeaderOf(file).slots;
  Suspects suspects;
  for (size_t i = 0; i < CrashNote::kMaxSuspects; ++i) {
    const auto known = Read(RecordOf(file, slots + i));
    if (known.has_value()) suspects[known->first] = Unpack(known->second);
  }
  absl::flat_hash_set<Work> in_hand;
  int hands = 0;
  for (size_t i = 0; i < slots; ++i) {
    const auto held = Read(RecordOf(file, i));
    if (!held.has_value()) continue;
    in_hand.insert(held->first);
    ++hands;
  }
  for (const Work& work : in_hand) {
    ++suspects[work].deaths;
    if (hands == 1) ++suspects[work].deaths_alone;
  }
  return suspects;
}

// A note that nobody alive has; without a file if it is none, but for its name.
struct DeadNote {
  std::string path;
  std::unique_ptr<ShmFile> file;
};

std::vector<DeadNote> FindDeadNotes(absl::string_view directory) {
  std::vector<DeadNote> notes;
  DIR* folder = opendir(std::string(directory).c_str());
  if (folder == nullptr) return notes;
  while (const dirent* entry = readdir(folder)) {
    if (!absl::StartsWith(entry->d_name, kNotePrefix)) continue;
    auto file = ShmFile::Open(directory, kNotePrefix, entry->d_name);
    // (An empty one is DATA_LOSS: owners name what is whole.)
    if (absl::IsNotFound(file.status())) continue;
    if (file.ok() && (*file)->IsHeldByOthers(ShmFile::Role::kOwner)) continue;
    DeadNote& note = notes.emplace_back();
    note.path = absl::StrCat(directory, "/", entry->d_name);
    if (file.ok() && IsNote(**file)) note.file = *std::move(file);
  }
  closedir(folder);
  return notes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CrashNote>> CrashNote::Open(
    absl::string_view directory, uint64_t owner, size_t slots) {
  if (slots > kMaxSlots) {
    return absl::InvalidArgumentError(absl::StrCat(
        "crash note: ", slots, " slots are more than ", kMaxSlots));
  }
  std::vector<DeadNote> notes = FindDeadNotes(directory);
  const auto is_others = [owner](const DeadNote& note) {
    return note.file != nullptr && HeaderOf(*note.file).owner != owner;
  };
  notes.erase(std::remove_if(notes.begin(), notes.end(), is_others),
              notes.end());
  Suspects known;
  for (const DeadNote& note : notes) {
    if (note.file == nullptr) continue;
    for (const auto& [work, suspect] : SuspectsIn(*note.file)) {
      // One who died here before had the other's note too: no sum.
      Suspect& both = known[work];
      both.deaths = std::max(both.deaths, suspect.deaths);
      both.deaths_alone = std::max(both.deaths_alone, suspect.deaths_alone);
    }
  }
  std::vector<std::pair<uint64_t, Work>> worst;  // first
  for (const auto& [work, suspect] : known) {
    worst.emplace_back(Pack(suspect), work);
  }
  std::sort(worst.begin(), worst.end(), std::greater<>());
  worst.resize(std::min(worst.size(), kMaxSuspects));

  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<ShmFile> file,
      ShmFile::Create(directory, kNotePrefix, FileBytes(slots)));
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<CrashNote> note(new CrashNote(std::move(file)));
  for (size_t i = 0; i < worst.size(); ++i) {
    const auto& [deaths, work] = worst[i];
    Write(work, deaths, RecordOf(*note->file_, slots + i));
    note->suspects_[work] = {.suspect = Unpack(deaths), .record = slots + i};
  }
  Header& header = HeaderOf(*note->file_);
  header.owner = owner;
  header.slots = slots;
  header.magic.store(kMagic, std::memory_order_release);
  // (Whoever died before this left the old ones as they were.)
  for (const DeadNote& old : notes) unlink(old.path.c_str());
  return note;
}

void CrashNote::Begin(size_t slot, const Work& work) {
  Write(work, 0, RecordOf(*file_, slot));
  // What it warns of must not come first.
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

void CrashNote::End(size_t slot) {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  RecordOf(*file_, slot).check.store(0, std::memory_order_release);
}

const CrashNote::Suspect* CrashNote::Find(const Work& work) const {
  const auto it = suspects_.find(work);
  return it == suspects_.end() ? nullptr : &it->second.suspect;
}

void CrashNote::Clear(const Work& work) {
  const auto it = suspects_.find(work);
  if (it == suspects_.end()) return;
  RecordOf(*file_, it->second.record).check.store(0, std::memory_order_release);
  suspects_.erase(it);
}

size_t CrashNote::CountDeathsAlone(uint32_t at_least) const {
  return static_cast<size_t>(std::count_if(
      suspects_.begin(), suspects_.end(), [at_least](const auto& entry) {
        return entry.second.suspect.deaths_alone >= at_least;
      }));
}

int SweepNotes(absl::string_view directory) {
  int removed = 0;
  for (const DeadNote& note : FindDeadNotes(directory)) {
    if (unlink(note.path.c_str()) == 0) ++removed;
  }
  return removed;
}

}  // namespace fairlead
