#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_DOORBELL_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_DOORBELL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/shm_channel/shm_file.h"

namespace fairlead {

// Lets one thread of a process sleep until any of many channels needs it: a
// small file in shared memory with a bit per slot and one futex. Whoever has
// something for the owner rings a slot; the owner wakes and learns which slots
// were rung. A slot that is rung already costs no system call, and rings that
// come while the owner is awake none either.
//
// The owner's side.
class Doorbell {
 public:
  static constexpr uint32_t kSlots = 4096;

  // As ShmFile::Create.
  static absl::StatusOr<std::unique_ptr<Doorbell>> Create(
      absl::string_view directory);

  const std::string& name() const { return file_->name(); }

  // The slots rung since the last call, ascending, waiting at most `timeout`
  // for one; empty if none was, or after Stop(). One thread.
  std::vector<uint32_t> Wait(absl::Duration timeout);

  // Makes this and every later Wait return at once. Thread-safe.
  void Stop();

 private:
  explicit Doorbell(std::unique_ptr<ShmFile> file) : file_(std::move(file)) {}

  const std::unique_ptr<ShmFile> file_;
};

// The other side. Thread-safe.
class DoorbellRinger {
 public:
  // NOT_FOUND if there is no such doorbell; DATA_LOSS if it is none of ours.
  static absl::StatusOr<std::unique_ptr<DoorbellRinger>> Open(
      absl::string_view directory, absl::string_view name);

  // Everything that this thread wrote before is seen by the owner when it
  // learns of the ring. Nothing if slot >= kSlots.
  void Ring(uint32_t slot);

 private:
  explicit DoorbellRinger(std::unique_ptr<ShmFile> file)
      : file_(std::move(file)) {}

  const std::unique_ptr<ShmFile> file_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_DOORBELL_H_
