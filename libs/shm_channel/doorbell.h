#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_DOORBELL_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_DOORBELL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace fairlead {

// Lets one thread of a process sleep until any of many channels needs it: a
// small segment with a bit per slot and one futex. Whoever has something for
// the owner rings a slot; the owner wakes and learns which slots were rung.
// Ringing a slot that is already rung costs one load and no system call;
// rings of different slots are merged into one wake-up.
//
// The owner.
class Doorbell {
 public:
  static constexpr uint32_t kSlots = 4096;

  static absl::StatusOr<std::unique_ptr<Doorbell>> Create(
      absl::string_view directory);
  virtual ~Doorbell() = default;  // removes the segment's name

  virtual const std::string& name() const = 0;

  // The slots rung since the last call, ascending, waiting at most `timeout`
  // for one; empty if none was, or after Stop(). One thread.
  virtual std::vector<uint32_t> Wait(absl::Duration timeout) = 0;

  // Makes this and every later Wait return at once. Thread-safe.
  virtual void Stop() = 0;
};

// The other side. Thread-safe.
class DoorbellRinger {
 public:
  static absl::StatusOr<std::unique_ptr<DoorbellRinger>> Open(
      absl::string_view directory, absl::string_view name);
  virtual ~DoorbellRinger() = default;

  // Everything that this thread wrote before is seen by the owner when it
  // learns of the ring. REQUIRES slot < kSlots.
  virtual void Ring(uint32_t slot) = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_DOORBELL_H_
