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

namespace fairlead {

// Hands variable-size messages from producer processes to a consumer process
// through shared memory, without copying at either end. [..what it promises]
//
//   auto producer = ShmProducer::Create({.directory = "/dev/shm"});
//   auto space = (*producer)->Reserve(n, absl::InfiniteDuration());
//   FillIn(space->bytes());
//   space->Commit(tag);
//
//   auto consumer = ShmConsumer::Open("/dev/shm", producer->name());
//   auto message = (*consumer)->Receive(absl::InfiniteDuration());
//   Use(message->bytes());   // valid until `message` goes

// Words that travel with a message. The channel never looks at them.
using MessageTag = std::array<uint64_t, 4>;

struct ShmChannelOptions {
  std::string directory = "/dev/shm";  // a tmpfs that both ends see
  uint64_t capacity_bytes = 64 << 20;  // of payload; rounded up to whole pages
  uint32_t max_messages = 64;          // reserved, waiting or held, together
};

class ShmCredit;       // a promise of space
class ShmReservation;  // space to write a message in place
class ShmMessage;      // a message to read in place

// The producing end. Thread-safe. Create() makes the segment and owns it: when
// the owner goes, the channel is closed and the segment's name removed (a
// consumer that has it mapped may drain it). Open() joins as another producer.
class ShmProducer {
 public:
  // INVALID_ARGUMENT for bad options; RESOURCE_EXHAUSTED if the file system or
  // `budget` cannot hold it (all of it is allocated now, so never a SIGBUS
  // later); NOT_FOUND if there is no such directory.
  static absl::StatusOr<std::unique_ptr<ShmProducer>> Create(
      const ShmChannelOptions& options, class ShmBudget* budget = nullptr);
  static absl::StatusOr<std::unique_ptr<ShmProducer>> Open(
      absl::string_view directory, absl::string_view name);

  // Space for `bytes` (may be 0), waiting at most `timeout` for it: 0 polls
  // once, InfiniteDuration waits for ever. OUT_OF_RANGE if it is more than the
  // channel can ever hold; DEADLINE_EXCEEDED; CANCELLED once closed;
  // DATA_LOSS if the segment is corrupt.
  absl::StatusOr<ShmReservation> Reserve(uint64_t bytes,
                                         absl::Duration timeout);

  // A promise that a later Reserve of up to `bytes` finds room, if that can be
  // given now; never waits. RESOURCE_EXHAUSTED if not now; else as Reserve.
  absl::StatusOr<ShmCredit> TryPromise(uint64_t bytes);

  // Space out of a promise; the rest of the promise is given back. If `bytes`
  // is more than was promised, and there is no room for it now,
  // RESOURCE_EXHAUSTED and the promise stays as it was. Never waits.
  absl::StatusOr<ShmReservation> ReserveFrom(ShmCredit& credit,
                                             uint64_t bytes);

  // No more messages. Wakes whoever is blocked, at both ends. Idempotent.
  void Close();
};

// The consuming end. Thread-safe: several threads, or several consumers of one
// segment, each get different messages.
class ShmConsumer {
 public:
  // NOT_FOUND if there is no such segment; DATA_LOSS if it is not one of ours.
  static absl::StatusOr<std::unique_ptr<ShmConsumer>> Open(
      absl::string_view directory, absl::string_view name);

  // The oldest waiting message, waiting at most `timeout` for one.
  // DEADLINE_EXCEEDED; CANCELLED once the channel is closed and drained;
  // UNAVAILABLE once its producers died and it is drained; DATA_LOSS.
  absl::StatusOr<ShmMessage> Receive(absl::Duration timeout);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_SHM_CHANNEL_H_
