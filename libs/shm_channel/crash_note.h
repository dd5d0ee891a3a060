#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_CRASH_NOTE_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_CRASH_NOTE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/shm_channel/shm_file.h"

namespace fairlead {

// How a note's file name starts. No sweep of a folder touches it, since it is
// for whoever comes next.
inline constexpr char kNotePrefix[] = "fairlead-note-";

// What a process has in hand, kept where the next one finds it if this one
// dies: which pieces of work were in the making at each death, and which of
// them were so alone.
//
//   auto note = CrashNote::Open(directory, owner, /*slots=*/workers);
//   note->Begin(worker, work);    // may kill the process
//   note->End(worker);
//   if (const auto* suspect = note->Find(work)) ...   // of those before
//
// It ends with its object, but not with its process: who ends in order leaves
// nothing. Slots may be used by one thread each at any time; the rest is
// thread-compatible.
class CrashNote {
 public:
  // A piece of work, by numbers that name the same in any process.
  using Work = std::array<uint64_t, 3>;

  // What was in hand when a process died, and has not been cleared since.
  struct Suspect {
    uint32_t deaths = 0;
    uint32_t deaths_alone = 0;  // of these, with nothing else in hand
  };

  static constexpr size_t kMaxSlots = 1024;
  // Of more, those with the fewest deaths are forgotten.
  static constexpr size_t kMaxSuspects = 256;

  // A note of its own, with all that the dead of the same `owner` left in the
  // directory; their notes are removed, and so is what is no note. As
  // ShmFile::Create; INVALID_ARGUMENT for more slots than kMaxSlots.
  static absl::StatusOr<std::unique_ptr<CrashNote>> Open(
      absl::string_view directory, uint64_t owner, size_t slots);

  // Two or three stores. REQUIRES slot < slots.
  void Begin(size_t slot, const Work& work);
  void End(size_t slot);

  // Null if it is no suspect.
  const Suspect* Find(const Work& work) const;
  // It was done, and nobody died. Nothing if it is no suspect.
  void Clear(const Work& work);

  size_t num_suspects() const { return suspects_.size(); }
  // Of these, those that have died alone so often, or more.
  size_t CountDeathsAlone(uint32_t at_least) const;

 private:
  struct Entry {
    Suspect suspect;
    size_t record;  // in the file
  };

  explicit CrashNote(std::unique_ptr<ShmFile> file) : file_(std::move(file)) {}

  const std::unique_ptr<ShmFile> file_;
  absl::flat_hash_map<Work, Entry> suspects_;
};

// Removes the notes of dead processes, whoever may be going to ask for them.
// Returns how many.
int SweepNotes(absl::string_view directory);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_CRASH_NOTE_H_
